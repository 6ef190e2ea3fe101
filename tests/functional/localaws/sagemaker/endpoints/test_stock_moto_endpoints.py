"""What moto alone does with endpoints: when one of these fails, moto has learnt it."""

import json
from collections.abc import Generator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from moto.server import ThreadedMotoServer

ONE_TRY = Config(retries={"total_max_attempts": 1})
KEYS = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}


class StockMoto:
    """A moto server, with the interface of the `localaws` fixture that the endpoint maker uses."""

    def __init__(self, url: str) -> None:
        self.url = url

    def client(self, service: str) -> Any:
        """Return a client."""
        return boto3.client(service, endpoint_url=self.url, config=ONE_TRY, **KEYS)


@pytest.fixture(scope="module")
def stock_moto() -> Generator[StockMoto, None, None]:
    """Yield a moto server that localaws has not touched."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield StockMoto(f"http://{host}:{port}")
    server.stop()


@pytest.fixture
def stock(stock_moto: StockMoto, make_endpoint: Any, request: pytest.FixtureRequest) -> Any:
    """Make one endpoint in stock moto, named after the test."""
    return make_endpoint(stock_moto, request.node.name.replace("_", "-")[:60].strip("-"))


def test_moto_endpoints_are_in_service_at_once(stock: Any) -> None:
    with pytest.raises(AssertionError):
        assert stock.first_status == "Creating"


def test_moto_answers_with_a_fixed_body(stock: Any) -> None:
    with pytest.raises(json.JSONDecodeError):
        stock.invoke_json(b"x")


def test_moto_answers_for_endpoints_that_do_not_exist(stock_moto: StockMoto) -> None:
    with pytest.raises(pytest.fail.Exception), pytest.raises(ClientError):
        stock_moto.client("sagemaker-runtime").invoke_endpoint(EndpointName="none", Body=b"x")


def test_moto_creates_an_endpoint_twice(stock: Any) -> None:
    with pytest.raises(pytest.fail.Exception), pytest.raises(ClientError):
        stock.deploy()


def test_moto_creates_a_model_and_a_config_twice(stock: Any) -> None:
    with pytest.raises(pytest.fail.Exception), pytest.raises(ClientError):
        stock.sagemaker.create_model(**stock.model_request)
    with pytest.raises(pytest.fail.Exception), pytest.raises(ClientError):
        stock.sagemaker.create_endpoint_config(**stock.config_request)


def test_moto_takes_a_model_without_data(stock: Any) -> None:
    container = {"Image": "image", "ModelDataUrl": "s3://no-such-bucket/model.tar.gz"}
    with pytest.raises(pytest.fail.Exception), pytest.raises(ClientError):
        stock.sagemaker.create_model(
            **stock.model_request | {"ModelName": "m", "PrimaryContainer": container}
        )


def test_moto_does_not_update_endpoints(stock: Any) -> None:
    config = stock.another_config("stock-second", environment={})
    with pytest.raises((ClientError, AssertionError)):
        stock.sagemaker.update_endpoint(EndpointName=stock.name, EndpointConfigName=config)


def test_moto_drops_shadow_variants(stock: Any) -> None:
    (variant,) = stock.config_request["ProductionVariants"]
    stock.sagemaker.create_endpoint_config(
        EndpointConfigName="stock-shadow",
        ProductionVariants=[variant],
        ShadowProductionVariants=[variant | {"VariantName": "shadow"}],
    )
    found = stock.sagemaker.describe_endpoint_config(EndpointConfigName="stock-shadow")
    assert "ShadowProductionVariants" not in found


def test_moto_keeps_no_deployment_config(stock: Any) -> None:
    routing = {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 0}
    stock.sagemaker.create_endpoint(
        EndpointName="stock-deployed",
        EndpointConfigName=stock.name,
        DeploymentConfig={"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": routing}},
    )
    assert "LastDeploymentConfig" not in stock.named("stock-deployed").describe()


def test_moto_scales_without_a_process(stock: Any) -> None:
    change = [{"VariantName": "AllTraffic", "DesiredInstanceCount": 2, "DesiredWeight": 1.0}]
    stock.sagemaker.update_endpoint_weights_and_capacities(
        EndpointName=stock.name, DesiredWeightsAndCapacities=change
    )
    assert stock.wait("InService")["ProductionVariants"][0]["CurrentInstanceCount"] == 2
    with pytest.raises(json.JSONDecodeError):
        stock.invoke_json(b"x")


def test_moto_knows_no_instance_types_of_today(stock: Any) -> None:
    variant = stock.config_request["ProductionVariants"][0] | {"InstanceType": "ml.g5.xlarge"}
    with pytest.raises(ClientError, match=r"ml\.g5\.xlarge"):
        stock.sagemaker.create_endpoint_config(EndpointConfigName="g5", ProductionVariants=[variant])


def test_moto_ignores_names_in_cloudformation(stock: Any) -> None:
    resource = {
        "Type": "AWS::SageMaker::Endpoint",
        "Properties": {"EndpointName": "the-name", "EndpointConfigName": stock.name},
    }
    stock.aws.client("cloudformation").create_stack(
        StackName="stock", TemplateBody=json.dumps({"Resources": {"Endpoint": resource}})
    )
    with pytest.raises(ClientError, match="Could not find endpoint"):
        stock.named("the-name").describe()


def test_moto_takes_asynchronous_requests_for_endpoints_that_do_not_exist(stock_moto: StockMoto) -> None:
    runtime = stock_moto.client("sagemaker-runtime")
    with pytest.raises(pytest.fail.Exception), pytest.raises(ClientError):
        runtime.invoke_endpoint_async(EndpointName="none", InputLocation="s3://none/x")


def test_moto_lists_all_models_whatever_is_asked_for(stock: Any) -> None:
    assert stock.sagemaker.list_models(NameContains="no-model-has-this-name", MaxResults=1)["Models"]
