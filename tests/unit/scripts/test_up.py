"""`make up`: news while it starts, what it keeps."""

import io
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from musher import names
from musher.settings import Settings
from scripts import up
from scripts.reports import load_reports, save_reports
from scripts.up import Waiting

DIGITS = "0123abcd" * 4


def test_while_it_starts_there_is_a_line_for_each_thing_waited_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    times = iter([0.0, 1.0, 2.0, 3.0, 20.0])
    monkeypatch.setattr(up.time, "monotonic", lambda: next(times))
    waiting = Waiting()
    for missing in ("the API server", "the API server", "the scheduler", "the scheduler"):
        waiting.show(missing)
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert lines == [
        "1.0 s waiting for the API server",
        "3.0 s waiting for the scheduler",
        "20.0 s still waiting for the scheduler",
    ]


class Bucket:
    """Stand for S3: keys and bodies."""

    def __init__(self, objects: dict[str, bytes]) -> None:
        self.objects = objects

    def get_paginator(self, operation: str) -> "Bucket":
        return self

    def paginate(self, **request: str) -> list[dict[str, Any]]:
        now = datetime(2026, 1, 1, tzinfo=UTC)
        found = [
            {"Key": key, "LastModified": now} for key in self.objects if key.startswith(request["Prefix"])
        ]
        return [{"Contents": found}]

    def get_object(self, **request: str) -> dict[str, Any]:
        return {"Body": io.BytesIO(self.objects[request["Key"]])}

    def put_object(self, **request: Any) -> None:
        self.objects[request["Key"]] = request["Body"]


def test_reports_survive_the_bucket(tmp_path: Path) -> None:
    settings = Settings(account_id="123456789012", training_image="registry/train:1")
    run = names.report_prefix(settings, dag_id="operationalize_model", run_id="manual__1")
    reports = {f"{run}/report.html": b"<p>", f"{run}/summary.json": b"{}"}
    bucket = Bucket(dict(reports))
    assert save_reports(bucket, folder=tmp_path) == 2
    assert save_reports(bucket, folder=tmp_path) == 0
    fresh = Bucket({})
    assert load_reports(fresh, folder=tmp_path) == 1
    assert fresh.objects == reports


@pytest.mark.parametrize(
    "key", ["../../../../tmp/x", f"{DIGITS}/../../x", f"{DIGITS}/other.txt", "/etc/passwd", DIGITS]
)
def test_a_key_is_no_path(tmp_path: Path, key: str) -> None:
    assert save_reports(Bucket({f"musher/reports/{key}": b"x"}), folder=tmp_path / "reports") == 0
    assert list(tmp_path.iterdir()) == []
