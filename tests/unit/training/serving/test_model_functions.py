"""The four functions answer as SageMaker's PyTorch container calls them."""

from __future__ import annotations

import base64
import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from imgclf.artifacts import save_model
from imgclf.errors import RequestError
from imgclf.model_card import ModelCard
from imgclf.networks.models import build_model, preset_for
from imgclf.onnx_export import export_model
from imgclf.serving import model_functions


@pytest.fixture(scope="module")
def model_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write an untrained model of 133 classes."""
    folder = tmp_path_factory.mktemp("model")
    model = build_model(architecture="small_cnn", classes=133, freeze_backbone=False)
    preset = preset_for(architecture="small_cnn", image_size=16)
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
        preset=preset,
        onnx=export_model(folder, classifier=model, preset=preset),
    )
    save_model(folder, model=model, classes=[f"{n:03}.breed" for n in range(133)], card=card)
    return folder


@pytest.mark.parametrize(
    "content_type", ["image/jpeg", "image/png", "image/webp", "application/x-image", "IMAGE/PNG; x=y"]
)
def test_an_image_becomes_one_row_of_133_numbers(
    model_dir: Path, make_image: Callable[..., bytes], content_type: str
) -> None:
    model = model_functions.model_fn(str(model_dir))
    pixels = model_functions.input_fn(make_image(), content_type)
    assert (pixels.shape, pixels.dtype) == ((1, 3, 16, 16), np.uint8)
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
        (b"[" * 50_000, "application/json", 400, "the JSON holds more than"),
        (b'{"url":' * 5_000, "Application/JSON; charset=utf-8", 400, "the body is not JSON"),
        (b'{"s3_uri": "s3://x"}', "application/json", 400, "no address of an object"),
        (b'{"instances": [{"b64": "YQ=="}]}', "application/json", 400, "not an image"),
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
    assert model_functions.output_fn(np.zeros((1, 2), np.float32), accept) == b"[[0.0, 0.0]]"


def test_other_answers_are_not() -> None:
    with pytest.raises(RequestError, match="'text/csv' is not on offer") as raised:
        model_functions.output_fn(np.zeros((1, 2), np.float32), "text/csv")
    assert raised.value.status == 406


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_no_answer_holds_what_json_cannot(value: float) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        model_functions.output_fn(np.array([[0.5, value]]), "application/json")


def test_images_in_base64_become_as_many_rows(model_dir: Path, make_image: Callable[..., bytes]) -> None:
    model = model_functions.model_fn(str(model_dir))
    text = base64.b64encode(make_image()).decode()
    body = json.dumps({"instances": [{"b64": text}] * 3}).encode()
    pixels = model_functions.input_fn(body, "application/json")
    assert pixels.shape == (3, 3, 16, 16)
    assert model_functions.predict_fn(pixels, model).shape == (3, 133)


@pytest.mark.parametrize(
    "accept", ["application/json;verbose=true", "text/html, Application/JSON; Verbose=True"]
)
def test_labels_come_with_probabilities_from_the_likeliest_on(
    model_dir: Path, accept: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = model_functions.model_fn(str(model_dir)).folder
    monkeypatch.setitem(folder.card, "temperature", 2.0)
    logits = np.zeros((2, 133), np.float32)
    logits[0, 7], logits[1, 9] = 2 * np.log(10), 1000
    first, second = json.loads(model_functions.output_fn(logits, accept))
    assert first["predicted_label"] == "007.breed"
    assert first["labels"][:2] == ["007.breed", "000.breed"]
    assert first["probabilities"][0] == pytest.approx(10 / 142)
    assert sum(first["probabilities"]) == pytest.approx(1)
    assert (second["predicted_label"], second["probabilities"][0]) == ("009.breed", 1)


@pytest.mark.parametrize("accept", ["application/json;verbose=false", "text/html;verbose=true, */*"])
def test_numbers_alone_come_otherwise(accept: str) -> None:
    assert model_functions.output_fn(np.zeros((1, 2), np.float32), accept) == b"[[0.0, 0.0]]"


def test_a_model_is_warmed_up_by_an_image_of_its_own_size(
    model_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[int, ...]] = []
    monkeypatch.setattr(model_functions, "predict_fn", lambda pixels, _: seen.append(pixels.shape))
    model_functions.warm_up(model_functions.model_fn(str(model_dir)))
    assert seen == [(1, 3, 16, 16)]


def test_only_the_runtimes_know_what_runs_the_model() -> None:
    """So that another runtime needs one class more, and no change of the server."""
    package = Path(model_functions.__file__).parent
    knowing = {
        path.name for path in package.glob("*.py") if re.search("import (torch|onnx)", path.read_text())
    }
    assert knowing == {"runtimes.py"}


SERVE_WITHOUT_TORCH = """
import sys
for name in ("torch", "torchvision", "torchmetrics", "safetensors", "onnx"):
    sys.modules[name] = None
import serve, inference
model = inference.model_fn(sys.argv[1])
pixels = inference.input_fn(open(sys.argv[2], "rb").read(), "image/png")
print(inference.output_fn(inference.predict_fn(pixels, model), "application/json").decode())
"""


def test_a_model_is_served_where_there_is_no_torch(
    model_dir: Path, make_image: Callable[..., bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the archive's own code, and the same answer as by torch."""
    (tmp_path / "photo").write_bytes(make_image(size=(40, 30)))
    command = [sys.executable, "-c", SERVE_WITHOUT_TORCH, str(model_dir), str(tmp_path / "photo")]
    done = subprocess.run(command, cwd=model_dir / "code", capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    monkeypatch.setenv("MUSHER_SERVE_RUNTIME", "torch")
    model = model_functions.model_fn(str(model_dir))
    pixels = model_functions.input_fn((tmp_path / "photo").read_bytes(), "image/png")
    truth = model_functions.predict_fn(pixels, model)
    assert np.allclose(json.loads(done.stdout), truth, atol=1e-4 * np.abs(truth).max())
