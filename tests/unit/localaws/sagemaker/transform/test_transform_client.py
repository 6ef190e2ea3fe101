"""The client of a transform job's container: how long it waits for an answer."""

import http.client
import threading
from types import SimpleNamespace
from typing import Any

import pytest

from localaws.sagemaker.transform.client import ModelClient


def test_a_model_has_the_seconds_that_it_was_given(monkeypatch: pytest.MonkeyPatch) -> None:
    """InvocationsTimeoutInSeconds is real time: a model's computing is not sped up with AWS's."""
    timeouts = []

    def connect(host: str, port: int, *, timeout: float) -> Any:
        timeouts.append(timeout)
        answer = SimpleNamespace(status=200, read=lambda: b"label")
        return SimpleNamespace(request=lambda *_, **__: None, getresponse=lambda: answer, close=lambda: None)

    monkeypatch.setattr(http.client, "HTTPConnection", connect)
    instance: Any = SimpleNamespace(is_healthy=True, port=9000)
    client = ModelClient(
        instance=instance, headers={}, timeout_s=600, retries=0, cancel=threading.Event(), log=print
    )
    assert client.send(b"x", name="bucket/key") == b"label"
    assert timeouts == [600]
