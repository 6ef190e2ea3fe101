"""The four functions answer as SageMaker's PyTorch container calls them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from imgclf.artifacts import ModelCard, save_model
from imgclf.errors import RequestError
from imgclf.networks.models import build_model
from imgclf.serving import model_functions


@pytest.fixture(scope="module")
def model_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write an untrained model of 133 classes."""
    folder = tmp_path_factory.mktemp("model")
    model = build_model(architecture="small_cnn", classes=133, freeze_backbone=False)
    hyperparameters = {"architecture": "small_cnn", "image_size": 16, "freeze_backbone": False}
    card = ModelCard(
        architecture="small_cnn",
        image_size=16,
        classes=133,
        parameters=0,
        hyperparameters=hyperparameters,
        data_hash="",
        code_hash="",
        metrics={},
        world_size=1,
        framework={},
    )
    save_model(folder, model=model, classes=[f"{n:03}.breed" for n in range(133)], card=card)
    return folder


@pytest.mark.parametrize("content_type", ["image/jpeg", "image/png", "application/x-image", "IMAGE/PNG; x=y"])
def test_an_image_becomes_one_row_of_133_numbers(
    model_dir: Path, make_image: Callable[..., bytes], content_type: str
) -> None:
    model = model_functions.model_fn(str(model_dir))
    pixels = model_functions.input_fn(make_image(), content_type)
    assert (pixels.shape, pixels.dtype) == ((1, 3, 16, 16), torch.uint8)
    body = json.loads(
        model_functions.output_fn(model_functions.predict_fn(pixels, model), "application/json")
    )
    assert [len(row) for row in body] == [133]
    assert all(isinstance(value, float) for value in body[0])


@pytest.mark.parametrize(
    ("body", "content_type", "status", "reason"),
    [
        (b"no image", "image/jpeg", 400, "not an image"),
        (b"no json", "application/json", 400, "the body is not JSON"),
        (b"[]", "application/json", 400, 'has no text "url"'),
        (b'{"url": 7}', "application/json", 400, 'has no text "url"'),
        (b"\xff", "application/json", 400, "the body is not JSON"),
        (b"[" * 50_000, "application/json", 400, "the body is not JSON"),
        (b'{"url":' * 50_000, "Application/JSON; charset=utf-8", 400, "the body is not JSON"),
        (b'{"url": "http://10.0.0.1/x"}', "application/json", 424, "not a public address"),
        (b"x", "text/csv", 415, "'text/csv' is not served"),
        (b"x", "", 415, "send one of image/jpeg"),
    ],
)
def test_bad_requests_name_their_fault(
    model_dir: Path, body: bytes, content_type: str, status: int, reason: str
) -> None:
    model_functions.model_fn(str(model_dir))
    with pytest.raises(RequestError, match=reason) as raised:
        model_functions.input_fn(body, content_type)
    assert raised.value.status == status


@pytest.mark.parametrize("accept", ["application/json", "*/*", "", "text/html, application/json;q=0.9"])
def test_json_is_on_offer(accept: str) -> None:
    assert model_functions.output_fn(torch.zeros(1, 2), accept) == b"[[0.0, 0.0]]"


def test_other_answers_are_not() -> None:
    with pytest.raises(RequestError, match="'text/csv' is not on offer") as raised:
        model_functions.output_fn(torch.zeros(1, 2), "text/csv")
    assert raised.value.status == 406


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_no_answer_holds_what_json_cannot(value: float) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        model_functions.output_fn(torch.tensor([[0.5, value]]), "application/json")


@pytest.mark.parametrize(
    "header",
    ["image/jpeg", "IMAGE/JPEG", "Image/Jpeg;q=1", " image/jpeg ; charset=binary", 'image/jpeg;a="x;y"'],
)
def test_a_media_type_is_compared_without_case_and_parameters(header: str) -> None:
    assert model_functions.media_type(header) == "image/jpeg"


def test_a_model_is_warmed_up_by_an_image_of_its_own_size(
    model_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[torch.Size] = []
    monkeypatch.setattr(model_functions, "predict_fn", lambda pixels, _: seen.append(pixels.shape))
    model_functions.warm_up(model_functions.model_fn(str(model_dir)))
    assert seen == [(1, 3, 16, 16)]


def test_no_other_module_of_serving_knows_what_runs_the_model() -> None:
    """So that a second runtime needs one module more, and no change of the server."""
    package = Path(model_functions.__file__).parent
    knowing = {path.name for path in package.glob("*.py") if "import torch\n" in path.read_text()}
    assert knowing == {"model_functions.py", "batching.py"}
