"""How each peer is started: as its own documentation recommends for a CPU of several cores.

A worker for each core with one thread for each forward pass, uvicorn with httptools and uvloop, batches where
the server makes them.
"""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MODEL = "classifier"


@dataclass(frozen=True, kw_only=True)
class Start:
    """What starting one server takes."""

    programs: Path
    """The environment's bin/."""
    folder: Path
    """Its own, for configuration and what it leaves behind."""
    port: int
    """Two more behind it are free, too."""
    workers: int

    def write(self, name: str, text: str) -> Path:
        """Write a file into the folder."""
        path = self.folder / name
        path.write_text(text)
        return path


@dataclass(frozen=True, kw_only=True)
class Peer:
    """A kind of server."""

    path: str
    """Where it takes photos."""
    command: Callable[[Start], list[str]]


def environ_of(start: Start, *, work: str, model: Path) -> dict[str, str]:
    """Return the variables of a peer's processes."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("SM_", "PYTHON"))}
    folder = str(start.folder)
    return {
        **kept,
        "PATH": f"{start.programs}:{kept.get('PATH', '')}",
        "PYTHONPATH": f"{ROOT}:{ROOT / 'training'}",
        "PEER_WORK": work,
        "PEER_MODEL": str(model),
        "PEER_THREADS": "1",
        "PEER_WORKERS": str(start.workers),
        "PEER_PORT": str(start.port),
        "OMP_NUM_THREADS": "1",
        "BENTOML_HOME": folder,
        "BENTOML_DO_NOT_TRACK": "True",
        **dict.fromkeys(("TMPDIR", "TEMP", "LOG_LOCATION", "METRICS_LOCATION"), folder),
    }


def fastapi_command(start: Start) -> list[str]:
    """Return uvicorn's command, as FastAPI's documentation of workers has it."""
    return [
        *(str(start.programs / "python"), "-m", "uvicorn", "benchmarks.peers.fastapi_app:app"),
        *("--port", str(start.port), "--workers", str(start.workers)),
        *("--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "error"),
    ]


def litserve_command(start: Start) -> list[str]:
    """Return the command of the program that starts LitServe."""
    return [str(start.programs / "python"), "-m", "benchmarks.peers.litserve_app"]


def bentoml_command(start: Start) -> list[str]:
    """Return BentoML's own command."""
    return [
        *(
            str(start.programs / "python"),
            "-m",
            "bentoml",
            "serve",
            "benchmarks.peers.bentoml_app:Classifier",
        ),
        *("--host", "127.0.0.1", "--port", str(start.port)),
    ]


def torchserve_command(start: Start) -> list[str]:
    """Return TorchServe's own command, with a worker for each core and small batches."""
    write_archive(start.folder, {"modelVersion": "1.0", "handler": "java_handler.py:handle"})
    models = {
        MODEL: {
            "1.0": {
                "defaultVersion": True,
                "marName": f"{MODEL}.mar",
                "minWorkers": start.workers,
                "maxWorkers": start.workers,
                "batchSize": 4,
                "maxBatchDelay": 2,
                "responseTimeout": 120,
            }
        }
    }
    config = start.write(
        "config.properties",
        f"inference_address=http://127.0.0.1:{start.port}\n"
        f"management_address=http://127.0.0.1:{start.port + 1}\n"
        f"metrics_address=http://127.0.0.1:{start.port + 2}\n"
        f"models={json.dumps(models)}\n",
    )
    return [
        *(str(start.programs / "torchserve"), "--foreground", "--ncs", "--disable-token-auth"),
        *("--model-store", str(start.folder), "--models", "all", "--ts-config", str(config)),
    ]


def multi_model_server_command(start: Start) -> list[str]:
    """Return multi-model-server's own command, with a worker for each core."""
    write_archive(start.folder, {"handler": "java_handler:handle"})
    config = start.write(
        "config.properties",
        f"inference_address=http://127.0.0.1:{start.port}\n"
        f"management_address=http://127.0.0.1:{start.port + 1}\n"
        f"default_workers_per_model={start.workers}\n",
    )
    return [
        *(str(start.programs / "multi-model-server"), "--foreground", "--mms-config", str(config)),
        *("--model-store", str(start.folder), "--models", f"{MODEL}={MODEL}.mar"),
    ]


def write_archive(folder: Path, facts: Mapping[str, str]) -> None:
    """Write the archive that both Java servers load: a handler, and what there is to know of it."""
    manifest = {"runtime": "python", "model": {"modelName": MODEL, **facts}}
    versions = {"modelServerVersion": "1.0", "implementationVersion": "1.0", "specificationVersion": "1.0"}
    with zipfile.ZipFile(folder / f"{MODEL}.mar", "w") as archive:
        archive.writestr("MAR-INF/MANIFEST.json", json.dumps({**manifest, **versions}))
        archive.write(Path(__file__).with_name("java_handler.py"), "java_handler.py")


PEERS: dict[str, Peer] = {
    "fastapi": Peer(path="/invocations", command=fastapi_command),
    "litserve": Peer(path="/invocations", command=litserve_command),
    "bentoml": Peer(path="/invocations", command=bentoml_command),
    "torchserve": Peer(path=f"/predictions/{MODEL}", command=torchserve_command),
    "multi-model-server": Peer(path=f"/predictions/{MODEL}", command=multi_model_server_command),
}
