"""A real serve.py process: right answers, honest refusals, and it lives on."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.functional.training.conftest import TRAINING, clean_environ
from tests.functional.training.sources import photo


def test_ping_is_200_once_the_model_is_loaded(server: Any) -> None:
    assert server.request("GET", "/ping") == (200, {})


def test_the_server_has_no_torch_in_its_memory(server: Any) -> None:
    server.invoke(photo(1), "image/jpeg")
    mapped = Path(f"/proc/{server.process.pid}/maps").read_text()
    assert "onnxruntime" in mapped
    assert "torch" not in mapped


def test_torch_gives_the_answers_where_it_is_asked_to(
    server: Any, start_server: Any, model_dir: Path, tmp_path: Path
) -> None:
    other = start_server(model_dir, tmp_path / "log", MUSHER_SERVE_RUNTIME="torch")
    found, truth = (one.invoke(photo(1), "image/jpeg")[1] for one in (server, other))
    assert np.allclose(found, truth, atol=1e-4)
    assert "libtorch" in Path(f"/proc/{other.process.pid}/maps").read_text()
    assert other.stop() == 0


@pytest.mark.parametrize(
    ("kind", "content_type"),
    [
        ("JPEG", "image/jpeg"),
        ("PNG", "image/png"),
        ("WEBP", "image/webp"),
        ("PNG", "application/x-image"),
    ],
)
def test_an_image_gives_a_row_of_133_floats(server: Any, kind: str, content_type: str) -> None:
    status, answer = server.invoke(photo(1, kind), content_type)
    assert status == 200
    assert [len(row) for row in answer] == [133]
    assert all(isinstance(value, float) for value in answer[0])


def test_a_url_on_the_aws_endpoint_answers_as_the_image_itself(server: Any, source: str) -> None:
    body = json.dumps({"url": f"{source}/cat.jpg?X-Amz-Signature=abc"}).encode()
    assert server.invoke(body, "application/json") == server.invoke(photo(1), "image/jpeg")


@pytest.mark.parametrize(
    ("path", "status", "reason"),
    [
        ("/missing.jpg", 424, "answered 404"),
        ("/loop", 424, "redirects more than 3 times"),
        ("/away", 424, "'169.254.169.254' is not a public address"),
        ("/huge", 413, "is over 32 MiB"),
    ],
)
def test_a_url_that_cannot_be_used_says_why(
    server: Any, source: str, path: str, status: int, reason: str
) -> None:
    answered, answer = server.invoke(json.dumps({"url": source + path}).encode(), "application/json")
    assert (answered, reason in answer["error"]) == (status, True), answer


def test_other_loopback_services_are_out_of_reach(server: Any) -> None:
    for url, reason in (
        (f"http://127.0.0.1:{server.port}/ping", f"port {server.port} is not fetched from"),
        ("http://127.0.0.1/", "not a public address"),
    ):
        status, answer = server.invoke(json.dumps({"url": url}).encode(), "application/json")
        assert (status, reason in answer["error"]) == (424, True), answer


@pytest.mark.parametrize(
    ("body", "content_type", "status", "reason"),
    [
        (photo(1)[:900], "image/jpeg", 400, "image"),
        (photo(1, "PNG")[:900], "image/png", 400, "image"),
        (b"not an image", "image/jpeg", 400, "not an image"),
        (b"", "image/jpeg", 400, "not an image: the 0 bytes"),
        (b"{}", "application/json", 400, 'no text "url"'),
        (b"x", "text/csv", 415, "'text/csv' is not served"),
        (b"x", "", 415, "is not served"),
    ],
)
def test_a_bad_body_is_a_4xx_with_its_reason(
    server: Any, body: bytes, content_type: str, status: int, reason: str
) -> None:
    answered, answer = server.invoke(body, content_type)
    assert (answered, reason in answer["error"]) == (status, True), answer


@pytest.mark.parametrize("megabytes", [7, 60, 120])
def test_a_huge_body_is_413_and_the_client_gets_to_read_it(server: Any, megabytes: int) -> None:
    try:
        status, answer = server.invoke(bytes(megabytes * 2**20), "image/jpeg")
    except ConnectionError:
        assert megabytes > 100  # only beyond the limit of what is thrown away
    else:
        assert status == 413
        assert "over 6291456 bytes" in answer["error"]


def test_a_huge_body_of_unknown_length_is_413(server: Any) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as client:
        client.sendall(b"POST /invocations HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(8):
            client.sendall(b"100000\r\n" + bytes(2**20) + b"\r\n")
        client.sendall(b"0\r\n\r\n")
        answer = b"".join(iter(lambda: client.recv(65_536), b""))
    assert answer.startswith(b"HTTP/1.1 413 ")


def test_the_memory_stays_bounded_under_huge_bodies(server: Any) -> None:
    with ThreadPoolExecutor(4) as pool:
        assert (
            list(pool.map(lambda _: server.invoke(bytes(60 * 2**20), "image/jpeg")[0], range(4))) == [413] * 4
        )
    peak = Path(f"/proc/{server.process.pid}/status").read_text().partition("VmHWM:")[2].split()[0]
    assert int(peak) < 1_500_000  # kB, of which torch takes about a third


def test_a_client_that_goes_away_does_no_harm(server: Any) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as client:
        client.sendall(b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nhalf")
    assert server.request("GET", "/ping")[0] == 200


def test_other_paths_and_methods_are_refused(server: Any) -> None:
    assert server.request("GET", "/")[0] == 404
    assert server.request("GET", "/invocations")[0] == 405
    assert server.request("POST", "/ping", b"")[0] == 405


def test_another_answer_type_is_406(server: Any) -> None:
    assert server.invoke(photo(1), "image/jpeg", Accept="text/csv")[0] == 406


def test_concurrent_requests_get_the_answers_of_single_ones(server: Any) -> None:
    photos = [photo(seed) for seed in range(40)]
    single = [server.invoke(data)[1][0] for data in photos]
    with ThreadPoolExecutor(20) as pool:
        together = [answer[0] for _, answer in pool.map(server.invoke, photos)]
    np.testing.assert_allclose(together, single, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("runtime", "file", "content", "reason"),
    [
        ("torch", "model.safetensors", None, "model.safetensors is missing"),
        ("torch", "model.safetensors", b"\x80\x04K\x07.", "is a pickle, which is never loaded"),
        ("auto", "model.onnx", b"\x80\x04K\x07.", "is not the file that the model card describes"),
        ("auto", "labels.json", b'{"classes": ["a", "b"]}', "names 2 classes, model_card.json says 133"),
    ],
)
def test_a_model_that_cannot_be_served_is_one_line_and_exit_code_1(
    run_server: Any,
    model_dir: Path,
    tmp_path: Path,
    runtime: str,
    file: str,
    content: bytes | None,
    reason: str,
) -> None:
    broken = tmp_path / "model"
    shutil.copytree(model_dir, broken)
    if content is None:
        (broken / file).unlink()
    else:
        (broken / file).write_bytes(content)
    result = run_server(broken, MUSHER_SERVE_RUNTIME=runtime)
    assert result.returncode == 1
    assert result.stderr.startswith("error: ")
    assert reason in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_port_in_use_is_named_with_the_option_that_changes_it(
    run_server: Any, model_dir: Path, server: Any
) -> None:
    result = run_server(model_dir, SAGEMAKER_BIND_TO_PORT=str(server.port))
    assert result.returncode == 1
    assert f"cannot listen on 127.0.0.1:{server.port}" in result.stderr
    assert "set SAGEMAKER_BIND_TO_PORT" in result.stderr


def test_a_running_request_is_answered_after_sigterm(
    start_server: Any, model_dir: Path, tmp_path: Path
) -> None:
    server = start_server(model_dir, tmp_path / "log")
    data = photo(1)
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as client:
        headers = f"Host: x\r\nContent-Type: image/jpeg\r\nContent-Length: {len(data)}\r\n\r\n"
        client.sendall(f"POST /invocations HTTP/1.1\r\n{headers}".encode() + data[:100])
        assert server.request("GET", "/ping")[0] == 200  # so the server has seen the first request's start
        os.kill(server.process.pid, 15)
        client.sendall(data[100:])
        assert client.recv(65_536).startswith(b"HTTP/1.1 200 ")
    assert server.process.wait(40) == 0


STOPPED_EARLY = """
import os, signal, socket
import uvicorn
from imgclf.serving.server import run_app

make = uvicorn.Config.get_loop_factory


def make_after_a_signal(self):
    os.kill(os.getpid(), signal.SIGTERM)
    return make(self)


async def app(scope, receive, send):
    while True:
        event = (await receive())["type"]
        await send({"type": f"{event}.complete"})
        if event == "lifespan.shutdown":
            print("shut down")
            return


uvicorn.Config.get_loop_factory = make_after_a_signal
run_app(app, socket.create_server(("127.0.0.1", 0)))
"""


def test_sigterm_before_the_event_loop_runs_stops_the_server() -> None:
    command, environ = [sys.executable, "-c", STOPPED_EARLY], clean_environ(PYTHONPATH=str(TRAINING))
    ended = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=100, check=False)
    assert (ended.returncode, ended.stdout) == (0, "shut down\n"), ended.stderr
