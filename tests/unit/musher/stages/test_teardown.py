"""What a teardown stops and removes, in which order, and what becomes of it where AWS refuses."""

from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException

from musher.errors import TeardownError
from musher.names import captures_uri, run_slug
from musher.settings import Settings
from musher.stages import leftovers, teardown
from tests.unit.musher.operators.fakes import FakeWaiter, refuse
from tests.unit.musher.stages.test_stages import make_run

EMBED = "musher-embed-0123456789abcdef"


class FakeInstance:
    """A task instance of a run with given states."""

    dag_id, run_id = "operationalize_model", "manual__1"

    def __init__(
        self, *, failed: tuple[str, ...] = (), skipped: tuple[str, ...] = (), embed: str | None = None
    ) -> None:
        self.states = {"stage_dataset": "success", **dict.fromkeys(failed, "failed")}
        self.states |= dict.fromkeys(skipped, "skipped")
        self.embed = embed

    def get_task_states(self, *, dag_id: str, run_ids: list[str]) -> dict[str, Any]:
        return {run_ids[0]: self.states}

    def xcom_pull(self, *, task_ids: str, key: str = "return_value") -> Any:
        if task_ids == leftovers.EMBED_REQUEST:
            return {"TrainingJobName": self.embed} if self.embed else None
        return f"why {task_ids} failed"


class FakeAws:
    """The calls of a teardown, in order; those of `broken` fail, and `jobs` are live."""

    def __init__(
        self, *, broken: tuple[str, ...] = (), jobs: tuple[str, ...] = (), waiting: tuple[str, ...] = ()
    ) -> None:
        self.broken, self.jobs = broken, jobs
        self.tags = {f"musher:waiting-run-{slug}" for slug in waiting}
        self.calls: list[str] = []
        self.conn = self

    def __getattr__(self, operation: str) -> Any:
        """Record a call of boto3 with the name that it was given."""

        def call(**arguments: str) -> dict[str, Any]:
            self.calls.append(f"{operation} {next(iter(arguments.values()))}")
            if operation in self.broken:
                raise refuse("ServiceException", operation)
            return {}

        return call

    def list_tags(self, *, ResourceArn: str) -> dict[str, Any]:  # noqa: N803
        return {"Tags": [{"Key": key, "Value": "waits"} for key in sorted(self.tags)]}

    def get_paginator(self, operation: str) -> Any:
        return SimpleNamespace(paginate=lambda **arguments: [getattr(self, operation)(**arguments)])

    def delete_tags(self, *, ResourceArn: str, TagKeys: list[str]) -> dict[str, Any]:  # noqa: N803
        self.tags -= set(TagKeys)
        return {}

    def describe_alarms(self, *, AlarmNames: list[str]) -> dict[str, Any]:  # noqa: N803
        return {"MetricAlarms": [{"AlarmName": name} for name in AlarmNames]}

    def find_training_job(self, name: str) -> dict[str, Any] | None:
        found = {"TrainingJobName": name, "TrainingJobStatus": "InProgress", "TrainingJobArn": f"arn:{name}"}
        return found if name in self.jobs else None

    def find_transform_job(self, name: str) -> dict[str, Any] | None:
        found = {"TransformJobName": name, "TransformJobStatus": "InProgress"}
        return found if name in self.jobs else None

    def find_processing_job(self, name: str) -> dict[str, Any] | None:
        found = {"ProcessingJobName": name, "ProcessingJobStatus": "InProgress"}
        return found if name in self.jobs else None

    def find_tuning_job(self, name: str) -> dict[str, Any] | None:
        found = {"HyperParameterTuningJobName": name, "HyperParameterTuningJobStatus": "InProgress"}
        return found if name in self.jobs else None

    def describe_endpoint(self, *, EndpointName: str) -> dict[str, Any]:  # noqa: N803
        if f"delete_endpoint {EndpointName}" in self.calls:
            raise refuse("ValidationException", "DescribeEndpoint")
        config = f"musher-{run_slug(dag_id=FakeInstance.dag_id, run_id=FakeInstance.run_id)}-89abcdef"
        return {"EndpointStatus": "InService", "EndpointConfigName": config}

    def find_endpoint(self, name: str) -> dict[str, Any] | None:
        return self.describe_endpoint(EndpointName=name)

    def list_resources(self, kind: str, *, name_contains: str) -> list[tuple[str, str]]:
        return [(f"{name_contains}89abcdef", "arn"), (f"other-{name_contains}89abcdef", "arn")]

    def find_endpoint_config(self, name: str) -> dict[str, Any] | None:
        return {"EndpointConfigArn": f"arn:{name}"}

    def find_function(self, name: str) -> dict[str, Any] | None:
        return {"FunctionArn": f"arn:{name}"}

    def find_alias(self, name: str, *, alias: str) -> dict[str, Any] | None:
        return {"FunctionVersion": "3"}

    def get_waiter(self, name: str) -> Any:
        return FakeWaiter(self, "sagemaker", name)


@pytest.fixture
def tear_down(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that tears a run down on a fake AWS."""

    def call(aws: FakeAws, instance: FakeInstance, **params: Any) -> list[str]:
        run = make_run(
            settings, **{"capture_percent": 0, "batch_input": None, "load_test_on": "worker", **params}
        )
        monkeypatch.setattr(teardown, "current_run", lambda: run)
        monkeypatch.setattr(teardown, "get_current_context", lambda: {"ti": instance})
        for hook in ("autoscaling_hook", "cloudwatch_hook", "sagemaker_hook", "lambda_hook", "logs_hook"):
            monkeypatch.setattr(leftovers, hook, lambda settings: aws)
        removed: list[str] = teardown.teardown.function()
        return removed

    return call


def test_the_dearest_goes_first_and_logs_last(tear_down: Any, settings: Settings) -> None:
    aws, slug = FakeAws(), make_run(settings).slug
    assert tear_down(aws, FakeInstance()) == [
        f"scaling of musher-{slug}",
        f"endpoint musher-{slug}",
        f"function musher-{slug}",
        f"musher-{slug}-steps",
        f"musher-{slug}-wake",
        f"EndpointConfig musher-{slug}-89abcdef",
        f"Model musher-{slug}-89abcdef",
        f"log group /aws/sagemaker/Endpoints/musher-{slug}",
        f"log group /aws/lambda/musher-{slug}",
    ]
    assert aws.calls[:2] == ["deregister_scalable_target sagemaker", f"delete_endpoint musher-{slug}"]


def test_a_batch_is_stopped_in_all_its_attempts_before_its_model_is_removed(
    tear_down: Any, settings: Settings
) -> None:
    job = f"musher-batch-{make_run(settings).slug}"
    aws = FakeAws(jobs=(job, f"{job}-2"))
    removed = tear_down(aws, FakeInstance(), lifetime="live", batch_input="test")
    assert removed == [f"transform job {job}", f"transform job {job}-2", f"Model {job}-89abcdef"]
    stops = [f"stop_transform_job {job}", f"stop_transform_job {job}-2"]
    assert aws.calls[:3] == [*stops, f"delete_model {job}-89abcdef"]


def test_a_job_that_sends_a_load_is_stopped(tear_down: Any, settings: Settings) -> None:
    job = f"musher-load-{make_run(settings).slug}"
    aws = FakeAws(jobs=(job,))
    removed = tear_down(aws, FakeInstance(), lifetime="live", load_test_on="ml.c5.xlarge")
    assert removed == [f"processing job {job}"]
    assert aws.calls[0] == f"stop_processing_job {job}"


@pytest.mark.parametrize("percent", [0, 5])
def test_a_teardown_says_where_captures_stay(
    tear_down: Any, settings: Settings, caplog: pytest.LogCaptureFixture, percent: int
) -> None:
    tear_down(FakeAws(), FakeInstance(), capture_percent=percent)
    uri = captures_uri(settings, endpoint_name=f"musher-{make_run(settings).slug}")
    assert (f"stays, if any was: {uri}" in caplog.text) is bool(percent)


def test_live_jobs_of_the_run_are_stopped_in_all_their_attempts(tear_down: Any, settings: Settings) -> None:
    slug = make_run(settings).slug
    jobs = (f"musher-train-{slug}", f"musher-train-{slug}-2", f"musher-search-{slug}", f"musher-t-{slug}")
    aws = FakeAws(jobs=jobs)
    removed = tear_down(aws, FakeInstance(failed=("train.run_job",)))
    assert [call for call in aws.calls if call.startswith("stop_")] == [
        f"stop_hyper_parameter_tuning_job musher-t-{slug}",
        f"stop_training_job musher-train-{slug}",
        f"stop_training_job musher-train-{slug}-2",
        f"stop_training_job musher-search-{slug}",
    ]
    assert f"training job musher-train-{slug}-2" in removed


def test_a_live_run_that_succeeds_leaves_what_it_deployed_and_stops_its_jobs(
    tear_down: Any, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    slug = make_run(settings).slug
    aws = FakeAws(jobs=(f"musher-train-{slug}",))
    assert tear_down(aws, FakeInstance(), lifetime="live") == [f"training job musher-train-{slug}"]
    assert aws.calls == [
        f"stop_training_job musher-train-{slug}",
        f"add_tags arn:musher-{slug}-89abcdef",
        "tag_resource arn:musher-classify",
    ]
    assert "musher-live and musher-classify stay in operation, and cost" in caplog.text


@pytest.mark.parametrize(
    ("failed", "undoes"), [(("smoke_test",), True), (("train.run_job",), True), (("report",), False)]
)
def test_a_live_run_that_fails_puts_back_what_served_before(
    tear_down: Any,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    failed: tuple[str, ...],
    undoes: bool,
) -> None:
    asked: list[Any] = []

    def put_back(hook: Any, **arguments: Any) -> list[str]:
        if end_watch := arguments.pop("end_watch", None):
            end_watch()  # as where nothing served before
        arguments.pop("scaler", None)
        arguments.pop("end_scaling", None)
        asked.append(arguments)
        return ["put back"]

    for name in ("put_endpoint_back", "put_alias_back"):
        monkeypatch.setattr(leftovers, name, put_back)
    aws = FakeAws()
    removed = tear_down(aws, FakeInstance(failed=failed), lifetime="live")
    slug = make_run(settings).slug
    assert removed == ["put back", "put back"] * undoes
    assert (
        asked
        == [
            {"name": "musher-live", "versions": f"musher-{slug}-", "delay_s": settings.poll_interval_s},
            {"name": "musher-classify", "slug": slug, "delay_s": settings.poll_interval_s},
        ]
        * undoes
    )
    ends = [
        "deregister_scalable_target sagemaker",
        "delete_alarms ['musher-live-errors', 'musher-live-latency', 'musher-live-steps', "
        "'musher-live-wake']",
        "delete_alarms ['musher-classify-errors', 'musher-classify-duration', 'musher-classify-canary']",
    ]
    assert [call for call in aws.calls if call in ends] == ends * undoes


@pytest.mark.parametrize(("others", "stops"), [((), True), (("89abcdef",), False)])
def test_a_shared_job_is_stopped_only_where_no_other_run_waits(
    tear_down: Any, settings: Settings, others: tuple[str, ...], stops: bool
) -> None:
    aws = FakeAws(jobs=(EMBED,), waiting=(make_run(settings).slug, *others))
    tear_down(aws, FakeInstance(embed=EMBED))
    assert (f"stop_training_job {EMBED}" in aws.calls) is stops


def test_everything_is_tried_and_all_failures_are_reported_together(
    tear_down: Any, settings: Settings
) -> None:
    slug = make_run(settings).slug
    aws = FakeAws(broken=("delete_function", "delete_model"))
    with pytest.raises(TeardownError) as caught:
        tear_down(aws, FakeInstance())
    assert f"delete_endpoint musher-{slug}" in aws.calls
    assert f"delete_endpoint_config musher-{slug}-89abcdef" in aws.calls
    assert str(caught.value).startswith("2 of 11 removals failed, what they name may still cost:\n")
    for what in (f"function musher-{slug}: ", f"Model musher-{slug}-*: ", "Clear this task to try again"):
        assert what in str(caught.value)


def test_a_job_that_cannot_be_stopped_does_not_spare_the_endpoint(tear_down: Any, settings: Settings) -> None:
    slug = make_run(settings).slug
    aws = FakeAws(broken=("stop_training_job",), jobs=(f"musher-train-{slug}",))
    with pytest.raises(TeardownError, match=f"training job musher-train-{slug}"):
        tear_down(aws, FakeInstance())
    assert f"delete_endpoint musher-{slug}" in aws.calls


def test_the_logs_of_a_run_that_failed_stay(tear_down: Any) -> None:
    aws = FakeAws()
    removed = tear_down(aws, FakeInstance(failed=("smoke_test",)))
    assert not any("log group" in what for what in removed)


@pytest.mark.parametrize("failed", [("train.run_job",), ()], ids=["while a task ran", "between two tries"])
def test_a_run_that_somebody_marked_as_failed_does_not_end_green(
    tear_down: Any, settings: Settings, failed: tuple[str, ...]
) -> None:
    """Airflow skips the stages that wait, and skipped counts as success; what runs then is the teardown.

    It sets no task to failed that is queued or waits for its next try.
    """
    aws = FakeAws()
    with pytest.raises(AirflowFailException, match="the run was ended by hand"):
        tear_down(aws, FakeInstance(failed=failed, skipped=("run_succeeded",)))
    assert f"delete_endpoint musher-{make_run(settings).slug}" in aws.calls


def test_removals_are_tried_before_airflow_is_asked_anything_else(tear_down: Any, settings: Settings) -> None:
    class Unreachable(FakeInstance):
        def get_task_states(self, *, dag_id: str, run_ids: list[str]) -> dict[str, Any]:
            raise ConnectionError("the API server restarts")

    aws = FakeAws()
    with pytest.raises(ConnectionError, match="restarts"):
        tear_down(aws, Unreachable())
    assert f"delete_endpoint musher-{make_run(settings).slug}" in aws.calls
