"""What the serving of an inference.py does where the code has no function of its own."""

import io
import json
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from localaws.children.inference_server import (
    CSV,
    DEFAULTS,
    JSON,
    NPY,
    ArrayDefaults,
    Model,
    UnsupportedFormatError,
    load_module,
)
from localaws.sagemaker.endpoints.model_data import framework


def serve(framework: str = "plain", **functions: Any) -> Model:
    """Return a model served by these functions and a framework's defaults."""
    module = ModuleType("code")
    vars(module).update(functions)
    return Model(module, defaults=DEFAULTS[framework](), model_dir="/opt/ml/model")


def test_text_comes_as_text_and_other_bodies_as_bytes() -> None:
    seen: list[Any] = []
    model = serve(
        model_fn=lambda model_dir: model_dir,
        input_fn=lambda body, content_type: seen.append((body, content_type)),
        predict_fn=lambda data, model: model,
        output_fn=lambda prediction, accept: prediction,
    )
    for kind in ("application/json; charset=utf-8", CSV, "image/jpeg"):
        assert model.answer(b"1", headers={"Content-Type": kind}) == (b"/opt/ml/model", JSON)
    assert seen == [("1", JSON), ("1", CSV), (b"1", "image/jpeg")]


def test_functions_with_room_for_it_get_the_context() -> None:
    model = serve(
        model_fn=lambda model_dir, context: context.system_properties["model_dir"],
        predict_fn=lambda data, model, context: [model, context.get_request_header(0, "X-Mine")],
    )
    body, _ = model.answer(b"1", headers={"x-mine": "yes"})
    assert json.loads(body) == ["/opt/ml/model", "yes"]
    whole = serve(
        model_fn=lambda model_dir: None,
        transform_fn=lambda model, body, kind, accept, context: context.get_request_header(0, "Content-Type"),
    )
    assert whole.answer(b"1", headers={"Content-Type": CSV})[0] == b"text/csv"


class Doubler:
    """A model as scikit-learn's are used."""

    def predict(self, data: Any) -> Any:
        """Return twice the data."""
        assert data.dtype == np.float32
        return data * 2


def npy(array: Any) -> bytes:
    """Return an array as NPY."""
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("kind", "body"), [(JSON, b"[[1, 2]]"), (CSV, b"1,2\n"), (NPY, npy(np.array([[1, 2]], dtype=np.float32)))]
)
def test_arrays_come_in_by_three_types_and_predict_is_called(kind: str, body: bytes) -> None:
    model = serve("sklearn", model_fn=lambda model_dir: Doubler())
    answer, content_type = model.answer(body, headers={"Content-Type": kind})
    assert content_type == JSON
    assert np.ravel(json.loads(answer)).tolist() == [2.0, 4.0]


def test_the_first_wanted_type_that_is_known_goes_out() -> None:
    array = np.array([[1.5, 2.0]])
    assert ArrayDefaults().output(array, "text/html, text/csv;q=0.5") == (b"1.5,2.0\n", CSV)
    body, kind = ArrayDefaults().output(array, NPY)
    assert (np.load(io.BytesIO(body)).tolist(), kind) == ([[1.5, 2.0]], NPY)
    assert ArrayDefaults().output(array, "*/*") == (b"[[1.5, 2.0]]", JSON)
    with pytest.raises(UnsupportedFormatError, match="text/html"):
        ArrayDefaults().output(array, "text/html")


def test_pickles_in_an_npy_body_are_refused() -> None:
    buffer = io.BytesIO()
    np.save(buffer, np.array([SimpleNamespace()], dtype=object), allow_pickle=True)
    with pytest.raises(ValueError, match="allow_pickle=False"):
        ArrayDefaults().input(buffer.getvalue(), NPY)


@pytest.mark.filterwarnings("ignore:.*torch.jit.*")  # TorchScript is deprecated, and what the container loads
def test_torchscript_is_loaded_and_fed_with_tensors(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    defaults = DEFAULTS["pytorch"]()
    with pytest.raises(FileNotFoundError, match=r"missing file model\.pt"):
        defaults.load(str(tmp_path))
    data = defaults.input("[[1, 2]]", JSON)
    assert (data.dtype, data.tolist()) == (torch.float32, [[1.0, 2.0]])
    prediction = defaults.predict(data, torch.nn.Dropout(0.9))
    assert defaults.output(prediction, JSON) == (b"[[1.0, 2.0]]", JSON)
    traced = torch.jit.trace(torch.nn.Flatten(), torch.zeros(1, 2, 2))
    traced.save(tmp_path / "model.pt")
    model = defaults.load(str(tmp_path))
    prediction = defaults.predict(defaults.input("[[[1, 2], [3, 4]]]", JSON), model)
    assert defaults.output(prediction, CSV) == (b"1.0,2.0,3.0,4.0\n", CSV)


def test_code_may_import_its_neighbours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "neighbour_of_inference.py").write_text("value = 7")
    (tmp_path / "inference_of_test.py").write_text("from neighbour_of_inference import value")
    assert load_module(tmp_path / "inference_of_test.py").value == 7


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        ("763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch-inference:2.6.0-cpu-py312", "pytorch"),
        ("683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3", "sklearn"),
        ("123456789012.dkr.ecr.us-east-1.amazonaws.com/musher:latest", "plain"),
    ],
)
def test_an_image_says_whose_defaults_are_served(image: str, expected: str) -> None:
    assert framework(image) == expected
