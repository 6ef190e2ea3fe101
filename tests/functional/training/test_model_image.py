"""The model image without Docker: its few files train and serve the code that archives bring."""

from __future__ import annotations

import http.client
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from musher.packaging import IMAGE_FILES, pack_source
from tests.functional.training.conftest import clean_environ, free_port

TRAINING = Path(__file__).resolve().parents[3] / "training"
OPTIONS = {"architecture": "small_cnn", "image_size": 8, "batch_size": 128, "epochs": 1}
READY = '"message": "serving '


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """What the Dockerfile copies to /opt/musher: a package that cannot decode an image by itself."""
    folder = tmp_path / "image"
    for name in IMAGE_FILES:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(TRAINING / name, folder / name)
    assert not (folder / "train.py").exists()
    assert not (folder / "imgclf" / "images").exists()
    return folder


def start(image: Path, word: str, base: Path, **variables: str) -> subprocess.Popen[str]:
    """Run the image's entry point with /opt/ml at `base`."""
    environ = clean_environ(SAGEMAKER_BASE_DIR=str(base), **variables)
    environ.pop("PYTHONPATH", None)
    command = [sys.executable, "-m", "imgclf.serving.container", word]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    return subprocess.Popen(command, cwd=image, env=environ, text=True, **pipes)  # type: ignore[call-overload, no-any-return]  # its pipes as one dict


@pytest.fixture
def opt_ml(digits: Path, tmp_path: Path) -> Path:
    """/opt/ml of a training job whose code was submitted as an archive."""
    base = tmp_path / "ml"
    config = base / "input" / "config"
    config.mkdir(parents=True)
    (base / "output").mkdir()
    archive = base / "sourcedir.tar.gz"
    archive.write_bytes(pack_source(folder=TRAINING).body)
    parameters = {
        **{name: json.dumps(value) for name, value in OPTIONS.items()},
        "sagemaker_program": "train.py",
        "sagemaker_submit_directory": str(archive),
    }
    (config / "hyperparameters.json").write_text(json.dumps(parameters))
    (config / "resourceconfig.json").write_text(json.dumps({"current_host": "algo-1", "hosts": ["algo-1"]}))
    (config / "inputdataconfig.json").write_text(json.dumps({"train": {}, "valid": {}, "test": {}}))
    (base / "input" / "data").symlink_to(digits)
    return base


@pytest.fixture
def model(image: Path, opt_ml: Path) -> Path:
    """/opt/ml of an endpoint: the model that the image trained, as its job left it."""
    process = start(image, "train", opt_ml)
    log, _ = process.communicate(timeout=100)
    assert process.returncode == 0, log
    assert (opt_ml / "model" / "code" / "serve.py").is_file()
    return opt_ml


@pytest.fixture
def endpoint(image: Path, model: Path) -> Iterator[int]:
    """Serve the model by the image; yield the port."""
    port = free_port()
    process = start(image, "serve", model, SAGEMAKER_BIND_TO_PORT=str(port))
    assert process.stdout is not None
    lines: list[str] = []
    for line in process.stdout:
        lines.append(line)
        if READY in line:
            break
    assert lines, "no output"
    assert READY in lines[-1], "".join(lines)
    yield port
    process.terminate()
    log, _ = process.communicate(timeout=40)
    assert process.returncode == 0, log


@pytest.mark.slow
def test_an_image_without_code_trains_and_serves_what_it_is_given(endpoint: int, digits: Path) -> None:
    photo = next((digits / "test").glob("*/*"))
    with closing(http.client.HTTPConnection("127.0.0.1", endpoint, timeout=30)) as connection:
        connection.request("POST", "/invocations", photo.read_bytes(), {"Content-Type": "image/png"})
        answer = connection.getresponse()
        [logits] = json.loads(answer.read())
    assert answer.status == 200
    assert len(logits) == 10
