"""Every peer gets the same photos and as many workers as there are cores, in a room of its own."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import pytest
from PIL import Image

from benchmarks.contestants import write_requests
from benchmarks.peers import environment
from benchmarks.peers.environment import REQUIREMENTS, install_peer, last_line
from benchmarks.peers.programs import PEERS, Start, environ_of
from benchmarks.serving_bench import CONNECTIONS, SIZE, make_photos, title


@pytest.fixture
def start(tmp_path: Path) -> Start:
    return Start(programs=Path("/peers/bin"), folder=tmp_path, port=9000, workers=3)


def test_every_peer_has_a_list_of_exact_versions() -> None:
    assert {path.stem for path in REQUIREMENTS.iterdir()} == set(PEERS)
    for path in REQUIREMENTS.iterdir():
        assert all("==" in line for line in path.read_text().split())


@pytest.mark.parametrize("name", ["torchserve", "multi-model-server"])
def test_a_peer_that_needs_java_says_so_where_there_is_none(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(environment.shutil, "which", lambda _: None)
    assert install_peer(Path("/nowhere"), name) == "there is no java: apt-get install default-jre-headless"


def test_the_reason_is_what_pip_said_last() -> None:
    assert last_line("Collecting x\nERROR: no version of x\n\n") == "ERROR: no version of x"
    assert last_line(" \n") == "pip gave no reason"


@pytest.mark.parametrize("name", PEERS)
def test_a_peers_program_is_the_environments_and_knows_its_port(name: str, start: Start) -> None:
    command = PEERS[name].command(start)
    assert command[0].startswith("/peers/bin/")
    written = " ".join(path.read_text() for path in start.folder.glob("*.properties"))
    variables = environ_of(start, work="noop", model=Path("/model"))
    assert "9000" in " ".join([*command, written, variables["PEER_PORT"]])


@pytest.mark.parametrize("name", ["torchserve", "multi-model-server"])
def test_the_java_servers_have_a_worker_for_each_core_and_load_our_handler(name: str, start: Start) -> None:
    PEERS[name].command(start)
    config = dict(
        line.split("=", 1) for line in (start.folder / "config.properties").read_text().splitlines()
    )
    if name == "torchserve":
        assert json.loads(config["models"])["classifier"]["1.0"]["minWorkers"] == 3
    else:
        assert config["default_workers_per_model"] == "3"
    with zipfile.ZipFile(start.folder / "classifier.mar") as archive:
        manifest = json.loads(archive.read("MAR-INF/MANIFEST.json"))
        assert manifest["model"]["handler"].startswith("java_handler")
        assert b"def handle" in archive.read("java_handler.py")


def test_the_variables_of_a_job_do_not_reach_a_peer(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SM_MODEL_DIR", "/other")
    variables = environ_of(start, work="torch", model=Path("/model"))
    assert "SM_MODEL_DIR" not in variables
    assert (variables["PEER_WORK"], variables["PEER_THREADS"], variables["PEER_WORKERS"]) == (
        "torch",
        "1",
        "3",
    )
    assert variables["TMPDIR"] == str(start.folder)  # the Java servers keep a file of their process there


def test_photos_are_jpegs_of_30_kb_and_all_different() -> None:
    photos = make_photos(CONNECTIONS)
    assert len(set(photos)) == CONNECTIONS
    for photo in photos:
        assert 27_000 <= len(photo) <= 33_000
        with Image.open(io.BytesIO(photo)) as image:
            assert (image.format, image.size) == ("JPEG", SIZE)


def test_a_request_is_whole() -> None:
    [request] = write_requests([b"abc"], "/predictions/x")
    assert request.startswith(b"POST /predictions/x HTTP/1.1\r\n")
    assert request.endswith(b"Content-Length: 3\r\n\r\nabc")


def test_a_peer_has_a_name_for_each_work() -> None:
    assert [title("fastapi", work) for work in ("noop", "torch")] == ["fastapi", "fastapi, torch"]
