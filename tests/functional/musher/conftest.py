"""An installation of Musher on the shared localaws: connection, bucket and roles."""

import dataclasses
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

import pytest

from tests.isolated_airflow import ROOT, isolate_airflow

isolate_airflow()

from musher.settings import Settings  # noqa: E402  # nothing of Airflow may be imported earlier

PROJECT = "opstest"


@pytest.fixture(scope="session")
def installation(localaws: Any) -> Settings:
    """Apply the bootstrap template under a project of its own."""
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


@pytest.fixture(autouse=True)
def connection(localaws: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Point Airflow's AWS connection at localaws."""
    extra = f'{{"endpoint_url": "{localaws.url}"}}'
    monkeypatch.setenv("AIRFLOW_CONN_AWS_DEFAULT", f"aws://a:b@/?__extra__={quote(extra)}")


@pytest.fixture
def context() -> Callable[..., Any]:
    """Return the context of a try of a task with two retries."""

    def make(*, try_number: int = 1, max_tries: int = 2) -> Any:
        task = SimpleNamespace(retries=2)
        return {"ti": SimpleNamespace(try_number=try_number, max_tries=max_tries, task=task)}

    return make


@pytest.fixture
def with_settings(installation: Settings) -> Callable[..., Any]:
    """Give an operator the installation's settings, which it would read from the environment."""

    def give(operator: Any, **changes: Any) -> Any:
        operator.__dict__["settings"] = dataclasses.replace(installation, **changes)
        return operator

    return give
