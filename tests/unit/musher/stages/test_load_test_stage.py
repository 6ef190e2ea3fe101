"""The load test's tasks: what they send, keep, hand on and refuse, also where they are told to end."""

import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowRescheduleException

from musher import names
from musher.datasets.manifest import ID_CHARACTERS
from musher.errors import TrafficError
from musher.params.load_test import LOAD_TEST_ENDPOINT
from musher.settings import Settings
from musher.stages import load_measurement, load_targets, load_test
from musher.traffic import targets, watch, watched
from musher.traffic.targets import LoadTarget
from tests.unit.musher.load_records import measure_all
from tests.unit.musher.stages.test_stages import make_run

PARAMS: dict[str, Any] = {
    "load_test_on": "worker",
    "load_test_s": 10,
    "load_test_rate": 5,
    "load_test_profile": "ramp",
    "load_test_peak_rate": 20,
    "load_test_max_p99_ms": None,
    "load_test_max_error_percent": 1,
}
FORM = {name: param.value for name, param in LOAD_TEST_ENDPOINT.items()}
ENDPOINT: Any = {"name": "musher-live"}
DATASET: Any = {"samples": [{"key": "samples/cat/a.png"}, {"key": "samples/dog/b.png"}]}
Result = Any


class FakeS3:
    """Objects in memory, as both the hook and its client."""

    def __init__(self, **sizes: int) -> None:
        self.keys = list(sizes) or ["x/a.png", "x/b.JPG", "x/manifest.json"]
        self.signed: list[int] = []

    def get_conn(self) -> "FakeS3":
        return self

    def get_paginator(self, name: str) -> "FakeS3":
        assert name == "list_objects_v2"
        return self

    def paginate(self, *, Bucket: str, Prefix: str, PaginationConfig: Any) -> Any:  # noqa: N803
        yield {"Contents": [{"Key": key} for key in self.keys if key.startswith(Prefix)]}
        yield {}

    def get_object(self, *, Bucket: str, Key: str) -> Any:  # noqa: N803
        return {"Body": SimpleNamespace(read=lambda: Key.encode()), "ContentType": "image/png"}

    def generate_presigned_url(self, name: str, *, Params: Any, ExpiresIn: int) -> str:  # noqa: N803
        self.signed.append(ExpiresIn)
        return f"https://s3/{Params['Key']}"


class Sent:
    """What the stage gave to the generator and to S3."""

    def __init__(self) -> None:
        self.targets: list[LoadTarget] = []
        self.plans: list[Any] = []
        self.stored: dict[str, Any] = {}


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> Sent:
    """A generator, an endpoint and a bucket in memory."""
    found = Sent()

    def upload(hook: Any, settings: Settings, *, key: str, data: bytes, content_type: str) -> str:
        found.stored[key] = json.loads(data, parse_constant=lambda text: pytest.fail(text))
        return f"s3://b/{key}"

    def make_origin(settings: Settings, target: LoadTarget, *, seconds: int) -> None:
        found.targets.append(target)

    for name in ("s3_hook", "sagemaker_hook", "autoscaling_hook"):
        monkeypatch.setattr(load_measurement, name, lambda settings: None)
    monkeypatch.setattr(load_measurement, "upload", upload)
    monkeypatch.setattr(load_measurement, "make_origin", make_origin)
    monkeypatch.setattr(load_measurement, "find_scaling", lambda hook, endpoint_name: None)
    monkeypatch.setattr(load_measurement, "find_instance_type", lambda hook, target: "ml.m5.large")
    monkeypatch.setattr(watch, "JOIN_S", 60.0)
    monkeypatch.setattr(load_measurement, "look_at", lambda hook, target: lambda: (1, 1))
    return found


@pytest.fixture
def run_load(sent: Sent, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Return a function that runs the main DAG's load test, in which the generator measures this."""

    def call(measured: dict[str, Any], **changes: Any) -> Result:
        def send(plan: Any, origin: Any, *, tell: Callable[[str], None]) -> dict[str, Any]:
            sent.plans.append(plan)
            tell("3 of 10 s: 5.0 requests a second, p99 20 ms")
            return measured

        monkeypatch.setattr(watched, "send", send)
        monkeypatch.setattr(load_test, "current_run", lambda: make_run(settings, **{**PARAMS, **changes}))
        return load_test.load_test.function({}, ENDPOINT, DATASET, None)

    return call


@pytest.mark.parametrize(
    ("seen", "told"),
    [
        ([], ""),
        ([(1, 1)], ", 1 instance"),
        ([(1, 1), (1, 3)], ", 1 instance (3 wanted)"),
        ([(1, 3), (3, 3)], ", 3 instances"),
    ],
)
def test_the_log_says_how_the_load_goes_and_on_how_many_instances(
    seen: list[tuple[int, int]], told: str, caplog: pytest.LogCaptureFixture
) -> None:
    instances: Any = [{"at_s": 0.0, "current": current, "desired": desired} for current, desired in seen]
    with caplog.at_level("INFO"):
        watched.tell_load(instances, "3 of 30 s: 5.0 requests a second, p99 20 ms")
    assert caplog.messages == [f"load test: 3 of 30 s: 5.0 requests a second, p99 20 ms{told}"]


def test_the_run_s_load_goes_to_its_endpoint_with_images_of_the_test_split(
    run_load: Any, sent: Sent, settings: Settings
) -> None:
    run_load(measure_all([0.02] * 50))
    bucket = names.bucket(settings)
    [target] = sent.targets
    assert (target.kind, target.name) == ("endpoint", "musher-live")
    assert target.images == (f"s3://{bucket}/samples/cat/a.png", f"s3://{bucket}/samples/dog/b.png")
    [plan] = sent.plans
    assert [plan.load.rate_at(second) for second in (0, 10)] == [5, 20]
    assert plan.load.duration_s == 10


def test_what_travels_on_is_small_and_all_of_it_is_stored(
    run_load: Any, sent: Sent, settings: Settings
) -> None:
    result = run_load(measure_all([0.02] * 49, failures=["http_503"]))
    [(key, record)] = sent.stored.items()
    assert key == names.load_test_key(settings, dag_id="operationalize_model", run_id="manual__1")
    assert key.startswith(names.report_prefix(settings, dag_id="operationalize_model", run_id="manual__1"))
    assert result["output_uri"] == f"s3://b/{key}"
    assert (result["sent"], result["succeeded"], result["errors"]) == (50, 49, {"http_503": 1})
    assert result["instances"] == record["instances"]
    assert result["instances"][0]["current"] == 1
    assert len(json.dumps(result)) < 3000
    assert record["measured"]["service_histogram"]
    assert sum(item["count"] for item in record["bins"]) == 49
    assert record["due"][0]["per_s"] == pytest.approx(5.75)
    assert record["predicted"] == result["predicted"]
    assert record["instance_type"] == "ml.m5.large"
    assert record["began_at"] == "2026-01-01T00:00:00+00:00", "when the first request was due"


@pytest.mark.parametrize(
    ("limits", "goal_ms"),
    [
        ({"load_test_max_p99_ms": 300, "max_latency_ms": 2000}, 300.0),
        ({"max_latency_ms": 2000}, 2000.0),
        ({}, None),
    ],
)
def test_what_the_simulator_would_take_is_stored_for_the_limit_that_the_run_sets(
    limits: dict[str, Any], goal_ms: float | None, run_load: Any, sent: Sent
) -> None:
    run_load(measure_all([0.02] * 50), **limits)
    [record] = sent.stored.values()
    advice = record["advice"]
    assert advice["goal_ms"] == goal_ms
    assert (advice["reason"] is None) is (goal_ms is not None)
    assert (advice["plan"] is None) is (goal_ms is None)


def test_the_type_of_an_endpoint_s_instances_is_known_where_it_has_one() -> None:
    def find(*types: str | None, kind: str = "endpoint") -> str | None:
        variants = [{} if found is None else {"InstanceType": found} for found in types]
        hook: Any = SimpleNamespace(
            find_endpoint=lambda name: {"EndpointConfigName": name} if variants else None,
            find_endpoint_config=lambda name: {"ProductionVariants": variants},
        )
        return load_targets.find_instance_type(hook, LoadTarget(kind=kind, name="e", images=()))

    assert find("ml.m5.large", "ml.m5.large") == "ml.m5.large"
    assert find("ml.m5.large", "ml.c5.xlarge") is find(None) is find() is None
    assert find("ml.m5.large", kind="function") is None


def test_a_run_that_asks_for_no_load_has_none(run_load: Any, sent: Sent, settings: Settings) -> None:
    assert run_load({}, load_test_s=0) is None
    assert (sent.plans, sent.stored) == ([], {})
    load_test.judge_load.function(None)


@pytest.mark.parametrize(
    ("is_cancelled", "error"), [(True, AirflowFailException), (False, AirflowRescheduleException)]
)
def test_a_load_test_that_is_told_to_end_keeps_what_it_measured(
    is_cancelled: bool,
    error: type[Exception],
    run_load: Any,
    sent: Sent,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A person's cancel is for good; what a worker that goes away has begun, another one does anew."""
    monkeypatch.setattr(load_measurement, "get_current_context", lambda: {"ti": None})
    monkeypatch.setattr(load_measurement, "is_given_up", lambda instance: is_cancelled)
    with pytest.raises(error):
        run_load(measure_all([0.02] * 7, is_complete=False))
    [record] = sent.stored.values()
    assert (record["measured"]["sent"], record["measured"]["is_complete"]) == (7, False)
    assert "stopped before its end" in record["predicted"]["reason"]


@pytest.mark.parametrize(
    ("measured", "limits", "message"),
    [
        (measure_all([0.02] * 50), {"load_test_max_p99_ms": 100}, None),
        (measure_all([0.2] * 50), {}, None),
        (measure_all([0.2] * 50), {"load_test_max_p99_ms": 100}, "does not bear the load: the p99 is 200 ms"),
        (measure_all([0.2] * 9, failures=["timeout"]), {}, "10.00 % of the requests failed"),
    ],
)
def test_a_limit_that_is_missed_fails_the_run(
    measured: dict[str, Any], limits: dict[str, Any], message: str | None, run_load: Any
) -> None:
    result = run_load(measured, **limits)
    if message is None:
        load_test.judge_load.function(result)
    else:
        with pytest.raises(AirflowFailException, match=message):
            load_test.judge_load.function(result)


@pytest.fixture
def find(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Callable[..., LoadTarget]:
    """Return a function that finds the target of load_test_endpoint with changed Params."""
    monkeypatch.setattr(load_targets, "s3_hook", lambda settings: FakeS3())
    monkeypatch.setattr(load_targets, "sagemaker_hook", lambda settings: None)
    monkeypatch.setattr(load_targets, "find_kind", lambda hook, name: "async" if name == "queue" else None)
    package = {"CustomerMetadataProperties": {"data-hash": "0123456789abcdef" * 4}}
    monkeypatch.setattr(load_targets, "find_served_package", lambda hook, config_name: package)
    monkeypatch.setattr(
        load_targets, "read_endpoint", lambda hook, name: SimpleNamespace(config_name="musher-1-2")
    )

    def call(**changes: Any) -> LoadTarget:
        run = make_run(settings, **{**FORM, "images": "s3://photos/x/", **changes})
        return load_targets.find_target(run)

    return call


def test_the_live_endpoint_is_the_target_unless_another_is_named(find: Any) -> None:
    assert (find().kind, find().name) == ("endpoint", "musher-live")
    assert find(target="musher-0123abcd").name == "musher-0123abcd"
    assert find(target_kind="function").name == "musher-classify:live"


def test_an_asynchronous_endpoint_is_not_loaded(find: Any) -> None:
    with pytest.raises(TrafficError, match="queue is asynchronous: it answers into S3"):
        find(target="queue")


def test_images_are_those_below_an_address(find: Any) -> None:
    assert find().images == ("s3://photos/x/a.png", "s3://photos/x/b.JPG")
    assert find(images="s3://photos/x/a.png").images == ("s3://photos/x/a.png",)
    with pytest.raises(load_targets.TrafficError, match="There is no image at s3://photos/y/"):
        find(images="s3://photos/y/")


def test_without_an_address_the_live_model_s_own_test_images_are_sent(
    find: Any, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = "musher/datasets/0123456789abcdef/samples/cat/a.png"
    assert names.DATASET_ID_CHARACTERS == ID_CHARACTERS == 16
    monkeypatch.setattr(load_targets, "s3_hook", lambda settings: FakeS3(**{key: 1}))
    assert find(images=None).images == (f"s3://{names.bucket(settings)}/{key}",)
    for unknown in (None, {"ModelPackageArn": "arn"}, {"CustomerMetadataProperties": {}}):
        monkeypatch.setattr(load_targets, "find_served_package", lambda hook, config_name, it=unknown: it)
        with pytest.raises(load_targets.TrafficError, match="Name images in `images`"):
            find(images=None)
    monkeypatch.setattr(load_targets, "read_endpoint", lambda hook, name: None)
    with pytest.raises(load_targets.TrafficError, match="There is no endpoint musher-live"):
        find(images=None)


def test_an_endpoint_is_sent_the_image_and_a_function_its_address() -> None:
    hook: Any = FakeS3()
    call = targets.call_endpoint(hook, "musher-live", "s3://b/x/a.png")
    assert (call.body, call.headers["Content-Type"]) == (b"x/a.png", "image/png")
    call = targets.call_function(hook, "musher-classify:live", "s3://b/x/a.png", seconds=60)
    assert json.loads(call.body) == {"url": "https://s3/x/a.png"}
    assert call.path == "/2015-03-31/functions/musher-classify/invocations?Qualifier=live"
    assert hook.signed == [660]


def test_instances_are_those_of_all_variants_and_a_function_has_none() -> None:
    variants = [{"CurrentInstanceCount": 1, "DesiredInstanceCount": 2}, {"CurrentInstanceCount": 1}]
    hook: Any = SimpleNamespace(find_endpoint=lambda name: {"ProductionVariants": variants})
    target = LoadTarget(kind="endpoint", name="musher-live", images=())
    assert load_targets.look_at(hook, target)() == (2, 2)
    assert load_targets.look_at(hook, LoadTarget(kind="function", name="f", images=()))() is None
    gone: Any = SimpleNamespace(find_endpoint=lambda name: None)
    assert load_targets.look_at(gone, target)() is None
