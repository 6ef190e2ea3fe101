"""The four functions of a served model: load it, read a request, predict, write the answer.

Of the serving package only this module and `batching`, which joins images, know what runs the model.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import torch

from imgclf.artifacts import LoadedModel, load_model
from imgclf.errors import AcceptError, ContentTypeError, ImageError
from imgclf.presets import Preset
from imgclf.serving.fetch import fetch_image

IMAGE_TYPES = ("image/jpeg", "image/png", "application/x-image")
JSON_TYPE = "application/json"

Pixels = torch.Tensor
"""Of one image or a batch: (B, 3, S, S) uint8."""

_loaded: dict[str, Preset] = {}
"""The preset of the model that this process serves; the toolkit gives input_fn no model."""


def model_fn(model_dir: str) -> LoadedModel:
    """Load the model folder; raise ModelError when it is missing, damaged, pickled or contradicts itself."""
    model = load_model(Path(model_dir))
    _loaded["preset"] = model.preset
    return model


def input_fn(request_body: bytes, content_type: str) -> torch.Tensor:
    """Turn a request's body into the image's pixels: (1, 3, S, S) uint8.

    Takes image bytes (image/jpeg, image/png, application/x-image) or JSON {"url": "https://..."}.
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


def decode_image(data: bytes) -> torch.Tensor:
    """Return an image file's pixels (1, 3, S, S) uint8; raise ImageError where it is none."""
    return torch.from_numpy(_loaded["preset"].to_pixels(data)).unsqueeze(0)


def media_type(content_type: str) -> str:
    """Return `type/subtype` of a Content-Type header, in lower case and without its parameters.

    https://www.rfc-editor.org/rfc/rfc9110#name-media-type
    """
    return content_type.partition(";")[0].strip().lower()


@torch.inference_mode()
def predict_fn(pixels: torch.Tensor, model: LoadedModel) -> torch.Tensor:
    """Return the logits (B, classes) of pixels (B, 3, S, S) uint8."""
    logits: torch.Tensor = model.classifier(model.preset.normalise(pixels))
    return logits


def warm_up(model: LoadedModel) -> None:
    """Predict once: the first time is the slowest."""
    side = model.preset.image_size
    predict_fn(torch.zeros(1, 3, side, side, dtype=torch.uint8), model)


def output_fn(prediction: torch.Tensor, accept: str) -> bytes:
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
