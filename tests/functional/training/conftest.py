"""Real processes of train.py and serve.py, and scikit-learn's digits as image folders."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from imgclf.artifacts import save_model
from imgclf.model_card import ModelCard
from imgclf.networks.models import build_model, preset_for
from imgclf.onnx_export import export_model
from tests.functional.training.sources import Source, photo

CLASSES = [f"{number:03}.breed" for number in range(1, 134)]
TRAINING = Path(__file__).resolve().parents[3] / "training"


@dataclass(frozen=True)
class HostProcess:
    """One host of a training job."""

    process: subprocess.Popen[bytes]
    folder: Path

    def wait(self, timeout_s: float = 90) -> int:
        """Return the exit code."""
        return self.process.wait(timeout_s)

    def wait_for(self, text: str, timeout_s: float = 60) -> None:
        """Wait until the log has this text."""
        deadline = time.monotonic() + timeout_s
        while text not in self.log:
            assert self.process.poll() is None, self.log
            assert time.monotonic() < deadline, self.log
            time.sleep(0.05)

    @property
    def log(self) -> str:
        """Return stdout and stderr so far."""
        return (self.folder / "log").read_text(errors="replace")

    @property
    def failure(self) -> str:
        """Return the failure file's text."""
        return (self.folder / "output" / "failure").read_text()

    def read(self, name: str) -> Any:
        """Return a JSON file that the host wrote."""
        return json.loads((self.folder / name).read_text())


StartHosts = Callable[..., list[HostProcess]]


def free_port() -> int:
    """Return a port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def clean_environ(**values: str) -> dict[str, str]:
    """Return this process's variables without those of SageMaker and AWS, with one torch thread."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("SM_", "AWS_", "SAGEMAKER_"))
    }
    return {**kept, "OMP_NUM_THREADS": "1", "no_proxy": "*", **values}


def start_host(
    folder: Path, host: str, hosts: list[str], port: int, options: Mapping[str, object]
) -> HostProcess:
    """Start train.py, or the option `script`, by this Python, or the option `python`, as SageMaker does."""
    (folder / "output").mkdir(parents=True)
    script = options.get("script", "train.py")
    python = str(options.get("python", sys.executable))
    named = {name: value for name, value in options.items() if name not in ("script", "python")}
    words = [word for name, value in named.items() for word in (f"--{name}", str(value))]
    environ = clean_environ(
        SM_HOSTS=json.dumps(hosts),
        SM_CURRENT_HOST=host,
        SM_MODEL_DIR=str(folder / "model"),
        SM_OUTPUT_DIR=str(folder / "output"),
        SM_OUTPUT_DATA_DIR=str(folder / "output" / "data"),
        MASTER_ADDR="127.0.0.1",
        MASTER_PORT=str(port),
    )
    with (folder / "log").open("wb") as log:
        command = [python, "-u", str(TRAINING / str(script)), *words]
        return HostProcess(
            subprocess.Popen(command, env=environ, stdout=log, stderr=subprocess.STDOUT), folder
        )


@pytest.fixture(scope="session")
def start_hosts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartHosts]:
    """Return a starter of jobs: start_hosts(2, epochs=3, ...).

    A name in `only` starts no other host; `data_of_hosts` gives each host a folder of its own.
    """
    started: list[HostProcess] = []

    def start(
        count: int, *, only: str | None = None, data_of_hosts: Sequence[Path] = (), **options: object
    ) -> list[HostProcess]:
        folder, port = tmp_path_factory.mktemp("job"), free_port()
        names = [f"algo-{number}" for number in range(1, count + 1)]
        job = []
        for number, name in enumerate(names):
            own = {**options, "data": data_of_hosts[number]} if data_of_hosts else options
            if only in (None, name):
                job.append(start_host(folder / name, name, names, port, own))
        started.extend(job)
        return job

    yield start
    for host in started:
        host.process.kill()
        host.process.wait(10)


@pytest.fixture(scope="session")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write scikit-learn's 1,797 scanned digits as train/valid/test folders: 1,257 / 270 / 270."""
    from sklearn.datasets import load_digits

    root, data = tmp_path_factory.mktemp("digits"), load_digits()
    for index, (pixels, digit) in enumerate(zip(data.images, data.target, strict=True)):
        split = {0: "valid", 1: "test", 2: "valid", 3: "test"}.get(index % 13, "train")
        folder = root / split / str(digit)
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray((pixels * 255 / 16).astype("uint8")).save(folder / f"{index:04}.png")
    return root


@pytest.fixture(scope="session")
def model_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write an untrained model of 133 classes."""
    folder = tmp_path_factory.mktemp("model")
    model = build_model(architecture="small_cnn", classes=len(CLASSES), freeze_backbone=False)
    preset = preset_for(architecture="small_cnn", image_size=32)
    hyperparameters = {"architecture": "small_cnn", "image_size": 32, "freeze_backbone": False}
    card = ModelCard(
        architecture="small_cnn",
        image_size=32,
        classes=len(CLASSES),
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
    save_model(folder, model=model, classes=CLASSES, card=card)
    return folder


@pytest.fixture(scope="session")
def few_digits(digits: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Keep 15, 2 and 2 images of each digit."""
    root = tmp_path_factory.mktemp("few-digits")
    for split, count in (("train", 15), ("valid", 2), ("test", 2)):
        for folder in (digits / split).iterdir():
            (root / split / folder.name).mkdir(parents=True)
            for path in sorted(folder.iterdir())[:count]:
                (root / split / folder.name / path.name).symlink_to(path)
    return root


@dataclass(frozen=True)
class Server:
    """A serve.py process that is ready."""

    process: subprocess.Popen[bytes]
    port: int

    def request(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, Any]:
        """Send one request on a connection of its own; return status and JSON answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, body, dict(headers or {}))
            response = connection.getresponse()
            return response.status, json.loads(response.read() or b"null")
        finally:
            connection.close()

    def invoke(
        self, body: bytes, content_type: str = "application/x-image", **headers: str
    ) -> tuple[int, Any]:
        """Send an invocation; return status and JSON answer."""
        return self.request("POST", "/invocations", body, {"Content-Type": content_type, **headers})

    def stop(self) -> int:
        """Send SIGTERM and return the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(40)


def serving_environ(model_dir: Path, variables: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of a serve.py that picks a free port."""
    return clean_environ(**{"SM_MODEL_DIR": str(model_dir), "SAGEMAKER_BIND_TO_PORT": "0", **variables})


def ready_port(process: subprocess.Popen[bytes], log: Path) -> int:
    """Wait until a serve.py says that it is ready; return its port."""
    deadline = time.monotonic() + 100
    while process.poll() is None and time.monotonic() < deadline:
        for line in log.read_text().splitlines():
            if line.endswith("}") and (message := json.loads(line)["message"]).startswith("serving "):
                return int(message.rpartition(":")[2])
        time.sleep(0.02)
    raise AssertionError(log.read_text())


@pytest.fixture(scope="session")
def start_server() -> Iterator[Callable[..., Server]]:
    """Return a starter of a folder's own serve.py: start_server(model_dir, log, NAME=value) -> Server."""
    started: list[subprocess.Popen[bytes]] = []

    def start(model_dir: Path, log: Path, **variables: str) -> Server:
        command = [sys.executable, "-u", str(model_dir / "code" / "serve.py")]
        environ = serving_environ(model_dir, variables)
        with log.open("wb") as file:
            process = subprocess.Popen(command, env=environ, stdout=file, stderr=file)
        started.append(process)
        return Server(process, ready_port(process, log))

    yield start
    for process in started:
        process.kill()
        process.wait(timeout=10)


@pytest.fixture(scope="session")
def source() -> Iterator[str]:
    """Serve images on loopback; return the address."""
    web = ThreadingHTTPServer(("127.0.0.1", 0), Source)
    web.daemon_threads = True
    thread = threading.Thread(target=web.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{web.server_port}"
    web.shutdown()
    thread.join(10)
    web.server_close()


@pytest.fixture(scope="module")
def server(
    start_server: Callable[..., Server],
    model_dir: Path,
    source: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Server]:
    """Run serve.py with the loopback source as its AWS endpoint; it must survive all tests of a module."""
    log = tmp_path_factory.mktemp("serve") / "log"
    running = start_server(model_dir, log, AWS_ENDPOINT_URL=source)
    assert running.invoke(photo(), "image/jpeg")[0] == 200  # the first one loads what the others share
    yield running
    assert running.request("GET", "/ping")[0] == 200
    assert running.stop() == 0
    assert "Traceback" not in log.read_text()


@pytest.fixture(scope="session")
def run_server() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Return a runner of a serve.py that is expected to end by itself."""

    def run(model_dir: Path, **variables: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, str(TRAINING / "serve.py")]
        environ = serving_environ(model_dir, variables)
        return subprocess.run(command, env=environ, capture_output=True, text=True, timeout=100, check=False)

    return run
