"""AWS's time passes faster during one task alone."""

import pytest

from scripts import pace
from scripts.pace import REAL, Pace
from scripts.progress import Progress


def test_time_passes_faster_from_the_task_s_start_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    speeds: list[float] = []
    monkeypatch.setattr(pace, "set_speed", lambda url, speed: speeds.append(speed))
    progress = Progress(lambda line: None, tell=told.append, now=lambda: 0.0)
    observer = Pace("http://127.0.0.1:1", progress=progress, task="load_test", speed=20.0)
    for event, task in (("starting", "smoke_test"), ("starting", "load_test"), ("end", "load_test")):
        observer(event, task)
    assert speeds == [20.0, REAL]
    assert len(told) == 1
    assert "20 times as fast" in told[0]
