"""The stage that lets a job send the load: its request, what forbids it, and what becomes of its figures."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException

from musher import names
from musher.costs.prices import Use
from musher.errors import TrafficError
from musher.params.form import FORM
from musher.params.load_test import LOAD_TEST_ENDPOINT
from musher.settings import Settings
from musher.stages import load_job, load_job_plan, load_measurement, load_targets, load_test, run_checks
from musher.stages.load_measurement import Fleet
from musher.traffic.targets import LoadTarget
from tests.unit.musher.load_records import measure_all
from tests.unit.musher.stages.test_stages import make_run

WHERE = "ml.c5.xlarge"
PARAMS: dict[str, Any] = {
    "load_test_on": WHERE,
    "load_test_s": 10,
    "load_test_rate": 5,
    "load_test_profile": "ramp",
    "load_test_peak_rate": 20,
    "load_test_max_p99_ms": None,
    "load_test_max_error_percent": 1,
}
TARGET_PARAMS = {name: param.value for name, param in LOAD_TEST_ENDPOINT.items()}
JOB: Any = {
    "job_name": "musher-load-0123abcd",
    "measured_uri": "s3://b/measured.json",
    "instance_type": WHERE,
    "instances": 1,
    "seconds": 200.0,
    "billed_seconds": 90.0,
}
ENDPOINT: Any = {"name": "musher-live"}
DATASET: Any = {"samples": [{"key": "samples/cat/a.png"}]}


@pytest.fixture
def stored(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """The bucket, by keys."""
    found: dict[str, bytes] = {}

    def upload_once(hook: Any, settings: Settings, *, key: str, data: bytes) -> str:
        found[key] = data
        return names.s3_uri(settings, key=key)

    monkeypatch.setattr(load_job_plan, "s3_hook", lambda settings: None)
    monkeypatch.setattr(load_job_plan, "upload_once", upload_once)
    return found


@pytest.fixture
def as_run(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Return a function that lets the tasks believe that they are in a run with changed Params."""

    def make(**changes: Any) -> Any:
        run = make_run(settings, **{**PARAMS, **changes})
        for module in (load_job, load_test):
            monkeypatch.setattr(module, "current_run", lambda: run)
        return run

    return make


def test_the_job_is_ordered_the_load_that_a_worker_would_send(
    as_run: Any, stored: dict[str, bytes], settings: Settings
) -> None:
    run = as_run()
    request = load_job.request_load.function({}, ENDPOINT, DATASET)
    assert request["ProcessingJobName"] == f"musher-load-{run.slug}"
    assert request["ProcessingResources"]["ClusterConfig"]["InstanceType"] == WHERE
    inputs = {item["InputName"]: item["S3Input"]["S3Uri"] for item in request["ProcessingInputs"]}
    [order_key] = [key for key in stored if key.endswith("order.json")]
    assert inputs["order"] == names.s3_uri(settings, key=order_key)
    assert json.loads(stored[order_key]) == {
        "target": {
            "kind": "endpoint",
            "name": "musher-live",
            "images": [f"s3://{names.bucket(settings)}/samples/cat/a.png"],
        },
        "load": {"kind": "ramp", "rate": 5, "peak_rate": 20, "duration_s": 10.0},
    }
    assert {tag["Key"] for tag in request["Tags"]} == set(run.tags)


def test_another_load_has_another_address_and_the_same_has_the_same(
    as_run: Any, stored: dict[str, bytes]
) -> None:
    for rate in (5, 5, 6):
        as_run(load_test_rate=rate)
        load_job.request_load.function({}, ENDPOINT, DATASET)
    assert sorted(key.rpartition("/")[2] for key in stored) == ["order.json", "order.json", "traffic.zip"]


@pytest.mark.parametrize("changes", [{"load_test_on": "worker"}, {"load_test_s": 0}])
def test_no_job_is_asked_for_where_a_worker_sends_the_load_or_nobody(
    changes: dict[str, Any], as_run: Any, stored: dict[str, bytes]
) -> None:
    as_run(**changes)
    assert load_job.request_load.function({}, ENDPOINT, DATASET) is None
    assert stored == {}
    assert load_job.settle.function(None) is None
    assert load_job.settle.function(JOB) == JOB


@pytest.fixture
def records() -> list[Any]:
    """What was stored of load tests."""
    return []


@pytest.fixture
def collect(as_run: Any, records: list[Any], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Return a function that runs the load test after a job that left this."""

    def measure_run(job: Any) -> Any:
        return load_test.load_test.function({}, ENDPOINT, DATASET, job)

    def call(measured: dict[str, Any], *, job: Any = JOB, task: Any = measure_run, **changes: Any) -> Any:
        as_run(**changes)
        left = {
            "target": {"kind": "endpoint", "name": "musher-live", "images": ["s3://b/sent.png"]},
            "measured": measured,
            "instances": [{"at_s": 0.0, "current": 1, "desired": 1}],
        }
        monkeypatch.setattr(load_job_plan, "s3_hook", lambda settings: None)
        monkeypatch.setattr(load_job_plan, "download", lambda hook, uri: json.dumps(left).encode())
        fleet = Fleet(instance_type="ml.m5.large", scaling=None)
        monkeypatch.setattr(load_job_plan, "look_up_fleet", lambda run, target: fleet)
        monkeypatch.setattr(load_measurement, "s3_hook", lambda settings: None)
        monkeypatch.setattr(load_measurement, "upload", upload)
        return task(job)

    def upload(*_: Any, data: bytes, **__: Any) -> str:
        records.append(json.loads(data))
        return "s3://b/load_test.json"

    return call


def test_what_a_job_measured_is_judged_and_drawn_as_a_worker_s(collect: Any) -> None:
    result = collect(measure_all([0.2] * 50), load_test_max_p99_ms=100)
    assert (result["sent"], result["job"], result["output_uri"]) == (50, JOB, "s3://b/load_test.json")
    assert result["seconds"] >= JOB["seconds"]
    with pytest.raises(AirflowFailException, match="does not bear the load: the p99 is 200 ms"):
        load_test.judge_load.function(result)


def test_what_a_job_measured_is_of_the_target_that_it_had(
    collect: Any, records: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is live may have other images by then, or have gone."""

    def find_target(run: Any) -> LoadTarget:
        raise TrafficError("There is no endpoint.")

    monkeypatch.setattr(load_targets, "find_target", find_target)
    result = collect(measure_all([0.02] * 50), task=load_test.load_test_target.function)
    assert (result["target"], result["sent"]) == ("musher-live", 50)
    assert [record["images"] for record in records] == [["s3://b/sent.png"]]


def test_a_job_that_was_told_to_end_early_is_no_load_test(collect: Any) -> None:
    with pytest.raises(AirflowFailException, match="told to end before its load did; what was measured is"):
        collect(measure_all([0.02] * 7, is_complete=False))


def test_without_the_job_s_result_there_is_nothing_to_judge(collect: Any) -> None:
    with pytest.raises(AirflowFailException, match="No job has sent the load"):
        collect({}, job=None)


@pytest.mark.parametrize(
    ("changes", "isolated", "found"),
    [
        ({}, False, None),
        ({"load_test_on": "worker", "load_test_s": 0}, True, None),
        ({"load_test_s": 0}, False, f"load_test_on is {WHERE}, and load_test_s is 0"),
        ({}, True, "MUSHER_ISOLATE_NETWORK cuts jobs off from every network"),
    ],
)
def test_preflight_refuses_a_load_that_no_job_can_send(
    changes: dict[str, Any], isolated: bool, found: str | None, settings: Settings
) -> None:
    from dataclasses import replace

    given = replace(settings, isolate_network=isolated, training_image="registry/own:1")
    form = {name: param.value for name, param in FORM.items()}
    run = make_run(given, **{**form, **PARAMS, **changes})
    [check] = [check for check in run_checks.run_checks(run, dataset={}) if check.about == "load test"]
    problems = check.look()
    assert (found is None) is (problems == [])
    assert found is None or found in problems[0]


def test_the_estimate_counts_the_job() -> None:
    form = {name: param.value for name, param in FORM.items()}
    uses = {use.what: use for use in run_checks.list_uses({**form, **PARAMS})}
    assert uses["load"] == Use(what="load", instance_type=WHERE, instances=1, max_s=910.0)
    assert "load" not in {use.what for use in run_checks.list_uses(form)}


@pytest.fixture
def request_target(
    as_run: Any, stored: dict[str, bytes], settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Any]:
    """Return a function that asks for the job of load_test_endpoint, where quotas and images are these."""

    def call(*, quota: float = 1, image: str = "s3://photos/a.png", **changes: Any) -> Any:
        run = as_run(**{**TARGET_PARAMS, **PARAMS, **changes})
        bucket = names.bucket(settings)
        target = LoadTarget(kind="endpoint", name="e", images=(image.replace("photos", bucket),))
        monkeypatch.setattr(load_targets, "find_target", lambda run: target)
        monkeypatch.setattr(load_job_plan, "look_client", lambda settings, service: None)
        found = {f"{run.params['load_test_on']} for processing job usage": quota}
        monkeypatch.setattr(load_job_plan, "read_quotas", lambda client, service, names: found)
        return load_job.request_load_of_target.function()

    return call


def test_a_target_s_load_needs_no_run_of_the_pipeline(request_target: Any) -> None:
    assert request_target()["ProcessingJobName"].startswith("musher-load-")
    assert request_target(load_test_on="worker") is None


def test_a_target_s_load_is_refused_with_all_reasons_before_anything_is_paid(
    request_target: Any, stored: dict[str, bytes], caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(AirflowFailException, match="Nothing was started, for 2 reasons"):
        request_target(quota=0, image="s3://foreign/a.png")
    assert "images are in foreign: the jobs may read musher-" in caplog.text
    assert "load_test_on: the run needs 1 x ml.c5.xlarge" in caplog.text
    assert stored == {}
