"""A plugin for the pytest of moto's SageMaker tests: what they take for granted exists after each reset.

AWS refuses a role that SageMaker may not assume, and model data that is not there.
"""

import functools
import json
from typing import Any

import botocore.session
from moto.core.models import ServerModeMockAWS
from moto.settings import test_server_mode_endpoint

ROLES = ("FakeRole", "FooRole")
BUCKET = "my-bucket"
KEYS = (
    "model.tar.gz",
    "sagemaker/DEMO-breast-cancer-prediction//train/data.csv",
    "sagemaker/DEMO-breast-cancer-prediction//validation/data.csv",
    "sagemaker/processing/data.csv",
    "my-prefix/processing/data.csv",
    "my-prefix/data.csv",
)
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "sagemaker.amazonaws.com"}}
    ],
}


@functools.cache
def client(service: str) -> Any:
    """Return a client of the server that is tested."""
    session = botocore.session.get_session()
    return session.create_client(service, region_name="us-east-1", endpoint_url=test_server_mode_endpoint())


def prepare() -> None:
    """Make the roles and the model data."""
    for name in ROLES:
        client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST))
    client("s3").create_bucket(Bucket=BUCKET)
    for key in KEYS:
        client("s3").put_object(Bucket=BUCKET, Key=key, Body=b"")


def pytest_configure() -> None:
    """Prepare after each reset."""
    forget = ServerModeMockAWS.reset

    def reset(self: ServerModeMockAWS) -> None:
        forget(self)
        prepare()

    ServerModeMockAWS.reset = reset  # type: ignore[method-assign]
