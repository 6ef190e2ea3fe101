"""Serve the four functions of an inference.py on /ping and /invocations, as AWS's framework containers do.

Run as a script: FILE FRAMEWORK, of which the second is `pytorch`, `sklearn` or `plain`. Standard library
only: numpy and torch, which the defaults of a framework need, are fetched by name where they are installed.

Contract: model_fn(model_dir), and optionally input_fn(body, content_type), predict_fn(data, model),
output_fn(prediction, accept), or transform_fn(model, body, content_type, accept) instead of the three; each
may take a context as well
(https://sagemaker.readthedocs.io/en/stable/frameworks/pytorch/using_pytorch.html#serve-a-pytorch-model).
Defaults: sagemaker-inference-toolkit (encoder.py, decoder.py, transformer.py) and the default handlers of
sagemaker-pytorch-inference-toolkit and sagemaker-scikit-learn-container. `plain`, for any other image, knows
JSON and text only. No default loads a pickle: joblib's files are for the code's own model_fn, as on AWS.
"""

import importlib.util
import inspect
import io
import json
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

JSON, CSV, NPY = "application/json", "text/csv", "application/x-npy"
TEXT_TYPES = (JSON, CSV)
"""Bodies of these types reach the functions as text."""
SCRIPT_MODEL = "model.pt"
"""What the PyTorch container loads by TorchScript where there is no model_fn."""


def load_module(path: Path) -> ModuleType:
    """Import the model's code, with its folder on the path as in the container."""
    sys.path.insert(0, str(path.parent.resolve()))
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


class UnsupportedFormatError(Exception):
    """A content type that the defaults do not know."""


class Context:
    """What a function may ask of the request, as of the container's own context."""

    def __init__(self, *, model_dir: str, headers: Mapping[str, str]) -> None:
        self.system_properties = {"model_dir": model_dir, "gpu_id": None, "batch_size": 1}
        self._headers = {name.lower(): value for name, value in headers.items()}

    def get_request_header(self, _index: int, name: str) -> str | None:
        """Return one header of the request."""
        return self._headers.get(name.lower())

    def get_all_request_header(self, _index: int) -> dict[str, str]:
        """Return all headers of the request."""
        return dict(self._headers)


class PlainDefaults:
    """What is done where the code has no function of its own, and nothing is known of its framework."""

    def load(self, model_dir: str) -> Any:
        """Load the model; nothing is known of how."""
        raise NotImplementedError(f"the code defines no model_fn(model_dir), and {model_dir} cannot tell")

    def input(self, body: bytes | str, content_type: str) -> Any:
        """Parse JSON; hand on anything else."""
        return json.loads(body) if content_type == JSON else body

    def predict(self, data: Any, model: Any) -> Any:
        """Call the model."""
        return model(data)

    def output(self, prediction: Any, _accept: str) -> Any:
        """Write JSON; tensors and arrays by their tolist()."""
        plain = prediction.tolist() if hasattr(prediction, "tolist") else prediction
        return json.dumps(plain), JSON


class ArrayDefaults(PlainDefaults):
    """scikit-learn's: arrays in and out, and the model's predict()."""

    def input(self, body: bytes | str, content_type: str) -> Any:
        """Return an array of float32, or what an NPY body holds."""
        array = decode_array(body, content_type)
        return array.astype("float32") if content_type in TEXT_TYPES else array

    def predict(self, data: Any, model: Any) -> Any:
        """Return the model's predictions."""
        return model.predict(data)

    def output(self, prediction: Any, accept: str) -> Any:
        """Write the first of the wanted types that is known."""
        for wanted in [item.partition(";")[0].strip() for item in accept.split(",")]:
            encode = ENCODERS.get(JSON if wanted == "*/*" else wanted)
            if encode is not None:
                return encode(prediction), JSON if wanted == "*/*" else wanted
        raise UnsupportedFormatError(f"Accept {accept!r}: only {', '.join(ENCODERS)} can be written")


class TensorDefaults(ArrayDefaults):
    """PyTorch's: tensors in, TorchScript without a model_fn, no gradients."""

    def __init__(self) -> None:
        self._torch = import_module("torch")

    def load(self, model_dir: str) -> Any:
        """Load model.pt by TorchScript."""
        path = Path(model_dir, SCRIPT_MODEL)
        if not path.is_file():
            raise FileNotFoundError(
                f"Failed to load model with default model_fn: missing file {SCRIPT_MODEL}."
            )
        return self._torch.jit.load(str(path), map_location="cpu")

    def input(self, body: bytes | str, content_type: str) -> Any:
        """Return a tensor."""
        return self._torch.from_numpy(super().input(body, content_type))

    def predict(self, data: Any, model: Any) -> Any:
        """Call the model in evaluation mode."""
        with self._torch.no_grad():
            return model.eval()(data)

    def output(self, prediction: Any, accept: str) -> Any:
        """Write a tensor as its array."""
        if isinstance(prediction, self._torch.Tensor):
            prediction = prediction.detach().cpu().numpy()
        return super().output(prediction, accept)


DEFAULTS: dict[str, type[PlainDefaults]] = {
    "plain": PlainDefaults,
    "sklearn": ArrayDefaults,
    "pytorch": TensorDefaults,
}


def decode_array(body: bytes | str, content_type: str) -> Any:
    """Return a body as an array; raises UnsupportedFormatError for other types than these three."""
    np = import_module("numpy")
    if content_type == JSON:
        return np.array(json.loads(body))
    if content_type == CSV:
        return np.genfromtxt(io.StringIO(str(body)), delimiter=",")
    if content_type == NPY and isinstance(body, bytes):
        return np.load(io.BytesIO(body), allow_pickle=False)
    raise UnsupportedFormatError(f"Content type {content_type!r}: only JSON, CSV and NPY can be read")


def encode_csv(prediction: Any) -> bytes:
    """Return an array's rows as comma-separated lines."""
    np = import_module("numpy")
    stream = io.StringIO()
    np.savetxt(stream, np.atleast_1d(np.asarray(prediction)), delimiter=",", fmt="%s")
    return stream.getvalue().encode()


def encode_npy(prediction: Any) -> bytes:
    """Return an array as NPY."""
    np = import_module("numpy")
    stream = io.BytesIO()
    np.save(stream, np.asarray(prediction), allow_pickle=False)
    return stream.getvalue()


def encode_json(prediction: Any) -> bytes:
    """Return an array, or anything that JSON knows, as JSON."""
    return json.dumps(prediction.tolist() if hasattr(prediction, "tolist") else prediction).encode()


ENCODERS: dict[str, Callable[[Any], bytes]] = {JSON: encode_json, CSV: encode_csv, NPY: encode_npy}


def call(function: Callable[..., Any], *arguments: Any, context: Context) -> Any:
    """Call a function of the model's code, with the context if it has a place for one more argument."""
    takes = len(inspect.signature(function).parameters)
    return function(*arguments, context) if takes > len(arguments) else function(*arguments)


class Model:
    """A loaded model and its functions; one prediction at a time, as in one worker of the container."""

    def __init__(self, module: ModuleType, *, defaults: PlainDefaults, model_dir: str) -> None:
        self._transform = getattr(module, "transform_fn", None)
        self._input = getattr(module, "input_fn", defaults.input)
        self._predict = getattr(module, "predict_fn", defaults.predict)
        self._output = getattr(module, "output_fn", defaults.output)
        self._model_dir = model_dir
        self._lock = threading.Lock()
        load = getattr(module, "model_fn", defaults.load)
        self._model = call(load, model_dir, context=Context(model_dir=model_dir, headers={}))

    def answer(self, body: bytes, *, headers: Mapping[str, str]) -> tuple[bytes, str]:
        """Return the answer's body and content type."""
        context = Context(model_dir=self._model_dir, headers=headers)
        content_type = context.get_request_header(0, "Content-Type") or JSON
        accept = context.get_request_header(0, "Accept") or "*/*"
        if accept == "*/*":
            accept = os.environ.get("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT", JSON)
        kind = content_type.partition(";")[0].strip().lower()
        content_type = kind if kind in (*TEXT_TYPES, NPY) else content_type
        data = body.decode() if kind in TEXT_TYPES else body
        with self._lock:
            result = self._run(data, content_type, accept, context=context)
        content, kind = result if isinstance(result, tuple) else (result, accept)
        return (content if isinstance(content, bytes) else str(content).encode()), kind

    def _run(self, data: Any, content_type: str, accept: str, *, context: Context) -> Any:
        if self._transform is not None:
            return call(self._transform, self._model, data, content_type, accept, context=context)
        given = call(self._input, data, content_type, context=context)
        prediction = call(self._predict, given, self._model, context=context)
        return call(self._output, prediction, accept, context=context)


class Handler(BaseHTTPRequestHandler):
    """HTTP/1.1 with keep-alive."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    model: Model

    def do_GET(self) -> None:
        """Answer /ping: the model is loaded before the server listens."""
        self._send(200 if self.path == "/ping" else 404, b"", "text/plain")

    def do_POST(self) -> None:
        """Answer /invocations; an exception becomes a 500 with its message, its traceback goes to the log."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        try:
            content, kind = self.model.answer(body, headers=dict(self.headers.items()))
        except UnsupportedFormatError as error:
            self._send(415, str(error).encode(), "text/plain")
            return
        except Exception as error:  # noqa: BLE001 - the model's code may raise anything, and the server lives on
            traceback.print_exc()
            self._send(500, f"{type(error).__name__}: {error}".encode(), "text/plain")
            return
        self._send(200, content, kind)

    def _send(self, status: int, body: bytes, content_type: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing for each request."""


def main() -> None:
    """Load the model, then listen on SAGEMAKER_BIND_TO_PORT."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    module = load_module(Path(sys.argv[1]))
    defaults = DEFAULTS[sys.argv[2]]()
    Handler.model = Model(module, defaults=defaults, model_dir=os.environ["SM_MODEL_DIR"])
    port = int(os.environ["SAGEMAKER_BIND_TO_PORT"])
    with ThreadingHTTPServer(("127.0.0.1", port), Handler) as server:
        server.daemon_threads = True
        server.serve_forever()


if __name__ == "__main__":
    main()
