"""Answers have the form of AWS's: what their model requires is there, and nothing is empty."""

import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from localaws.wire.compiler import find_compiler
from localaws.wire.wording import Violation


def watch(client: Any) -> list[tuple[str, Any]]:
    """Return a list that every answer of a client comes into: action and JSON, as they were sent."""
    seen: list[tuple[str, Any]] = []

    def take(http_response: Any, model: Any, **_: Any) -> None:
        seen.append((model.name, json.loads(http_response.content or "{}")))

    client.meta.events.register("after-call", take)
    return seen


def violations_of(action: str, answer: Any) -> list[str]:
    """Return what is wrong with an answer by its model; members of other types raise."""
    compiler = find_compiler("sagemaker")
    assert compiler is not None
    found: list[Violation] = []
    compiler.check_for_answer(action)(answer, "", found)
    return [str(violation) for violation in found]


def empties(value: Any, path: str = "") -> Iterator[str]:
    """Give the paths of members that hold nothing."""
    if isinstance(value, dict):
        for name, item in value.items():
            if item in ({}, [], None):
                yield f"{path}.{name}"
            yield from empties(item, f"{path}.{name}")
    elif isinstance(value, list):
        for item in value:
            yield from empties(item, path)


@pytest.fixture
def described(endpoint_maker: Any) -> list[tuple[str, Any]]:
    """Return the answers that describe a model, a config and an endpoint, and those that list them."""
    made = endpoint_maker(f"ep-answers-{uuid.uuid4().hex[:8]}")
    made.wait("InService")
    client = made.aws.client("sagemaker")
    seen = watch(client)
    client.describe_model(ModelName=made.name)
    client.describe_endpoint_config(EndpointConfigName=made.name)
    client.describe_endpoint(EndpointName=made.name)
    client.list_models()
    client.list_endpoint_configs()
    client.list_endpoints()
    return seen


def test_answers_have_the_form_of_their_model(described: list[tuple[str, Any]]) -> None:
    """SDK v3 cannot read VpcConfig: {}, and Terraform takes it for a change."""
    for action, answer in described:
        assert violations_of(action, answer) == [], action
        assert list(empties(answer)) == [], action


def test_what_aws_always_gives_is_there(described: list[tuple[str, Any]]) -> None:
    answers = dict(described)
    assert answers["DescribeModel"]["PrimaryContainer"]["Mode"] == "SingleModel"
    (image,) = answers["DescribeEndpoint"]["ProductionVariants"][0]["DeployedImages"]
    assert image["ResolvedImage"] == image["SpecifiedImage"]
    assert image["ResolutionTime"] == answers["DescribeEndpoint"]["CreationTime"]


@pytest.mark.slow
def test_the_sdks_resources_read_model_config_and_endpoint(
    endpoint_maker: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = endpoint_maker("ep-resources")
    made.wait("InService")
    monkeypatch.setenv("AWS_ENDPOINT_URL", made.aws.url)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    import boto3
    from sagemaker.core.resources import Endpoint, EndpointConfig, Model

    session = boto3.Session(region_name="us-east-1")
    model = Model.get(made.name, session=session, region="us-east-1")
    config = EndpointConfig.get(made.name, session=session, region="us-east-1")
    endpoint = Endpoint.get(made.name, session=session, region="us-east-1")
    assert model.primary_container.image.endswith("image:latest")
    assert config.production_variants[0].model_name == made.name
    assert endpoint.endpoint_status == "InService"
    for resource in (Model, EndpointConfig, Endpoint):
        assert next(iter(resource.get_all(session=session, region="us-east-1")))
