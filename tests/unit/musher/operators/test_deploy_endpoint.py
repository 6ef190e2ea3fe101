"""DeployEndpointOperator and remove_endpoint_and_model: what exists is adopted, replaced or removed."""

from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException

from musher.hooks.endpoints import remove_endpoint_and_model
from musher.operators.endpoints import DeployEndpointOperator
from musher.settings import Settings
from tests.unit.musher.operators.fakes import FakeWaiter, refuse

NAME = "musher-0123abcd"
VARIANT = {"VariantName": "AllTraffic", "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
REQUEST = {
    "Model": {"ModelName": NAME, "PrimaryContainer": {"Image": "serve:1", "ModelDataUrl": "s3://b/1"}},
    "EndpointConfig": {"EndpointConfigName": NAME, "ProductionVariants": [VARIANT]},
    "Endpoint": {"EndpointName": NAME, "EndpointConfigName": NAME},
}
READY = {"InService": True, "Failed": False, "Deleting": False}


class FakeSageMaker:
    """One model, configuration and endpoint in memory; a new endpoint walks through `script`."""

    def __init__(self) -> None:
        self.models: dict[str, Any] = {}
        self.configs: dict[str, Any] = {}
        self.endpoints: dict[str, dict[str, Any]] = {}
        self.script = ["Creating", "InService"]
        self.calls: list[str] = []
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

    def describe_endpoint(self, *, EndpointName: str) -> dict[str, Any]:  # noqa: N803
        if EndpointName not in self.endpoints:
            raise refuse("ValidationException", "DescribeEndpoint")
        endpoint = self.endpoints[EndpointName]
        states = endpoint["states"]
        status = states.pop(0) if len(states) > 1 else states[0]
        answer = {"EndpointStatus": status, "EndpointConfigName": endpoint["EndpointConfigName"]}
        return answer | ({"FailureReason": "ping failed"} if status == "Failed" else {})

    def delete_endpoint(self, *, EndpointName: str) -> None:  # noqa: N803
        self.calls.append("delete_endpoint")
        if self.endpoints[EndpointName]["states"][0] in ("Creating", "Updating"):
            raise refuse("ValidationException", "DeleteEndpoint")
        del self.endpoints[EndpointName]

    def delete_endpoint_config(self, *, EndpointConfigName: str) -> None:  # noqa: N803
        self.calls.append("delete_endpoint_config")
        del self.configs[EndpointConfigName]

    def delete_model(self, *, ModelName: str) -> None:  # noqa: N803
        self.calls.append("delete_model")
        del self.models[ModelName]

    def find_model(self, name: str) -> Any:
        return self.models.get(name)

    def find_endpoint_config(self, name: str) -> Any:
        return self.configs.get(name)

    def find_endpoint(self, name: str) -> Any:
        return self.describe_endpoint(EndpointName=name) if name in self.endpoints else None

    def get_waiter(self, name: str) -> Any:
        if name == "EndpointGone":
            return FakeWaiter(dict, lambda _: NAME not in self.endpoints or None)
        return FakeWaiter(
            lambda: self.describe_endpoint(EndpointName=NAME),
            lambda answer: READY.get(answer["EndpointStatus"]),
        )


@pytest.fixture
def aws() -> FakeSageMaker:
    return FakeSageMaker()


@pytest.fixture
def operator(aws: FakeSageMaker, settings: Settings, logs: dict[str, list[str]]) -> DeployEndpointOperator:
    made = DeployEndpointOperator(task_id="run_endpoint", config=REQUEST)
    made.__dict__ |= {"hook": aws, "settings": settings}
    return made


CREATIONS = ["create_model", "create_endpoint_config", "create_endpoint"]
DELETIONS = ["delete_endpoint", "delete_endpoint_config", "delete_model"]


def deploy(operator: DeployEndpointOperator) -> dict[str, Any]:
    """Execute the operator."""
    return operator.execute({})


def test_everything_is_created_in_order(operator: DeployEndpointOperator, aws: FakeSageMaker) -> None:
    result = deploy(operator)
    assert result.pop("seconds") >= 0
    assert result == {"name": NAME, "instance_type": "ml.m5.large", "instances": 1}
    assert aws.calls == CREATIONS


def test_a_retry_adopts_what_agrees(operator: DeployEndpointOperator, aws: FakeSageMaker) -> None:
    aws.create_model(**REQUEST["Model"])
    aws.create_endpoint_config(**REQUEST["EndpointConfig"])
    aws.calls.clear()
    deploy(operator)
    assert aws.calls == ["create_endpoint"]
    aws.calls.clear()
    deploy(operator)
    assert aws.calls == []


@pytest.mark.parametrize(
    "change",
    [{"Model": {"PrimaryContainer": {"Image": "serve:1", "ModelDataUrl": "s3://b/2"}}}, {"Variant": 3}],
)
def test_what_differs_is_replaced(
    change: dict[str, Any], operator: DeployEndpointOperator, aws: FakeSageMaker
) -> None:
    deploy(operator)
    aws.calls.clear()
    operator.config = {**REQUEST, "Model": {**REQUEST["Model"], **change.get("Model", {})}}
    if "Variant" in change:
        variant = {**VARIANT, "InitialInstanceCount": change["Variant"]}
        operator.config["EndpointConfig"] = {**REQUEST["EndpointConfig"], "ProductionVariants": [variant]}
    deploy(operator)
    assert aws.calls == DELETIONS + CREATIONS


def test_a_failed_endpoint_is_replaced_when_the_task_is_cleared(
    operator: DeployEndpointOperator, aws: FakeSageMaker
) -> None:
    deploy(operator)
    aws.endpoints[NAME]["states"] = ["Failed"]
    aws.calls.clear()
    deploy(operator)
    assert aws.calls == DELETIONS + CREATIONS


def test_a_failure_shows_reason_last_lines_and_what_to_do(
    operator: DeployEndpointOperator, aws: FakeSageMaker, logs: dict[str, list[str]]
) -> None:
    aws.script = ["Creating", "Failed"]
    logs["AllTraffic/i-0"] = ["loading", "no such file: labels.json"]
    with pytest.raises(AirflowFailException) as caught:
        deploy(operator)
    assert str(caught.value) == (
        f"Endpoint {NAME} is not in service: ping failed\n"
        f"Last lines of its log (/aws/sagemaker/Endpoints/{NAME}):\n"
        "[i-0] loading\n[i-0] no such file: labels.json\n"
        "Correct the cause, then clear this task: that replaces the endpoint."
    )


def test_in_service_with_another_configuration_is_no_success(
    operator: DeployEndpointOperator, aws: FakeSageMaker
) -> None:
    aws.create_endpoint(EndpointName=NAME, EndpointConfigName="an-older-one")
    with pytest.raises(AirflowFailException, match="in service with configuration an-older-one, not " + NAME):
        deploy(operator)


def test_the_wait_is_bounded(
    operator: DeployEndpointOperator, aws: FakeSageMaker, settings: Settings
) -> None:
    aws.script = ["Creating"]
    operator.__dict__["settings"] = Settings(account_id="123456789012", poll_interval_s=31)
    with pytest.raises(AirflowFailException, match=f"EndpointName {NAME} did not get there within 30 s"):
        deploy(operator)


def test_removing_twice_is_fine(operator: DeployEndpointOperator, aws: FakeSageMaker) -> None:
    deploy(operator)
    hook: Any = aws
    assert remove_endpoint_and_model(hook, name=NAME, delay_s=0.01) == [
        "endpoint",
        "endpoint configuration",
        "model",
    ]
    assert remove_endpoint_and_model(hook, name=NAME, delay_s=0.01) == []


def test_an_endpoint_that_is_still_creating_is_removed_once_it_may_be(aws: FakeSageMaker) -> None:
    aws.script = ["Creating", "Creating", "InService"]
    aws.create_endpoint(**REQUEST["Endpoint"])
    hook: Any = aws
    assert remove_endpoint_and_model(hook, name=NAME, delay_s=0.01) == ["endpoint"]
    assert aws.endpoints == {}
