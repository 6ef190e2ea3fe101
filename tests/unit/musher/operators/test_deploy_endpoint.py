"""DeployEndpointOperator and the removal of endpoints: what exists is adopted, updated or removed."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException

from musher.errors import TeardownError
from musher.hooks import waits
from musher.hooks.endpoints import find_captures, remove_endpoint, remove_versions
from musher.operators import endpoints
from musher.operators.endpoints import DeployEndpointOperator
from musher.payloads.tags import PREVIOUS_TAG
from musher.settings import Settings
from musher.triggers.endpoints import EndpointReadyTrigger
from musher.triggers.waits import WaitTrigger
from tests.unit.musher.operators.fakes import FakeClock, FakeHook, FakeLogs, FakeTask, refuse

NAME, MODEL, CONFIG = "musher-e", "musher-m", "musher-c"
VARIANT = {
    "VariantName": "AllTraffic",
    "ModelName": MODEL,
    "InstanceType": "ml.m5.large",
    "InitialInstanceCount": 1,
}
REQUEST = {
    "Model": {"ModelName": MODEL, "PrimaryContainer": {"Image": "serve:1", "ModelDataUrl": "s3://b/1"}},
    "EndpointConfig": {"EndpointConfigName": CONFIG, "ProductionVariants": [VARIANT]},
    "Endpoint": {
        "EndpointName": NAME,
        "EndpointConfigName": CONFIG,
        "Tags": [{"Key": "musher:project", "Value": "musher"}],
    },
    "Update": {"EndpointName": NAME, "EndpointConfigName": CONFIG, "RetainAllVariantProperties": True},
    "Alarms": [
        {
            "AlarmName": "musher-live-errors",
            "AlarmDescription": "5XX answers.",
            "MetricName": "Invocation5XXErrors",
            "Threshold": 0.05,
        }
    ],
}
OLDER = "musher-c0"


class FakeAlarms:
    """CloudWatch's alarms, in memory; those of `ringing` are in state ALARM."""

    def __init__(self) -> None:
        self.alarms: dict[str, Any] = {}
        self.ringing: set[str] = set()
        self.conn = self

    def put_metric_alarm(self, **request: Any) -> None:
        self.alarms[request["AlarmName"]] = request

    def describe_alarms(self, *, AlarmNames: list[str], StateValue: str = "") -> Any:  # noqa: N803
        found = [name for name in AlarmNames if name in (self.ringing if StateValue else self.alarms)]
        return {"MetricAlarms": [{"AlarmName": name, "StateReason": "1 of 1 above 0.05"} for name in found]}


class FakeSageMaker:
    """Models, configurations and endpoints in memory; a new or updated endpoint walks through `script`."""

    def __init__(self) -> None:
        self.models: dict[str, Any] = {}
        self.configs: dict[str, Any] = {}
        self.endpoints: dict[str, dict[str, Any]] = {}
        self.tags: dict[str, dict[str, str]] = {}
        self.script = ["Creating", "InService"]
        self.is_taken_back = False
        """Whether an update ends with the configuration before."""
        self.calls: list[str] = []
        self.ignored_deletions = 0
        """So many are answered with success, and come to nothing."""
        self.conn = self

    def create_model(self, **request: Any) -> None:
        self.calls.append("create_model")
        self.models[request["ModelName"]] = request

    def create_endpoint_config(self, **request: Any) -> None:
        self.calls.append("create_endpoint_config")
        self.configs[request["EndpointConfigName"]] = request

    def create_endpoint(self, **request: Any) -> None:
        self.calls.append("create_endpoint")
        self.endpoints[request["EndpointName"]] = {**request, "states": list(self.script)}

    def update_endpoint(self, **request: Any) -> None:
        self.calls.append("update_endpoint")
        endpoint = self.endpoints[request["EndpointName"]]
        if not self.is_taken_back:
            endpoint["EndpointConfigName"] = request["EndpointConfigName"]
        endpoint["states"] = ["Updating", "InService"]

    def describe_endpoint_config(self, *, EndpointConfigName: str) -> Any:  # noqa: N803
        return {**self.configs[EndpointConfigName], "EndpointConfigArn": f"arn:{EndpointConfigName}"}

    def add_tags(self, *, ResourceArn: str, Tags: list[dict[str, str]]) -> None:  # noqa: N803
        self.tags.setdefault(ResourceArn, {}).update({tag["Key"]: tag["Value"] for tag in Tags})

    def list_tags(self, *, ResourceArn: str) -> Any:  # noqa: N803
        found = self.tags.get(ResourceArn, {})
        return {"Tags": [{"Key": key, "Value": value} for key, value in found.items()]}

    def list_resources(self, kind: str, *, name_contains: str) -> list[tuple[str, str]]:
        held = {"Model": self.models, "EndpointConfig": self.configs}[kind]
        return [(name, f"arn:{name}") for name in held if name_contains in name]

    def get_paginator(self, operation: str) -> Any:
        call = getattr(self, operation)
        return SimpleNamespace(paginate=lambda **arguments: [call(**arguments)])

    def describe_endpoint(self, *, EndpointName: str) -> dict[str, Any]:  # noqa: N803
        if EndpointName not in self.endpoints:
            raise refuse("ValidationException", "DescribeEndpoint")
        endpoint = self.endpoints[EndpointName]
        states = endpoint["states"]
        if states[0] == "gone":
            del self.endpoints[EndpointName]
            raise refuse("ValidationException", "DescribeEndpoint")
        status = states.pop(0) if len(states) > 1 else states[0]
        answer = {
            "EndpointStatus": status,
            "EndpointConfigName": endpoint["EndpointConfigName"],
            "ProductionVariants": [{"VariantName": "AllTraffic", "DesiredInstanceCount": 1}],
        }
        if status == "Updating" and endpoint.get("brings"):
            answer["PendingDeploymentSummary"] = {"EndpointConfigName": endpoint["brings"]}
        return answer | ({"FailureReason": "ping failed"} if status == "Failed" else {})

    def delete_endpoint(self, *, EndpointName: str) -> None:  # noqa: N803
        self.calls.append("delete_endpoint")
        if self.endpoints[EndpointName]["states"][0] in ("Creating", "Updating"):
            raise refuse("ValidationException", "DeleteEndpoint")
        if self.ignored_deletions:
            self.ignored_deletions -= 1
            return
        del self.endpoints[EndpointName]

    def delete_endpoint_config(self, *, EndpointConfigName: str) -> None:  # noqa: N803
        self.calls.append("delete_endpoint_config")
        if EndpointConfigName not in self.configs:
            raise refuse("ValidationException", "DeleteEndpointConfig")
        del self.configs[EndpointConfigName]

    def delete_model(self, *, ModelName: str) -> None:  # noqa: N803
        self.calls.append("delete_model")
        if ModelName not in self.models:
            raise refuse("ValidationException", "DeleteModel")
        del self.models[ModelName]

    def find_model(self, name: str) -> Any:
        return self.models.get(name)

    def find_endpoint_config(self, name: str) -> Any:
        return self.describe_endpoint_config(EndpointConfigName=name) if name in self.configs else None

    def find_endpoint(self, name: str) -> Any:
        return self.describe_endpoint(EndpointName=name) if name in self.endpoints else None


@pytest.fixture
def aws(fake_clock: FakeClock) -> FakeSageMaker:
    return FakeSageMaker()


@pytest.fixture(autouse=True)
def alarms(monkeypatch: pytest.MonkeyPatch) -> FakeAlarms:
    made = FakeAlarms()
    monkeypatch.setattr(endpoints, "cloudwatch_hook", lambda settings: made)
    return made


@pytest.fixture
def operator(
    aws: FakeSageMaker, logs: dict[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> DeployEndpointOperator:
    hook = FakeHook(aws, "sagemaker")
    monkeypatch.setattr(WaitTrigger, "hook", hook)
    made = DeployEndpointOperator(task_id="run_endpoint", config=REQUEST)
    made.__dict__ |= {"hook": hook, "settings": Settings(account_id="123456789012", poll_interval_s=10)}
    return made


CREATIONS = ["create_model", "create_endpoint_config", "create_endpoint"]


def deploy(operator: DeployEndpointOperator) -> dict[str, Any]:
    """Execute the operator."""
    return dict(operator.execute(FakeTask().context()))


def test_everything_is_created_in_order(operator: DeployEndpointOperator, aws: FakeSageMaker) -> None:
    result = deploy(operator)
    assert result.pop("seconds") >= 0
    assert result == {
        "name": NAME,
        "config_name": CONFIG,
        "previous_config_name": None,
        "kind": "realtime",
        "instance_type": "ml.m5.large",
        "instances": 1,
        "captures_uri": None,
    }
    assert aws.calls == CREATIONS


@pytest.mark.parametrize(
    ("status", "found"), [("Started", f"s3://b/musher/captures/{NAME}/"), ("Stopped", None)]
)
def test_where_captures_lie_is_what_aws_says(status: str, found: str | None) -> None:
    capture = {"CaptureStatus": status, "DestinationS3Uri": "s3://b/musher/captures"}
    assert find_captures({"DataCaptureConfig": capture}, name=NAME) == found


def test_each_try_sets_how_long_the_log_is_kept_before_the_endpoint_writes_it(
    operator: DeployEndpointOperator,
    aws: FakeSageMaker,
    log_groups: FakeLogs,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    group = f"/aws/sagemaker/Endpoints/{NAME}"
    create, days = aws.create_endpoint, list[int | None]()

    def create_endpoint(**request: Any) -> None:
        days.append(log_groups.days.get(group))
        create(**request)

    monkeypatch.setattr(aws, "create_endpoint", create_endpoint)
    deploy(operator)
    log_groups.tags.clear()  # a teardown removes everything, and a person clears the task
    log_groups.days.clear()
    aws.endpoints.clear()
    deploy(operator)
    assert days == [operator.settings.log_days] * 2
    assert log_groups.tags == {group: {"musher:project": "musher"}}


def test_a_retry_adopts_what_agrees(operator: DeployEndpointOperator, aws: FakeSageMaker) -> None:
    aws.create_model(**REQUEST["Model"])
    aws.create_endpoint_config(**REQUEST["EndpointConfig"])
    aws.calls.clear()
    deploy(operator)
    assert aws.calls == ["create_endpoint"]
    aws.calls.clear()
    deploy(operator)
    assert aws.calls == []


@pytest.fixture
def serving(aws: FakeSageMaker) -> FakeSageMaker:
    """An endpoint that serves an older configuration."""
    aws.create_endpoint_config(EndpointConfigName=OLDER)
    aws.create_endpoint(EndpointName=NAME, EndpointConfigName=OLDER)
    aws.endpoints[NAME]["states"] = ["InService"]
    aws.calls.clear()
    return aws


def test_what_serves_is_updated_and_what_served_before_is_kept_and_named(
    operator: DeployEndpointOperator, serving: FakeSageMaker, alarms: FakeAlarms
) -> None:
    result = deploy(operator)
    assert serving.calls == ["create_model", "create_endpoint_config", "update_endpoint"]
    assert (result["config_name"], result["previous_config_name"]) == (CONFIG, OLDER)
    assert set(serving.configs) == {OLDER, CONFIG}
    assert list(alarms.alarms) == ["musher-live-errors"]


def test_a_try_that_finds_its_own_update_done_names_what_served_before(
    operator: DeployEndpointOperator, serving: FakeSageMaker
) -> None:
    deploy(operator)
    serving.calls.clear()
    assert deploy(operator)["previous_config_name"] == OLDER
    assert serving.calls == []


def test_a_try_that_finds_its_own_update_under_way_waits_and_asks_for_no_second(
    operator: DeployEndpointOperator, serving: FakeSageMaker
) -> None:
    deploy(operator)
    serving.calls.clear()
    states = ["Updating", "Updating", "InService"]
    serving.endpoints[NAME] |= {"EndpointConfigName": OLDER, "states": states, "brings": CONFIG}
    with pytest.raises(AirflowFailException, match=f"The update of {NAME} to {CONFIG} was taken back"):
        deploy(operator)
    assert serving.calls == []


def test_the_update_of_somebody_else_is_waited_for_before_the_own_one(
    operator: DeployEndpointOperator, serving: FakeSageMaker
) -> None:
    serving.endpoints[NAME]["states"] = ["Updating", "Updating", "InService"]
    deploy(operator)
    assert serving.calls[-1] == "update_endpoint"


@pytest.mark.parametrize("rings", [True, False])
def test_an_update_that_aws_takes_back_fails_and_names_the_alarm_that_rang(
    operator: DeployEndpointOperator,
    serving: FakeSageMaker,
    alarms: FakeAlarms,
    monkeypatch: pytest.MonkeyPatch,
    rings: bool,
) -> None:
    """The endpoint is in service again, and AWS gives no reason."""
    serving.is_taken_back = True
    ask = serving.update_endpoint

    def update_endpoint(**request: Any) -> Any:
        alarms.ringing = {"musher-live-errors"} if rings else set()
        return ask(**request)

    monkeypatch.setattr(serving, "update_endpoint", update_endpoint)
    why = r"alarm musher-live-errors \(1 of 1 above 0.05\) rang" if rings else "AWS gives no reason"
    with pytest.raises(
        AirflowFailException, match=f"{NAME} to {CONFIG} was taken back: {why}. {OLDER} serves on."
    ):
        deploy(operator)
    assert OLDER in serving.configs


def test_an_update_that_another_run_has_replaced_is_not_called_taken_back(
    operator: DeployEndpointOperator, serving: FakeSageMaker
) -> None:
    deploy(operator)
    serving.create_endpoint_config(EndpointConfigName="musher-c9")
    serving.add_tags(ResourceArn="arn:musher-c9", Tags=[{"Key": PREVIOUS_TAG, "Value": CONFIG}])
    end = {"EndpointConfigName": "musher-c9", "brings": CONFIG}
    serving.endpoints[NAME] |= {**end, "states": ["Updating", "InService"]}
    with pytest.raises(AirflowFailException, match=r"another run has replaced it by musher-c9 .* serves on"):
        deploy(operator)
    serving.add_tags(ResourceArn=f"arn:{CONFIG}", Tags=[{"Key": PREVIOUS_TAG, "Value": "musher-c9"}])
    serving.endpoints[NAME] |= {**end, "states": ["Updating", "InService"]}
    with pytest.raises(AirflowFailException, match="was taken back"):
        deploy(operator)


def test_an_endpoint_that_is_retired_meanwhile_is_told_of_and_not_made_again(
    operator: DeployEndpointOperator, serving: FakeSageMaker
) -> None:
    serving.endpoints[NAME] |= {"states": ["Updating", "Updating", "gone"], "brings": CONFIG}
    with pytest.raises(AirflowFailException, match=f"{NAME} is gone: .*retire_deployment.*Nothing serves"):
        deploy(operator)
    assert "create_endpoint" not in serving.calls


@pytest.mark.parametrize("instance_type", ["ml.m5.large", "ml.c5.large"])
def test_scaling_ends_before_the_instances_get_another_type(
    operator: DeployEndpointOperator,
    serving: FakeSageMaker,
    monkeypatch: pytest.MonkeyPatch,
    instance_type: str,
) -> None:
    """AWS refuses the update of what scales, and a task that fails says that it scales no longer."""
    serving.configs[OLDER]["ProductionVariants"] = [{**VARIANT, "InstanceType": instance_type}]
    serving.is_taken_back = True
    scaler = SimpleNamespace(deregister_scalable_target=lambda **_: serving.calls.append("deregister"))
    monkeypatch.setattr(endpoints, "autoscaling_hook", lambda settings: SimpleNamespace(conn=scaler))
    with pytest.raises(AirflowFailException, match="was taken back") as caught:
        deploy(operator)
    has_other = instance_type != "ml.m5.large"
    assert serving.calls[2:] == (["deregister"] if has_other else []) + ["update_endpoint"]
    assert ("Its scaling ended before the update" in str(caught.value)) == has_other


def test_what_sleeps_is_woken_where_its_scaling_ends_for_another_type(
    operator: DeployEndpointOperator, serving: FakeSageMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the update comes to nothing, nothing would ever wake it."""
    serving.configs[OLDER]["ProductionVariants"] = [{**VARIANT, "InstanceType": "ml.c5.large"}]
    serving.is_taken_back = True
    count, describe = [0], serving.describe_endpoint

    def shown(*, EndpointName: str) -> dict[str, Any]:  # noqa: N803
        variants = [{"VariantName": "AllTraffic", "DesiredInstanceCount": count[0]}]
        return {**describe(EndpointName=EndpointName), "ProductionVariants": variants}

    def start(*, EndpointName: str, DesiredWeightsAndCapacities: Any) -> None:  # noqa: N803
        serving.calls.append(f"start of {EndpointName}")
        count[0] = DesiredWeightsAndCapacities[0]["DesiredInstanceCount"]

    monkeypatch.setattr(serving, "describe_endpoint", shown)
    monkeypatch.setattr(serving, "update_endpoint_weights_and_capacities", start, raising=False)
    scaler = SimpleNamespace(deregister_scalable_target=lambda **_: serving.calls.append("deregister"))
    monkeypatch.setattr(endpoints, "autoscaling_hook", lambda settings: SimpleNamespace(conn=scaler))
    with pytest.raises(AirflowFailException, match="was taken back"):
        deploy(operator)
    assert serving.calls[2:] == ["deregister", f"start of {NAME}", "update_endpoint"]


def test_no_update_is_asked_for_while_an_alarm_still_rings_for_what_served_before(
    operator: DeployEndpointOperator, serving: FakeSageMaker, alarms: FakeAlarms
) -> None:
    alarms.ringing = {"musher-live-errors"}
    with pytest.raises(
        AirflowFailException, match=rf"{NAME} was not updated, .* rings already\. {OLDER} serves"
    ):
        deploy(operator)
    assert "update_endpoint" not in serving.calls


def test_an_earlier_configuration_is_put_back_without_a_model(
    operator: DeployEndpointOperator, serving: FakeSageMaker
) -> None:
    serving.create_endpoint_config(**REQUEST["EndpointConfig"])
    serving.calls.clear()
    operator.config = {name: REQUEST[name] for name in ("Endpoint", "Update")}
    deploy(operator)
    assert serving.calls == ["update_endpoint"]


def test_an_endpoint_that_cannot_be_updated_is_told_of_and_left(
    operator: DeployEndpointOperator, serving: FakeSageMaker
) -> None:
    serving.endpoints[NAME]["states"] = ["UpdateRollbackFailed"]
    with pytest.raises(AirflowFailException, match=f"Endpoint {NAME} is UpdateRollbackFailed, and AWS up"):
        deploy(operator)
    assert serving.calls == []


def test_a_failed_endpoint_is_replaced_when_the_task_is_cleared(
    operator: DeployEndpointOperator, aws: FakeSageMaker
) -> None:
    deploy(operator)
    aws.endpoints[NAME]["states"] = ["Failed"]
    aws.calls.clear()
    deploy(operator)
    assert aws.calls == ["delete_endpoint", "create_endpoint"]


def test_a_deletion_under_way_is_waited_for(operator: DeployEndpointOperator, aws: FakeSageMaker) -> None:
    deploy(operator)
    aws.endpoints[NAME]["states"] = ["Deleting", "Deleting", "gone"]
    aws.calls.clear()
    deploy(operator)
    assert aws.calls == ["create_endpoint"]


def test_a_failure_is_logged_with_reason_last_lines_and_what_to_do(
    operator: DeployEndpointOperator,
    aws: FakeSageMaker,
    logs: dict[str, list[str]],
    caplog: pytest.LogCaptureFixture,
) -> None:
    aws.script = ["Creating", "Failed"]
    logs["AllTraffic/i-0"] = ["loading", "no such file: labels.json"]
    with pytest.raises(AirflowFailException, match=f"Endpoint {NAME} is not in service: ping failed"):
        deploy(operator)
    [message] = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert message == (
        f"Endpoint {NAME} is not in service: ping failed\n"
        f"Last lines of its log (/aws/sagemaker/Endpoints/{NAME}):\n"
        "[i-0] loading\n[i-0] no such file: labels.json\n"
        "Correct the cause, then clear this task: that tries again."
    )


def test_the_wait_is_bounded(
    operator: DeployEndpointOperator, aws: FakeSageMaker, fake_clock: FakeClock
) -> None:
    aws.script = ["Creating"]
    began = fake_clock.now()
    with pytest.raises(AirflowFailException, match=f"EndpointName {NAME} did not get there in time"):
        deploy(operator)
    assert 1700 < fake_clock.now() - began <= 1800


def test_a_task_that_is_run_alone_says_that_there_is_no_request(operator: DeployEndpointOperator) -> None:
    operator.config = None
    with pytest.raises(AirflowFailException, match="There is no config: "):
        deploy(operator)


@pytest.fixture
def one_name(aws: FakeSageMaker) -> Any:
    """A hook on an endpoint whose model and configuration have its own name."""
    aws.create_model(ModelName=NAME)
    aws.create_endpoint_config(EndpointConfigName=NAME)
    aws.create_endpoint(EndpointName=NAME, EndpointConfigName=NAME)
    return FakeHook(aws, "sagemaker")


def test_removing_twice_is_fine(aws: FakeSageMaker, one_name: Any) -> None:
    aws.endpoints[NAME]["states"] = ["InService"]
    for was_there in (True, False):
        assert remove_endpoint(one_name, name=NAME, delay_s=0.01) is was_there
        for kind in ("EndpointConfig", "Model"):
            assert remove_versions(one_name, kind=kind, prefix=NAME) == ([NAME] if was_there else [])


def test_an_endpoint_that_is_still_creating_is_removed_once_it_may_be(
    aws: FakeSageMaker, one_name: Any
) -> None:
    aws.endpoints[NAME]["states"] = ["Creating", "Creating", "InService"]
    assert remove_endpoint(one_name, name=NAME, delay_s=0.01)
    assert aws.endpoints == {}


def test_an_endpoint_that_begins_to_update_amid_its_removal_is_waited_for(
    aws: FakeSageMaker, one_name: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """AWS refuses the deletion with the code that it has for missing endpoints, too."""
    caplog.set_level("INFO")
    aws.endpoints[NAME]["states"] = ["InService", "InService", "Updating", "Updating", "InService"]
    assert remove_endpoint(one_name, name=NAME, delay_s=0.01)
    assert aws.endpoints == {}
    assert aws.calls.count("delete_endpoint") == 2
    assert caplog.messages == [
        f"endpoint {NAME}: InService",
        f"endpoint {NAME}: AWS does not do that now: An error occurred (ValidationException) when calling "
        "the DeleteEndpoint operation: ValidationException",
        f"endpoint {NAME}: Updating",
        f"endpoint {NAME}: InService",
        f"{NAME}: asked AWS to delete the endpoint",
        f"endpoint {NAME}: removed",
    ]


def test_a_deletion_that_aws_answers_and_does_not_do_is_asked_for_again(
    aws: FakeSageMaker, one_name: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    aws.endpoints[NAME]["states"], aws.ignored_deletions = ["InService"], 2
    assert remove_endpoint(one_name, name=NAME, delay_s=0.01)
    assert aws.endpoints == {}
    assert caplog.messages.index(f"endpoint {NAME}: removed") == len(caplog.messages) - 1


def test_an_endpoint_that_stays_is_reported_with_its_state_and_never_as_removed(
    aws: FakeSageMaker, one_name: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    aws.endpoints[NAME]["states"] = ["Creating"]
    monkeypatch.setattr(waits.time, "monotonic", iter(range(0, 10**6, 1000)).__next__)
    with pytest.raises(
        TeardownError, match=f"EndpointName {NAME} did not .* 5400 s: it is Creating, and costs"
    ):
        remove_endpoint(one_name, name=NAME, delay_s=0.01)
    assert "removed" not in caplog.text


def test_a_replaced_endpoint_that_aws_does_not_delete_fails_and_says_what_to_do(
    operator: DeployEndpointOperator, aws: FakeSageMaker
) -> None:
    deploy(operator)
    aws.endpoints[NAME]["states"], aws.ignored_deletions = ["Failed"], 99
    with pytest.raises(
        AirflowFailException, match=f"Endpoint {NAME} was to be replaced, and AWS has not deleted"
    ):
        deploy(operator)


@pytest.fixture
def cancelled(operator: DeployEndpointOperator) -> DeployEndpointOperator:
    """The operator in a process that a person's cancel ends."""
    task = FakeTask()
    operator.know_run(task.context())
    task.state = "failed"
    return operator


def test_a_cancel_while_creating_says_that_the_endpoint_goes_on_and_deletes_nothing(
    cancelled: DeployEndpointOperator, aws: FakeSageMaker, caplog: pytest.LogCaptureFixture
) -> None:
    aws.create_endpoint(**REQUEST["Endpoint"])
    cancelled.on_kill()
    assert "delete_endpoint" not in aws.calls
    assert caplog.messages == [
        f"{NAME} is Creating: the task was killed; nothing is undone: what is under way goes on, and it "
        "costs until the run's teardown removes it, or the DAG retire_deployment where it is the live one"
    ]


def test_a_cancel_without_an_endpoint_without_a_request_or_without_an_answer_raises_nothing(
    cancelled: DeployEndpointOperator,
    aws: FakeSageMaker,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    cancelled.on_kill()
    config, cancelled.config = cancelled.config, None
    cancelled.on_kill()
    assert caplog.messages == []

    def refused(name: str) -> None:
        raise refuse("AccessDeniedException", "DescribeEndpoint")

    monkeypatch.setattr(aws, "find_endpoint", refused)
    cancelled.config = config
    cancelled.on_kill()
    assert "cannot ask AWS for its endpoint" in caplog.text


def test_a_cancel_while_deferred_says_the_same(caplog: pytest.LogCaptureFixture) -> None:
    trigger = EndpointReadyTrigger(arguments={"EndpointName": NAME}, connection={}, delay_s=1, deadline=1)
    asyncio.run(trigger.log_progress({"EndpointStatus": "Creating"}))
    asyncio.run(trigger.on_kill())
    assert caplog.messages[-1].startswith(f"{NAME} is Creating: the wait was cancelled; nothing is undone")
