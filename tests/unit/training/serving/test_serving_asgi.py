"""The web application says when it cannot answer, and when to ask again."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import os
import threading
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import pytest

from imgclf.errors import SourceError
from imgclf.serving import asgi, engine, logs, model_functions
from imgclf.serving.answers import Answer
from imgclf.serving.asgi import App
from imgclf.serving.figures import Board

IMAGE = {"content-type": "image/png"}
URL = {"content-type": "application/json"}
WAIT_S = 30
MODEL: Any = SimpleNamespace(runtime=SimpleNamespace(streams=1))
"""What the application asks of a model where predict_fn is replaced."""


class Found(NamedTuple):
    """One answer."""

    status: int
    headers: dict[str, str]
    body: bytes


async def ask(
    app: App, path: str, method: str = "GET", headers: dict[str, str] | None = None, body: bytes = b""
) -> Found:
    """Send one request as uvicorn would."""
    given = {**(headers or {}), "content-length": str(len(body))}
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "headers": [(name.encode(), value.encode()) for name, value in given.items()],
    }
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    async with asyncio.timeout(WAIT_S):
        await app(scope, receive, send)
    told = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return Found(sent[0]["status"], told, b"".join(message.get("body", b"") for message in sent[1:]))


async def invoke(app: App, body: bytes = b"photo", headers: dict[str, str] | None = None) -> Found:
    return await ask(app, "/invocations", "POST", headers or IMAGE, body)


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Classify anything as [1, 2], once the event is set."""
    is_open = threading.Event()

    def predict(pixels: np.ndarray, _: object) -> np.ndarray:
        assert is_open.wait(WAIT_S)
        return np.array([[1, 2]] * len(pixels), np.float32)

    monkeypatch.setattr(model_functions, "decode_image", lambda _: np.zeros((1, 3, 2, 2), np.uint8))
    monkeypatch.setattr(model_functions, "predict_fn", predict)
    yield is_open
    is_open.set()


def run(work: Callable[[App], Any]) -> Any:
    async def main() -> Any:
        return await work(App(MODEL))

    return asyncio.run(main())


@pytest.fixture
def logged(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> Callable[[], list[dict[str, Any]]]:
    """Return what gives the entries that were logged of invocations."""
    stream = io.StringIO()
    monkeypatch.setattr(logs, "sys", SimpleNamespace(stdout=stream))
    caplog.set_level(logging.INFO, logger=logs.logger.name)
    return lambda: [json.loads(line) for line in stream.getvalue().splitlines()]


def test_an_image_is_answered_and_counted(gate: threading.Event, logged: Any) -> None:
    gate.set()

    async def work(app: App) -> tuple[Found, Found]:
        return await invoke(app), await ask(app, "/metrics")

    found, page = run(work)
    assert (found.status, json.loads(found.body)) == (200, [[1, 2]])
    assert page.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert b'imgclf_requests_total{route="/invocations",status="200"} 1\n' in page.body
    assert b"imgclf_healthy 1\n" in page.body
    [entry] = logged()
    assert (entry["level"], entry["message"]) == ("INFO", "invocation")
    assert (entry["status"], entry["received_bytes"], entry["content_type"]) == (200, 5, "image/png")
    assert "reason" not in entry


def test_a_whole_invocation_is_counted_as_any_other(gate: threading.Event, logged: Any) -> None:
    gate.set()

    async def work(app: App) -> tuple[Answer, Found]:
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        assert app.take([(b"content-type", b"image/png")], b"photo", answer.set_result) is not None
        return await asyncio.wait_for(answer, WAIT_S), await ask(app, "/metrics")

    answer, page = run(work)
    assert (answer.status, json.loads(answer.body)) == (200, [[1, 2]])
    assert b'imgclf_requests_total{route="/invocations",status="200"} 1\n' in page.body
    assert b"imgclf_invocation_seconds_count 1\n" in page.body
    assert [entry["received_bytes"] for entry in logged()] == [5]


def test_neither_log_nor_metrics_repeat_what_was_sent(
    gate: threading.Event, logged: Any, caplog: pytest.LogCaptureFixture
) -> None:
    gate.set()
    caplog.set_level(logging.DEBUG)

    async def work(app: App) -> Found:
        await invoke(app, b"secretpixels")
        await invoke(app, b'{"url": "https://x.example:99/a?X-Amz-Signature=secret"}', URL)
        await invoke(app, b'{"s3_uri": "s3://photos?/secret"}', URL)
        await invoke(app, b'{"instances": [{"b64": "secret"}]}', URL)
        await ask(app, '/secret"} 1')
        return await ask(app, "/metrics")

    page = run(work)
    assert "secret" not in page.body.decode()
    assert not [record for record in caplog.records if "secret" in str(record.__dict__)]
    assert len(logged()) == 4
    assert "secret" not in str(logged())


def test_a_late_answer_is_503_and_says_when_to_ask_again(
    gate: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asgi, "DEADLINE_S", 0.2)
    found = run(invoke)
    assert (found.status, found.headers["retry-after"]) == (503, "5")
    assert "no answer within" in json.loads(found.body)["error"]


def test_a_time_out_of_the_models_own_is_no_late_answer(
    gate: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise TimeoutError

    monkeypatch.setattr(model_functions, "predict_fn", fail)
    assert run(invoke).status == 500


def test_more_images_than_may_wait_are_503_with_retry_after(
    gate: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "MAX_IMAGES", 2)

    async def work(app: App) -> list[Found]:
        asked = [asyncio.create_task(invoke(app)) for _ in range(5)]
        await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
        gate.set()
        return await asyncio.gather(*asked)

    found = run(work)
    assert sorted(one.status for one in found) == [200, 200, 503, 503, 503]
    assert {one.headers.get("retry-after") for one in found if one.status == 503} == {"1"}


def test_a_ping_is_503_once_the_engine_is_dead(
    gate: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    def end(*_: object) -> None:
        raise SystemExit

    monkeypatch.setattr(model_functions, "predict_fn", end)

    async def work(app: App) -> list[Found]:
        return [await ask(app, "/ping"), await invoke(app), await ask(app, "/ping")]

    before, failed, after = run(work)
    assert (before.status, failed.status, after.status) == (200, 503, 503)
    assert json.loads(after.body) == {"error": "the engine's thread has ended"}


def test_a_ping_is_503_while_another_process_is_at_fault(gate: threading.Event) -> None:
    file = os.memfd_create("board")
    os.ftruncate(file, Board.bytes_of(2))
    other = Board(count=2, place=1, file=file)

    async def work() -> list[Found]:
        app = App(MODEL, Board(count=2, place=0, file=file))
        found = []
        for is_faulty in (True, False):
            other.tell(images=0, fetches=0, is_faulty=is_faulty)
            found.append(await ask(app, "/ping"))
        return found

    ill, well = asyncio.run(work())
    os.close(file)
    assert (ill.status, well.status) == (503, 200)
    assert b"the engine of process 2 is at fault" in ill.body


def test_processes_share_the_images_that_may_be_in_progress(
    gate: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "MAX_IMAGES", 2)

    async def work() -> list[int]:
        app = App(MODEL, Board(count=2))
        first = asyncio.create_task(invoke(app))
        await asyncio.sleep(0.05)
        second = await invoke(app)
        gate.set()
        return [(await first).status, second.status]

    assert asyncio.run(work()) == [200, 503]


def test_a_ping_is_503_while_the_engine_is_stuck(
    gate: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "STUCK_S", 0.2)

    async def work(app: App) -> list[Found]:
        asked = asyncio.create_task(invoke(app))
        await asyncio.sleep(0.5)
        stuck, page = await ask(app, "/ping"), await ask(app, "/metrics")
        gate.set()
        await asked
        return [stuck, page, await ask(app, "/ping")]

    stuck, page, after = run(work)
    assert (stuck.status, after.status) == (503, 200)
    assert b"imgclf_healthy 0\n" in page.body
    assert b"imgclf_waiting_images 1\n" in page.body


def test_a_refusal_that_time_does_not_mend_has_no_retry_after(
    gate: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: object) -> bytes:
        raise SourceError("forbidden")

    monkeypatch.setattr(model_functions, "fetch", refuse)
    found = run(lambda app: invoke(app, b'{"url": "http://10.0.0.1/"}', URL))
    assert (found.status, "retry-after" in found.headers) == (424, False)


def test_an_answer_type_that_is_not_on_offer_is_refused_before_any_work(gate: threading.Event) -> None:
    found = run(lambda app: invoke(app, headers={**IMAGE, "accept": "text/csv"}))
    assert found.status == 406


def test_the_stop_is_acknowledged_once_the_engine_has_ended(gate: threading.Event) -> None:
    """The event loop ends with the acknowledgement, in the middle of whatever still runs."""

    async def work(app: App) -> list[bool]:
        alive: list[bool] = []

        async def receive() -> dict[str, Any]:
            return {"type": "lifespan.shutdown"}

        async def send(_: Any) -> None:
            alive.append(app._engine.find_fault() is None)

        await app({"type": "lifespan"}, receive, send)
        return alive

    assert run(work) == [False]
