"""Measure how long a server takes from its start to its first healthy ping, and how much memory it has then.

Claim: serve.py with a ResNet-18 of 133 classes answers /ping in a fifth of the time that FastAPI with torch
takes for the same weights, and has less than 250 MB then. Both start as a process of their own, in turn, and
answer one photo after the ping; the first start of each is not counted. Prints a table, and as its last line
{"ratio": float, "cpu_ratio": float, "rss_mb": float, "fastapi_rss_mb": float}.
"""

import http.client
import io
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import benchmarks.source_paths  # noqa: F401 - makes imgclf importable
from benchmarks.served_models import write_model
from benchmarks.servers import Server, free_port
from benchmarks.tables import print_table

STARTS = 5
TIMEOUT_S = 300
USUAL = """
import io, os, sys
sys.path.insert(0, os.environ["CODE"])
import torch, uvicorn
from fastapi import FastAPI, Request
from PIL import Image
from torchvision import transforms
from imgclf.artifacts import load_model
from pathlib import Path

classifier = load_model(Path(os.environ["SM_MODEL_DIR"])).classifier
prepare = transforms.Compose([transforms.Resize(256), transforms.CenterCrop(224), transforms.ToTensor(),
    transforms.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))])
app = FastAPI()

@app.get("/ping")
def ping():
    return {}

@app.post("/invocations")
async def invocations(request: Request):
    image = Image.open(io.BytesIO(await request.body())).convert("RGB")
    with torch.inference_mode():
        return classifier(prepare(image)[None]).tolist()

uvicorn.run(app, port=int(os.environ["SAGEMAKER_BIND_TO_PORT"]), log_level="error")
"""
"""How a model is served by torch and FastAPI where nobody counts seconds."""


@dataclass(frozen=True, kw_only=True)
class Start:
    """One start of a server."""

    seconds: float
    cpu_s: float
    """Of all its threads; a busy machine changes this least."""
    rss_mb: float
    """At the first healthy ping, as both others are."""


def start_once(name: str, argv: list[str], *, model: Path, photo: bytes) -> Start:
    """Start a server, wait for its ping, ask about a photo, end it."""
    port, started = free_port(), time.monotonic()
    environ = {**os.environ, "SM_MODEL_DIR": str(model), "SAGEMAKER_BIND_TO_PORT": str(port)}
    environ["CODE"] = str(model / "code")
    with subprocess.Popen(argv, env=environ, stdout=subprocess.DEVNULL) as process:
        try:
            while ask(port, "GET", "/ping", b"") != 200:
                if process.poll() is not None or time.monotonic() - started > TIMEOUT_S:
                    raise RuntimeError(f"{name} does not start")
                time.sleep(0.005)
            seconds = time.monotonic() - started
            cpu_s = cpu_seconds(process.pid)
            rss_mb = Server(name=name, port=port, process=process).memory_mb()
            if ask(port, "POST", "/invocations", photo) != 200:
                raise RuntimeError(f"{name} does not classify")
        finally:
            process.terminate()
            process.wait(TIMEOUT_S)
    return Start(seconds=seconds, cpu_s=cpu_s, rss_mb=rss_mb)


def cpu_seconds(pid: int) -> float:
    """Return the CPU time that a process has taken (proc(5), stat: utime and stime)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def ask(port: int, method: str, path: str, body: bytes) -> int:
    """Return the status of an answer, 0 where nobody listens."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_S)
    try:
        connection.request(method, path, body, {"Content-Type": "image/jpeg"})
        return connection.getresponse().status
    except ConnectionError:
        return 0
    finally:
        connection.close()


def make_photo() -> bytes:
    """Return a JPEG of 500 x 400 pixels."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.radial_gradient("L").resize((500, 400)).convert("RGB").save(buffer, "JPEG")
    return buffer.getvalue()


def main() -> None:
    """Start both in turn; print the medians."""
    with tempfile.TemporaryDirectory() as folder:
        model = write_model(Path(folder) / "model", "resnet18")
        photo, found = make_photo(), {"ours": list[Start](), "fastapi": list[Start]()}
        argvs = {
            "ours": [sys.executable, "-u", str(model / "code" / "serve.py")],
            "fastapi": [sys.executable, "-c", USUAL],
        }
        for _ in range(STARTS + 1):
            for name, argv in argvs.items():
                found[name].append(start_once(name, argv, model=model, photo=photo))
    medians = {
        name: {
            what: statistics.median(getattr(start, what) for start in starts[1:])
            for what in ("seconds", "cpu_s", "rss_mb")
        }
        for name, starts in found.items()
    }
    print_table(
        ("server", "s", "CPU s", "RSS MiB"),
        [
            (name, f"{of['seconds']:.2f}", f"{of['cpu_s']:.2f}", f"{of['rss_mb']:.0f}")
            for name, of in medians.items()
        ],
    )
    ours, usual = medians["ours"], medians["fastapi"]
    result = {
        "ratio": round(ours["seconds"] / usual["seconds"], 3),
        "cpu_ratio": round(ours["cpu_s"] / usual["cpu_s"], 3),
        "rss_mb": round(ours["rss_mb"], 1),
        "fastapi_rss_mb": round(usual["rss_mb"], 1),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
