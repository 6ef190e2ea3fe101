"""Make endpoints out of tiny model archives."""

import json
import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.archives import pack

SERVE = Path(__file__).with_name("serve_sample.py")
ROLE_ARN = "arn:aws:iam::123456789012:role/endpoint-tests"
WAIT_S = 60.0


@dataclass(frozen=True)
class Endpoint:
    """An endpoint under test, and the requests that made it."""

    aws: Any
    name: str
    bucket: str
    key: str
    model_request: dict[str, Any]
    config_request: dict[str, Any]
    first_status: str = ""
    role_arn: str = ROLE_ARN

    def deploy(self) -> "Endpoint":
        """Create the endpoint, and note its first status."""
        self.sagemaker.create_endpoint(EndpointName=self.name, EndpointConfigName=self.name)
        return replace(self, first_status=self.describe()["EndpointStatus"])

    def named(self, name: str) -> "Endpoint":
        """Return a handle on an endpoint that was made otherwise."""
        return replace(self, name=name)

    @property
    def sagemaker(self) -> Any:
        """Return a client."""
        return self.aws.client("sagemaker")

    def describe(self) -> dict[str, Any]:
        """Return DescribeEndpoint's answer."""
        return dict(self.sagemaker.describe_endpoint(EndpointName=self.name))

    def wait(self, status: str) -> dict[str, Any]:
        """Wait until the status is `status`; any other end fails the test."""
        deadline = time.monotonic() + WAIT_S
        while (found := self.describe())["EndpointStatus"] in ("Creating", "Updating", "RollingBack"):
            assert time.monotonic() < deadline, found
            time.sleep(0.05)
        assert found["EndpointStatus"] == status, found
        return found

    def wait_gone(self) -> None:
        """Wait until the endpoint does not exist."""
        with pytest.raises(ClientError, match="Could not find endpoint"):
            self._watch_deletion(deadline=time.monotonic() + WAIT_S)

    def _watch_deletion(self, *, deadline: float) -> None:
        while time.monotonic() < deadline:
            assert self.describe()["EndpointStatus"] == "Deleting"
            time.sleep(0.05)

    def delete(self) -> None:
        """Delete the endpoint and wait until it is gone."""
        self.sagemaker.delete_endpoint(EndpointName=self.name)
        self.wait_gone()

    def invoke(self, body: bytes, **options: Any) -> dict[str, Any]:
        """Return InvokeEndpoint's answer."""
        runtime = self.aws.client("sagemaker-runtime")
        return dict(runtime.invoke_endpoint(EndpointName=self.name, Body=body, **options))

    def invoke_json(self, body: bytes, **options: Any) -> Any:
        """Return the parsed body of InvokeEndpoint's answer."""
        return json.loads(self.invoke(body, **options)["Body"].read())

    def process(self) -> int:
        """Return the process that answers an invocation."""
        port = self.invoke_json(b"x")["port"]
        pid = self.aws.pid_of(f"SAGEMAKER_BIND_TO_PORT={port}")
        assert pid is not None, f"the process on port {port} has ended"
        return int(pid)

    def another_config(self, name: str, *, environment: dict[str, str]) -> str:
        """Create another model and config of the same archive; return the config's name."""
        container = self.model_request["PrimaryContainer"] | {"Environment": environment}
        self.sagemaker.create_model(**self.model_request | {"ModelName": name, "PrimaryContainer": container})
        variants = [variant | {"ModelName": name} for variant in self.config_request["ProductionVariants"]]
        self.sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=variants)
        return name


def build_endpoint(
    aws: Any,
    name: str,
    *,
    files: Mapping[str, str] | None = None,
    archive: bytes | None = None,
    environment: dict[str, str] | None = None,
    variants: list[tuple[str, float, int]] | None = None,
    config: Mapping[str, Any] | None = None,
    image: str = "image:latest",
    is_deployed: bool = True,
) -> Endpoint:
    """Upload a model and create model, config and (unless told not to) endpoint, all called `name`."""
    data = pack(files or {"code/serve.py": SERVE.read_text()}) if archive is None else archive
    bucket, key = "endpoint-tests", f"{name}/model.tar.gz"
    aws.client("s3").create_bucket(Bucket=bucket)
    aws.client("s3").put_object(Bucket=bucket, Key=key, Body=data)
    container = {
        "Image": f"123456789012.dkr.ecr.us-east-1.amazonaws.com/{image}",
        "ModelDataUrl": f"s3://{bucket}/{key}",
        "Environment": environment or {},
    }
    endpoint = Endpoint(
        aws=aws,
        name=name,
        bucket=bucket,
        key=key,
        model_request={"ModelName": name, "ExecutionRoleArn": ROLE_ARN, "PrimaryContainer": container},
        config_request={
            "EndpointConfigName": name,
            "ProductionVariants": [
                {
                    "VariantName": variant,
                    "ModelName": name,
                    "InstanceType": "ml.m5.large",
                    "InitialInstanceCount": count,
                    "InitialVariantWeight": weight,
                }
                for variant, weight, count in variants or [("AllTraffic", 1.0, 1)]
            ],
        }
        | dict(config or {}),
    )
    endpoint.sagemaker.create_model(**endpoint.model_request)
    endpoint.sagemaker.create_endpoint_config(**endpoint.config_request)
    return endpoint.deploy() if is_deployed else endpoint


def maker(aws: Any) -> Generator[Callable[..., Endpoint], None, None]:
    """Yield a function that makes endpoints; what is left of them is deleted afterwards."""
    made: list[str] = []

    def make(name: str, **options: Any) -> Endpoint:
        made.append(name)
        return build_endpoint(aws, name, **options)

    yield make
    sagemaker = aws.client("sagemaker")
    for name in made:
        for found in sagemaker.list_endpoints(NameContains=name)["Endpoints"]:
            if found["EndpointStatus"] in ("InService", "Failed"):
                sagemaker.delete_endpoint(EndpointName=found["EndpointName"])


@pytest.fixture
def endpoint_maker(localaws: Any) -> Generator[Callable[..., Endpoint], None, None]:
    """Make endpoints in the shared localaws."""
    yield from maker(localaws)


@pytest.fixture
def fast_endpoint_maker(fast_localaws: Any) -> Generator[Callable[..., Endpoint], None, None]:
    """Make endpoints in the localaws where time flies."""
    yield from maker(fast_localaws)


@pytest.fixture
def make_endpoint() -> Callable[..., Endpoint]:
    """Return the function that makes an endpoint in any AWS."""
    return build_endpoint
