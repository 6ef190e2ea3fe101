"""The four functions of a served model: load it, read a request, predict, write the answer.

SageMaker's PyTorch container calls them one after the other; our server calls their parts.
"""

from __future__ import annotations

import functools
import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from imgclf.errors import AcceptError
from imgclf.model_card import ModelFolder
from imgclf.serving.fetch import fetch_image
from imgclf.serving.objects import fetch_object
from imgclf.serving.questions import JSON_TYPE, Elsewhere, media_type, read_question
from imgclf.serving.runtimes import Logits, Pixels, ServedModel, load_served_model

_to_json = json.JSONEncoder(allow_nan=False).encode
_loaded: dict[str, ModelFolder] = {}
"""The model that this process serves; the toolkit gives input_fn and output_fn none."""


def model_fn(model_dir: str) -> ServedModel:
    """Load the model folder; raise ModelError when it is missing, damaged, pickled or contradicts itself."""
    model = load_served_model(Path(model_dir), os.environ)
    _loaded["folder"] = model.folder
    return model


def input_fn(request_body: bytes, content_type: str) -> Pixels:
    """Turn a request's body into its images' pixels: (N, 3, S, S) uint8.

    Takes what imgclf.serving.questions reads.
    Raises ContentTypeError, ImageError, TooLargeError or SourceError.
    """
    question = read_question(request_body, content_type)
    images = [fetch(question)] if isinstance(question, Elsewhere) else question
    return np.concatenate([decode_image(image) for image in images])


def fetch(question: Elsewhere) -> bytes:
    """Return the image file that lies elsewhere; raise SourceError, ImageError or TooLargeError."""
    if question.kind == "s3_uri":
        return fetch_object(question.address)
    return fetch_image(question.address, environ=os.environ)


def decode_image(data: bytes) -> Pixels:
    """Return an image file's pixels (1, 3, S, S) uint8; raise ImageError where it is none."""
    return _loaded["folder"].preset.to_pixels(data)[np.newaxis]


def predict_fn(pixels: Pixels, model: ServedModel) -> Logits:
    """Return the logits (B, classes) of pixels (B, 3, S, S) uint8."""
    return model.runtime.predict(pixels)


def warm_up(model: ServedModel) -> None:
    """Predict once: the first time is the slowest."""
    side = model.folder.preset.image_size
    predict_fn(np.zeros((1, 3, side, side), np.uint8), model)


def output_fn(prediction: Logits, accept: str) -> bytes:
    """Return logits (B, classes) as the JSON list [[f, f, ...], ...], or labelled, as `is_verbose` says.

    Raises AcceptError for other types, ValueError for logits that are no finite numbers.
    """
    answer = label(prediction, _loaded["folder"]) if is_verbose(accept) else prediction.tolist()
    return _to_json(answer).encode()


@functools.lru_cache(maxsize=64)  # asked for twice by each request, of few that differ
def is_verbose(accept: str) -> bool:
    """Return whether labels with probabilities are asked for: `application/json;verbose=true`.

    Raises AcceptError where JSON is not accepted at all.
    """
    parts = [part.lower() for part in accept.split(",")]
    if not {JSON_TYPE, "application/*", "*/*", ""} & {media_type(part) for part in parts}:
        raise AcceptError(f"accept {accept[:200]!r} is not on offer: ask for {JSON_TYPE}")
    return any(
        "verbose=true" in [word.strip() for word in part.split(";")[1:]]
        for part in parts
        if media_type(part) == JSON_TYPE
    )


def label(logits: Logits, folder: ModelFolder) -> list[dict[str, Any]]:
    """Return for each image its classes and their probabilities, from the likeliest on."""
    scaled = logits.astype(np.float64) / (folder.card.get("temperature") or 1.0)
    odds = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    answers = []
    for row in odds / odds.sum(axis=1, keepdims=True):
        order = np.argsort(-row, kind="stable")
        names = [folder.classes[place] for place in order]
        answers.append({"predicted_label": names[0], "labels": names, "probabilities": row[order].tolist()})
    return answers
