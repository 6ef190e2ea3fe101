"""The demo's own parts: its folder, its lock, its options, its result."""

import argparse
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from scripts import demo
from scripts.demo import Demo, make_folder, make_result, read_conf
from scripts.local_stack import StackError, aws_variables
from scripts.only_one import only_one

SUMMARY: dict[str, Any] = {
    "failures": {},
    "accuracy": 0.97,
    "instances": 2,
    "dataset": {"classes": 10, "images": {"test": 2}},
    "tuning": {"trials": [{"objective": 0.4}] * 4, "best": None},
    "lambda": {"status": 200, "answers": [{"status": 200, "classes": 10, "image": "a"}] * 2},
    "stages": {},
}


def test_a_second_demo_is_told_of_the_first(tmp_path: Path) -> None:
    with (
        only_one(tmp_path, what="demo"),
        pytest.raises(StackError) as failure,
        only_one(tmp_path, what="demo"),
    ):
        pass
    assert str(failure.value).startswith(f"another demo (process {os.getpid()}) is at work in {tmp_path}.")
    with only_one(tmp_path, what="demo"):
        pass


def test_each_run_has_a_folder_and_latest_leads_to_the_last(tmp_path: Path) -> None:
    first = make_folder(tmp_path)
    (first / "report.html").write_text("first")
    assert (tmp_path / "latest" / "report.html").read_text() == "first"
    first.rename(tmp_path / "older")
    second = make_folder(tmp_path)
    assert (tmp_path / "latest").resolve() == second
    assert (tmp_path / "older").exists()


def test_a_conf_that_is_no_json_object_is_refused_in_words() -> None:
    assert read_conf('{"epochs": 5}') == {"epochs": 5}
    with pytest.raises(argparse.ArgumentTypeError, match=r"'{epochs: 5}' is not JSON"):
        read_conf("{epochs: 5}")
    with pytest.raises(argparse.ArgumentTypeError, match="no JSON object"):
        read_conf("[1]")


def result_of(failure: str | None, **changes: Any) -> dict[str, Any]:
    asked = Demo(conf={}, folder=Path("/x"), port=0, limit_s=None, min_accuracy=0.95)
    return make_result(asked, failure=failure, summary=SUMMARY | changes, report=Path("/x/report.html"))


def test_the_result_is_ok_only_for_a_run_that_succeeded() -> None:
    assert result_of(None)["ok"]
    failed = result_of("deploy: no capacity", **{"lambda": None, "dataset": None})
    assert not failed["ok"]
    assert failed["reason"] == "deploy: no capacity"
    assert failed["lambda_status"] is None


def test_a_loopback_aws_is_looked_at_five_times_a_second() -> None:
    variables = aws_variables("http://127.0.0.1:1")
    assert variables["MUSHER_POLL_INTERVAL_S"] == "0.2"
    assert '"endpoint_url": "http://127.0.0.1:1"' in variables["AIRFLOW_CONN_AWS_DEFAULT"]


def test_a_run_without_a_report_is_none(tmp_path: Path) -> None:
    s3 = SimpleNamespace(list_objects_v2=lambda **_: {})
    stack: Any = SimpleNamespace(client=lambda service: s3)
    assert demo.fetch_report(stack, folder=tmp_path) is None


@pytest.mark.parametrize(
    ("option", "text", "wanted"),
    [
        ("--limit-s", "0", "seconds above 0"),
        ("--limit-s", "soon", "seconds above 0"),
        ("--min-accuracy", "3", "a share from 0 to 1"),
        ("--min-accuracy", "nan", "a share from 0 to 1"),
    ],
)
def test_an_option_that_cannot_be_meant_is_refused_at_once(
    option: str, text: str, wanted: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["demo", option, text])
    with pytest.raises(SystemExit):
        demo.read_arguments()
    assert f"{text!r} is not {wanted}" in capsys.readouterr().err


def test_ctrl_c_is_told_in_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(wanted: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("sys.argv", ["demo", "--folder", str(tmp_path)])
    monkeypatch.setattr(demo, "run", interrupt)
    assert demo.main() == 1
    assert "stopped by Ctrl-C" in capsys.readouterr().err
