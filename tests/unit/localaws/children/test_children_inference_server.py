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
    Context,
    Handler,
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


@pytest.mark.parametrize(
    ("prediction", "expected"),
    [
        ({"breed": "beagle"}, b'{"breed": "beagle"}'),
        (np.array([1.5]), b"[1.5]"),
        (np.float32(0.5), b"0.5"),
        ("text", b'"text"'),
        (None, b"null"),
    ],
)
def test_plain_defaults_write_json(prediction: Any, expected: bytes) -> None:
    model = serve(model_fn=lambda model_dir: lambda data: prediction)
    assert model.answer(b"[1]", headers={"Content-Type": JSON, "Accept": "text/csv"}) == (expected, JSON)


def test_plain_defaults_parse_json_and_hand_on_the_rest() -> None:
    seen: list[Any] = []
    model = serve(model_fn=lambda model_dir: seen.append)
    for kind, body in ((JSON, b'{"a": 1}'), ("image/png", b"\x89PNG"), (CSV, b"1,2")):
        model.answer(body, headers={"content-type": kind})
    assert seen == [{"a": 1}, b"\x89PNG", "1,2"]


def test_without_model_fn_a_plain_model_says_what_is_missing() -> None:
    with pytest.raises(NotImplementedError, match=r"no model_fn\(model_dir\), and /opt/ml/model cannot tell"):
        serve()


def test_without_a_content_type_a_body_is_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT", CSV)
    model = serve("sklearn", model_fn=lambda model_dir: Doubler())
    assert model.answer(b"[[1, 2]]", headers={}) == (b"2.0,4.0\n", CSV)
    assert model.answer(b"[[1, 2]]", headers={"Accept": JSON}) == (b"[[2.0, 4.0]]", JSON)


@pytest.mark.parametrize(("result", "kind"), [(("woof", "text/plain"), "text/plain"), ("woof", JSON)])
def test_a_function_may_name_the_type_that_it_wrote(result: Any, kind: str) -> None:
    model = serve(model_fn=lambda model_dir: None, transform_fn=lambda model, body, kind, accept: result)
    assert model.answer(b"", headers={}) == (b"woof", kind)


@pytest.mark.parametrize(("kind", "body"), [("text/html", b"<p>"), ("application/x-parquet", b"PAR1")])
def test_a_type_that_arrays_cannot_come_in_is_named(kind: str, body: bytes) -> None:
    model = serve("sklearn", model_fn=lambda model_dir: Doubler())
    with pytest.raises(UnsupportedFormatError, match=f"{kind}.*only JSON, CSV and NPY can be read"):
        model.answer(body, headers={"Content-Type": kind})


def exchange(model: Any, request: bytes, monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, bytes]]:
    """Return status and body of each answer to the requests of one connection."""
    monkeypatch.setattr(Handler, "model", model, raising=False)
    written = io.BytesIO()

    class Recorded(Handler):
        def setup(self) -> None:
            self.rfile, self.wfile = io.BytesIO(request), written

        def finish(self) -> None:
            """Leave the files as they are."""

    Recorded(SimpleNamespace(), ("127.0.0.1", 1), SimpleNamespace())  # type: ignore[arg-type]
    found, rest = [], written.getvalue()
    while rest:
        head, _, rest = rest.partition(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
        found.append((int(head.split()[1]), rest[:length]))
        rest = rest[length:]
    return found


def post(body: bytes, kind: str = JSON) -> bytes:
    """Return a request to /invocations."""
    head = f"POST /invocations HTTP/1.1\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def test_one_connection_carries_many_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    def predict(data: Any, model: Any) -> Any:
        return 1 / data

    model = serve(
        "sklearn",
        model_fn=lambda model_dir: None,
        input_fn=lambda body, kind: float(body),
        predict_fn=predict,
        output_fn=lambda prediction, accept: (str(prediction), "text/plain"),
    )
    ping = b"GET /ping HTTP/1.1\r\n\r\n"
    other = b"GET /other HTTP/1.1\r\n\r\n"
    found = exchange(model, ping + post(b"4") + post(b"0") + post(b"dog") + other + post(b"2"), monkeypatch)
    assert found == [
        (200, b""),
        (200, b"0.25"),
        (500, b"ZeroDivisionError: float division by zero"),
        (500, b"ValueError: could not convert string to float: 'dog'"),
        (404, b""),
        (200, b"0.5"),
    ]


def test_a_type_that_is_not_known_is_415_and_a_body_that_is_none_500(monkeypatch: pytest.MonkeyPatch) -> None:
    model = serve("sklearn", model_fn=lambda model_dir: Doubler())
    found = exchange(model, post(b"<p>", "text/html") + post(b"[[") + post(b"\xff"), monkeypatch)
    assert [status for status, _ in found] == [415, 500, 500]
    assert found[0][1].startswith(b"Content type 'text/html'")
    assert found[1][1].startswith(b"JSONDecodeError")
    assert found[2][1].startswith(b"UnicodeDecodeError")


def test_code_that_is_no_python_is_not_imported(tmp_path: Path) -> None:
    with pytest.raises(ImportError, match=r"model\.bin is no Python file"):
        load_module(tmp_path / "model.bin")


@pytest.mark.parametrize("name", ["X-Amzn-SageMaker-Custom-Attributes", "x-amzn-sagemaker-custom-attributes"])
def test_headers_are_found_in_any_case(name: str) -> None:
    context = Context(model_dir="/m", headers={"X-Amzn-SageMaker-Custom-Attributes": "trace=1"})
    assert context.get_request_header(0, name) == "trace=1"
    assert context.get_request_header(0, "absent") is None
    assert context.get_all_request_header(0) == {"x-amzn-sagemaker-custom-attributes": "trace=1"}
    assert context.system_properties == {"model_dir": "/m", "gpu_id": None, "batch_size": 1}
