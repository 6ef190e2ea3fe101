"""Serve the four functions of an inference.py on /ping and /invocations, as AWS's framework containers do.

Run as a script with the path of that file; standard library only. Contract: model_fn(model_dir), and
optionally input_fn(body, content_type), predict_fn(data, model), output_fn(prediction, accept), or
transform_fn(model, body, content_type, accept) instead of the three
(https://sagemaker.readthedocs.io/en/stable/frameworks/pytorch/using_pytorch.html#serve-a-pytorch-model).
"""

import importlib.util
import json
import os
import signal
import sys
import threading
import traceback
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType
from typing import Any

JSON = "application/json"


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


def default_input(body: bytes, content_type: str) -> Any:
    """Parse JSON; hand on anything else as bytes."""
    return json.loads(body) if content_type.split(";")[0].strip() == JSON else body


def default_predict(data: Any, model: Any) -> Any:
    """Call the model."""
    return model(data)


def default_output(prediction: Any, accept: str) -> Any:
    """Write JSON; tensors and arrays by their tolist()."""
    plain = prediction.tolist() if hasattr(prediction, "tolist") else prediction
    return json.dumps(plain), JSON


class Model:
    """A loaded model and its functions; one prediction at a time, as in one worker of the container."""

    def __init__(self, module: ModuleType, *, model_dir: str) -> None:
        self._transform = getattr(module, "transform_fn", None)
        self._input = getattr(module, "input_fn", default_input)
        self._predict = getattr(module, "predict_fn", default_predict)
        self._output = getattr(module, "output_fn", default_output)
        self._lock = threading.Lock()
        self._model = module.model_fn(model_dir)

    def answer(self, body: bytes, *, content_type: str, accept: str) -> tuple[bytes, str]:
        """Return the answer's body and content type."""
        with self._lock:
            if self._transform is not None:
                result = self._transform(self._model, body, content_type, accept)
            else:
                data = self._input(body, content_type)
                result = self._output(self._predict(data, self._model), accept)
        content, kind = result if isinstance(result, tuple) else (result, accept)
        return (content if isinstance(content, bytes) else str(content).encode()), kind


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
        accept = self.headers.get("Accept") or JSON
        accept = JSON if accept == "*/*" else accept
        try:
            content, kind = self.model.answer(
                body, content_type=self.headers.get("Content-Type") or JSON, accept=accept
            )
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
    if not hasattr(module, "model_fn"):
        sys.exit(f"{sys.argv[1]} defines no model_fn(model_dir)")
    Handler.model = Model(module, model_dir=os.environ["SM_MODEL_DIR"])
    port = int(os.environ["SAGEMAKER_BIND_TO_PORT"])
    with ThreadingHTTPServer(("127.0.0.1", port), Handler) as server:
        server.daemon_threads = True
        server.serve_forever()


if __name__ == "__main__":
    main()
