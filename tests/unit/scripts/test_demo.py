"""The demo's own parts: its folder, its lock, its options, its result."""

import argparse
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from scripts import demo
from scripts.dag_runs import Report, fetch_report
from scripts.demo import LOAD, Demo, add_ec2, count_seconds, make_folder, make_result, read_conf
from scripts.local_stack import StackError, aws_variables
from scripts.only_one import only_one
from scripts.verdict import describe_ec2
from tests.unit.scripts.second_releases import make_second

SUMMARY: dict[str, Any] = {
    "failures": {},
    "accuracy": 0.97,
    "instances": 2,
    "dataset": {"classes": 10, "images": {"test": 2}},
    "tuning": {"trials": [{"objective": 0.4}] * 4, "best": None},
    "lambda": {
        "function_name": "f",
        "status": 200,
        "answers": [{"status": 200, "classes": 10, "image": "a"}] * 2,
    },
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


@pytest.mark.parametrize(
    ("conf", "refusal", "wants_ec2"),
    [
        ({}, "", True),
        ({}, "no namespaces", False),
        ({"source": "/photos"}, "", False),
        ({"train_on_ec2": False}, "", False),
    ],
    ids=["digits", "no-namespaces", "photos", "asked-not-to"],
)
def test_the_first_run_trains_on_ec2_too_where_an_instance_can_run(
    conf: dict[str, Any], refusal: str, wants_ec2: bool
) -> None:
    assert bool(add_ec2(conf, refusal=refusal).get("train_on_ec2")) is wants_ec2


def test_the_accuracy_on_ec2_is_part_of_the_result() -> None:
    row = {"accuracy": 0.96, "instances": "1 x m5.xlarge", "seconds": 40.0, "price_usd": 0.0032}
    assert result_of(None, ec2={"rows": [row]})["ec2_accuracy"] == 0.96
    assert result_of(None)["ec2_accuracy"] is None
    assert describe_ec2({"rows": [row]}) == "EC2        0.9600 by 1 x m5.xlarge in 40.0 s, $0.0032 on AWS"
    assert describe_ec2({"rows": [row | {"price_usd": None}]}).endswith("in 40.0 s")


def ask(**conf: Any) -> Demo:
    places = {"folder": Path("/x"), "scratch": Path("/y")}
    return Demo(conf=conf, **places, port=0, limit_s=None, min_accuracy=0.95)


def report_of(**changes: Any) -> Report:
    return Report(key="reports/1", summary=SUMMARY | changes, path=Path("/x/report.html"))


def result_of(failure: str | None, **changes: Any) -> dict[str, Any]:
    return make_result(ask(), failure=failure, report=report_of(**changes), second=None, left=())


def test_the_result_is_ok_only_for_a_run_that_succeeded() -> None:
    assert result_of(None)["ok"]
    failed = result_of("deploy: no capacity", **{"lambda": None, "dataset": None})
    assert not failed["ok"]
    assert failed["reason"] == "deploy: no capacity"
    assert failed["lambda_status"] is None


def test_what_runs_have_left_is_a_failure_that_names_it() -> None:
    left = ["instance i-0123456789abcdef0", "log group /aws/lambda/musher-1"]
    result = make_result(ask(), failure=None, report=report_of(), second=None, left=left)
    assert (result["ok"], result["left"]) == (False, 2)
    assert result["reason"] == f"2 resources of the runs are left: {left[0]}, {left[1]}"
    assert result_of(None)["left"] == 0


LOADED: dict[str, Any] = {
    "sent": 270,
    "failed": 0,
    "dropped": 0,
    "instances": [{"at_s": 0.0, "current": 1, "desired": 1}, {"at_s": 9.0, "current": 1, "desired": 3}],
}


def test_the_result_counts_the_requests_of_load_and_update_and_none_may_fail() -> None:
    good = make_result(
        ask(**LOAD), failure=None, report=report_of(load=LOADED), second=make_second(), left=()
    )
    assert good["ok"]
    assert (good["load_requests"], good["load_failed"], good["endpoint_instances"]) == (270, 0, [1])
    assert (good["update_requests"], good["update_failed"]) == (200, 0)
    lost = report_of(load=LOADED | {"dropped": 2})
    bad = make_result(ask(**LOAD), failure=None, report=lost, second=make_second(), left=())
    assert bad["reason"] == "2 of the load test's 272 requests failed or were never sent"
    bad = make_result(
        ask(**LOAD), failure=None, report=report_of(load=LOADED), second=make_second(failed=1), left=()
    )
    assert bad["reason"] == "1 of 200 requests failed while a second model went live"


@pytest.mark.parametrize(
    ("conf", "is_updated", "must_grow"),
    [
        ({}, True, False),
        (LOAD, True, True),
        ({**LOAD, "epochs": 3}, True, True),
        ({**LOAD, "autoscale_target": 1000}, True, False),
        ({**LOAD, "lifetime": "trial"}, False, True),
        ({"source": "/data/dogs.zip"}, False, False),
    ],
)
def test_what_a_demo_shows_follows_its_conf(conf: Any, is_updated: bool, must_grow: bool) -> None:
    asked = ask(**conf)
    assert (asked.is_updated, asked.must_grow) == (is_updated, must_grow)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("{}", LOAD),
        ('{"load_test_s": 5}', {**LOAD, "load_test_s": 5}),
        ('{"source": "/data/dogs.zip"}', {"source": "/data/dogs.zip"}),
    ],
)
def test_the_digits_are_loaded_and_other_data_only_as_the_conf_says(
    text: str, wanted: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Demo] = []

    def run(wanted: Demo) -> dict[str, Any]:
        asked.append(wanted)
        return {"ok": True}

    monkeypatch.setattr("sys.argv", ["demo", "--folder", str(tmp_path), "--conf", text])
    monkeypatch.setattr(demo, "run", run)
    assert demo.main() == 0
    assert asked[0].conf == wanted


def test_the_main_job_s_seconds_hold_neither_load_nor_second_release() -> None:
    stages = {"train": {"seconds": 10.0}, "load_test": {"seconds": 31.0}}
    seconds = count_seconds({"stages": stages}, setup_s=2.0, total_s=100.0, second=make_second(seconds=20.0))
    assert seconds["main_job"] == 49.0
    assert (seconds["second_release"], seconds["load_test"], seconds["total"]) == (20.0, 31.0, 100.0)
    alone = count_seconds({"stages": {}}, setup_s=2.0, total_s=40.0, second=None)
    assert (alone["main_job"], alone["second_release"]) == (40.0, 0.0)


def test_a_loopback_aws_is_looked_at_five_times_a_second() -> None:
    variables = aws_variables("http://127.0.0.1:1")
    assert variables["MUSHER_POLL_INTERVAL_S"] == "0.2"
    assert '"endpoint_url": "http://127.0.0.1:1"' in variables["AIRFLOW_CONN_AWS_DEFAULT"]


class Bucket:
    """An S3 of a few reports."""

    def __init__(self, *keys: str) -> None:
        self._keys = keys

    def list_objects_v2(self, **_: str) -> dict[str, Any]:
        return {"Contents": [{"Key": key} for key in self._keys]} if self._keys else {}

    def download_file(self, bucket: str, key: str, path: str) -> None:
        Path(path).write_text(f'{{"from": "{key}"}}')


def fetch(folder: Path, *keys: str, but: str | None = None) -> Report | None:
    stack: Any = SimpleNamespace(client=lambda service: Bucket(*keys))
    return fetch_report(stack, folder=folder, but=but)


def test_a_run_without_a_report_is_none(tmp_path: Path) -> None:
    assert fetch(tmp_path) is None
    assert fetch(tmp_path, "reports/1/report.html", "reports/1/summary.json", but="reports/1") is None
    assert fetch(tmp_path, "reports/1/summary.json") is None


def test_the_report_of_the_second_run_is_not_taken_for_the_first_one_s(tmp_path: Path) -> None:
    keys = [f"reports/{run}/{name}" for run in ("2", "1") for name in ("report.html", "summary.json")]
    found = fetch(tmp_path / "second", *keys, but="reports/1")
    assert found is not None
    assert (found.key, found.path) == ("reports/2", tmp_path / "second" / "report.html")
    assert found.summary == {"from": "reports/2/summary.json"}


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
