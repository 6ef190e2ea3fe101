"""The audit as Airflow's role where policies count: infra/auditing.yaml grants all that it asks."""

import configparser
import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from scripts import local_stack
from tests.isolated_airflow import ROOT

ACCOUNT = local_stack.ACCOUNT_ID
ROLE = f"arn:aws:iam::{ACCOUNT}:role/musher-airflow"
FULL_ACCESS = "arn:aws:iam::aws:policy/AmazonSageMakerFullAccess"
MakeClient = Callable[..., Any]


@pytest.fixture(scope="module")
def server(start_server: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A localaws that enforces; the first key is in the file `root`."""
    file = tmp_path_factory.mktemp("audit") / "root"
    started = start_server("--iam", "enforce", "--credentials-file", str(file))
    return started, file


@pytest.fixture(scope="module")
def root(server: Any) -> MakeClient:
    """Clients of the account's owner, who has applied all stacks and made the user `airflow`, with a key."""
    started, file = server
    parser = configparser.ConfigParser()
    parser.read(file)
    keys = dict(parser["default"])

    def make(service: str, *, url: str = started.url) -> Any:
        return boto3.client(service, region_name=local_stack.REGION, endpoint_url=url, **keys)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(local_stack, "make_client", make)
        local_stack.apply_bootstrap(started.url)
    make("iam").create_user(UserName="airflow")
    return make


@pytest.fixture(scope="module")
def session(server: Any, root: MakeClient) -> dict[str, str]:
    """A session of Airflow's role."""
    key = root("iam").create_access_key(UserName="airflow")["AccessKey"]
    sts = boto3.client(
        "sts",
        region_name=local_stack.REGION,
        endpoint_url=server[0].url,
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
    )
    made = sts.assume_role(RoleArn=ROLE, RoleSessionName="audit")["Credentials"]
    return {
        "aws_access_key_id": made["AccessKeyId"],
        "aws_secret_access_key": made["SecretAccessKey"],
        "aws_session_token": made["SessionToken"],
    }


@pytest.fixture(scope="module")
def airflow(server: Any, session: dict[str, str]) -> MakeClient:
    """Clients of Airflow's role."""

    def make(service: str) -> Any:
        return boto3.client(service, region_name=local_stack.REGION, endpoint_url=server[0].url, **session)

    return make


def test_the_audit_sees_all_of_the_account(server: Any, root: MakeClient, session: dict[str, str]) -> None:
    """Among it a policy of AWS's own, which it reads, and a user's key."""
    root("iam").attach_role_policy(RoleName="musher-lambda", PolicyArn=FULL_ACCESS)
    try:
        done = audit(server[0].url, session)
    finally:
        root("iam").detach_role_policy(RoleName="musher-lambda", PolicyArn=FULL_ACCESS)
    assert done.returncode == 1, done.stderr
    assert "not looked at" not in done.stdout + done.stderr, done.stdout
    assert "The role musher-lambda has AmazonSageMakerFullAccess" in done.stdout


def test_access_analyzer_is_allowed_and_not_there(server: Any, session: dict[str, str]) -> None:
    done = audit(server[0].url, session, "--validate")
    assert done.returncode == 3, done.stderr
    assert "localaws does not implement access-analyzer:ValidatePolicy" in done.stdout


def audit(url: str, session: dict[str, str], *options: str) -> "subprocess.CompletedProcess[str]":
    """Run the command line with keys of a session."""
    environment = {
        **os.environ,
        **{name.upper(): value for name, value in session.items()},
        "PYTHONPATH": str(ROOT / "plugins"),
        "AWS_ENDPOINT_URL": url,
        "AWS_DEFAULT_REGION": local_stack.REGION,
    }
    argv = [sys.executable, "-m", "musher.iam", "audit", *options]
    return subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=120, check=False)


def test_what_the_audit_may_not_stays_denied(airflow: MakeClient) -> None:
    with pytest.raises(ClientError, match="not authorized to perform: iam:GetUser"):
        airflow("iam").get_user(UserName="airflow")
    with pytest.raises(ClientError, match="not authorized to perform: iam:CreateAccessKey"):
        airflow("iam").create_access_key(UserName="airflow")


def test_metrics_go_into_the_projects_namespace_alone(airflow: MakeClient) -> None:
    metrics = airflow("cloudwatch")
    data = [{"MetricName": "Healthy", "Value": 1.0}]
    metrics.put_metric_data(Namespace="Musher", MetricData=data)
    with pytest.raises(ClientError, match="not authorized to perform: cloudwatch:PutMetricData"):
        metrics.put_metric_data(Namespace="Other", MetricData=data)


def test_a_function_may_scale_and_other_services_may_not(airflow: MakeClient) -> None:
    scaling = airflow("application-autoscaling")
    bounds = {"MinCapacity": 1, "MaxCapacity": 2}
    with pytest.raises(ClientError) as refused:  # it is allowed: what is missing is the function
        scaling.register_scalable_target(
            ServiceNamespace="lambda",
            ResourceId="function:musher-classify:7",
            ScalableDimension="lambda:function:ProvisionedConcurrency",
            **bounds,
        )
    assert refused.value.response["Error"]["Code"] != "AccessDeniedException"
    with pytest.raises(ClientError, match="application-autoscaling:RegisterScalableTarget"):
        scaling.register_scalable_target(
            ServiceNamespace="ecs",
            ResourceId="service/a/b",
            ScalableDimension="ecs:service:DesiredCount",
            **bounds,
        )
