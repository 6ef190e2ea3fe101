"""An installation of Musher on the shared localaws: connection, bucket and roles."""

import dataclasses
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.isolated_airflow import ROOT, isolate_airflow

isolate_airflow()

from musher import names  # noqa: E402  # nothing of Airflow may be imported earlier
from musher.hooks.connection import s3_hook  # noqa: E402
from musher.hooks.objects import upload_once  # noqa: E402
from musher.packaging import pack_source  # noqa: E402
from musher.payloads.tags import resource_tags  # noqa: E402
from musher.payloads.training import TrainingPlan  # noqa: E402
from musher.payloads.tuning import OBJECTIVE  # noqa: E402
from musher.settings import Settings  # noqa: E402
from tests.unit.musher.operators.fakes import FakeTask  # noqa: E402

PROJECT, EC2_PROJECT = "opstest", "ec2test"
METRICS = [
    {"Name": OBJECTIVE, "Regex": f"{OBJECTIVE}=([0-9.]+)"},
    {"Name": "valid:loss", "Regex": "valid:loss=([0-9.]+)"},
]


@pytest.fixture(scope="session")
def installation(localaws: Any) -> Settings:
    """Apply the bootstrap template under a project of its own."""
    return install(localaws)


def install(localaws: Any) -> Settings:
    """Apply the bootstrap template on a localaws; return the settings of what is there then."""
    cloudformation = localaws.client("cloudformation")
    cloudformation.create_stack(
        StackName=PROJECT,
        TemplateBody=(ROOT / "infra" / "bootstrap.yaml").read_text(),
        Parameters=[{"ParameterKey": "Project", "ParameterValue": PROJECT}],
        Capabilities=["CAPABILITY_NAMED_IAM"],
    )
    [stack] = cloudformation.describe_stacks(StackName=PROJECT)["Stacks"]
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    return Settings(account_id="123456789012", project=PROJECT, poll_interval_s=0.1)


@pytest.fixture(scope="session")
def ec2_installation(localaws: Any) -> Settings:
    """Apply the bootstrap template with what EC2 needs."""
    cloudformation = localaws.client("cloudformation")
    [vpc] = localaws.client("ec2").describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"]
    parameters = {"Project": EC2_PROJECT, "Ec2Vpc": vpc["VpcId"]}
    cloudformation.create_stack(
        StackName=EC2_PROJECT,
        TemplateBody=(ROOT / "infra" / "bootstrap.yaml").read_text(),
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
        Capabilities=["CAPABILITY_NAMED_IAM"],
    )
    [stack] = cloudformation.describe_stacks(StackName=EC2_PROJECT)["Stacks"]
    assert stack["StackStatus"] == "CREATE_COMPLETE", stack
    return Settings(account_id="123456789012", project=EC2_PROJECT, poll_interval_s=0.3)


@pytest.fixture(autouse=True)
def connection(localaws: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Point Airflow's AWS connection at localaws."""
    extra = f'{{"endpoint_url": "{localaws.url}"}}'
    monkeypatch.setenv("AIRFLOW_CONN_AWS_DEFAULT", f"aws://a:b@/?__extra__={quote(extra)}")


@pytest.fixture
def airflow_task() -> FakeTask:
    """The task of a run that an operator is."""
    made = FakeTask()
    made.run_id = f"manual__{uuid.uuid4().hex}"
    return made


@pytest.fixture
def with_settings(installation: Settings) -> Callable[..., Any]:
    """Give an operator the installation's settings, which it would read from the environment."""

    def give(operator: Any, **changes: Any) -> Any:
        operator.__dict__["settings"] = dataclasses.replace(installation, **changes)
        return operator

    return give


@pytest.fixture
def plan_for(installation: Settings, tmp_path: Path) -> Callable[..., Any]:
    """Return a function that uploads a script and returns the plan of a job that runs it."""

    def make(script: str, **changes: Any) -> TrainingPlan:
        (tmp_path / "train.py").write_text(script)
        hook = s3_hook(installation)
        archive = pack_source(folder=tmp_path)
        key = names.source_key(installation, code_hash=archive.code_hash)
        upload_once(hook, installation, key=f"{installation.project}/data/a.txt", data=b"data")
        given = {
            "job_name": names.tuning_job(installation, slug=uuid.uuid4().hex[:8]),
            "source_uri": upload_once(hook, installation, key=key, data=archive.body),
            "channels": {"train": names.s3_uri(installation, key=f"{installation.project}/data/")},
            "hyperparameters": {},
            "instance_type": "ml.m5.xlarge",
            "instance_count": 1,
            "max_runtime_s": 60,
            "metric_definitions": METRICS,
            "tags": resource_tags(installation, slug="0123abcd", started_at=datetime.now(UTC)),
        }
        return TrainingPlan(**{**given, **changes})

    return make
