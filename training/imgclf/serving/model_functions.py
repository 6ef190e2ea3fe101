"""The four functions of a served model: load it, read a request, predict, write the answer.

SageMaker's PyTorch container calls them one after the other; our server calls their parts.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from imgclf.errors import AcceptError, ContentTypeError, ImageError
from imgclf.presets import Preset
from imgclf.serving.fetch import fetch_image
from imgclf.serving.runtimes import Logits, Pixels, ServedModel, load_served_model

IMAGE_TYPES = ("image/jpeg", "image/png", "image/webp", "application/x-image")
JSON_TYPE = "application/json"

_loaded: dict[str, Preset] = {}
"""The preset of the model that this process serves; the toolkit gives input_fn no model."""


def model_fn(model_dir: str) -> ServedModel:
    """Load the model folder; raise ModelError when it is missing, damaged, pickled or contradicts itself."""
    model = load_served_model(Path(model_dir), os.environ)
    _loaded["preset"] = model.folder.preset
    return model


def input_fn(request_body: bytes, content_type: str) -> Pixels:
    """Turn a request's body into the image's pixels: (1, 3, S, S) uint8.

    Takes image bytes (IMAGE_TYPES) or JSON {"url": "https://..."}.
    Raises ContentTypeError, ImageError, TooLargeError or SourceError.
    """
    return decode_image(read_image(request_body, content_type))


def read_image(request_body: bytes, content_type: str) -> bytes:
    """Return the image file of a request: its body, or what is at the URL that it names."""
    kind = media_type(content_type)
    if kind in IMAGE_TYPES:
        return bytes(request_body)
    if kind == JSON_TYPE:
        return fetch_image(_url(request_body), environ=os.environ)
    raise ContentTypeError(
        f"content type {kind!r} is not served: send one of {', '.join(IMAGE_TYPES)}, {JSON_TYPE}"
    )


def decode_image(data: bytes) -> Pixels:
    """Return an image file's pixels (1, 3, S, S) uint8; raise ImageError where it is none."""
    return _loaded["preset"].to_pixels(data)[np.newaxis]


def media_type(content_type: str) -> str:
    """Return `type/subtype` of a Content-Type header, in lower case and without its parameters.

    https://www.rfc-editor.org/rfc/rfc9110#name-media-type
    """
    return content_type.partition(";")[0].strip().lower()


def predict_fn(pixels: Pixels, model: ServedModel) -> Logits:
    """Return the logits (B, classes) of pixels (B, 3, S, S) uint8."""
    return model.runtime.predict(pixels)


def warm_up(model: ServedModel) -> None:
    """Predict once: the first time is the slowest."""
    side = model.folder.preset.image_size
    predict_fn(np.zeros((1, 3, side, side), np.uint8), model)


def output_fn(prediction: Logits, accept: str) -> bytes:
    """Return logits (B, classes) as the JSON list [[f, f, ...], ...].

    Raises AcceptError for other types, ValueError for logits that are no finite numbers.
    """
    kinds = [media_type(part) for part in accept.split(",")]
    if not {JSON_TYPE, "application/*", "*/*", ""} & set(kinds):
        raise AcceptError(f"accept {accept!r} is not on offer: ask for {JSON_TYPE}")
    return json.dumps(prediction.tolist(), allow_nan=False).encode()


def _url(body: bytes) -> str:
    """Read {"url": "..."}; raise ImageError for any other JSON."""
    try:
        value: Any = json.loads(body)
    except (ValueError, RecursionError):
        raise ImageError('the body is not JSON: send {"url": "https://..."}') from None
    if not isinstance(value, dict) or not isinstance(value.get("url"), str):
        raise ImageError('the JSON has no text "url": send {"url": "https://..."}')
    return str(value["url"])
