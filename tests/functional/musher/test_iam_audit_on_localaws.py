"""The audit of a localaws with all stacks: tasks, command line, a fix, and a list that fails."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import pytest
from airflow.sdk.exceptions import AirflowFailException

from localaws.faults.client import FaultClient
from musher.params.auditing import AUDITING
from musher.settings import Settings
from musher.stages import audit
from musher.stages import run as run_module
from musher.stages.run import Run
from scripts.local_stack import apply_bootstrap
from tests.isolated_airflow import ROOT

SAGEMAKER = "arn:aws:iam::aws:policy/AmazonSageMakerFullAccess"
CLEAN = {"critical": 0, "high": 0, "medium": 0, "low": 0}


@pytest.fixture(scope="module")
def stacks(start_server: Callable[..., Any]) -> Any:
    """A localaws of its own, with all stacks of infra/."""
    server = start_server()
    apply_bootstrap(server.url)
    return server


@pytest.fixture
def start(stacks: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Make runs of audit_iam on that localaws the current one."""
    extra = f'{{"endpoint_url": "{stacks.url}"}}'
    monkeypatch.setenv("AIRFLOW_CONN_AWS_DEFAULT", f"aws://a:b@/?__extra__={quote(extra)}")

    def make(run_id: str, **changes: Any) -> None:
        run = Run(
            settings=Settings(account_id="123456789012"),
            dag_id="audit_iam",
            run_id=run_id,
            started_at=datetime.now(UTC),
            params={**{name: param.value for name, param in AUDITING.items()}, **changes},
        )
        monkeypatch.setattr(run_module, "current_run", lambda: run)

    return make


def command(url: str, *options: str) -> "subprocess.CompletedProcess[str]":
    """Run the command line against an address."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT / "plugins"),
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    argv = [sys.executable, "-m", "musher.iam", "audit", *options]
    return subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=120, check=False)


def airflow_policies(stacks: Any) -> list[str]:
    """Return the names of the inline policies of Airflow's role."""
    names: list[str] = stacks.client("iam").list_role_policies(RoleName="musher-airflow")["PolicyNames"]
    return names


def test_the_stacks_are_clean_and_full_access_is_found_fixed_and_told(
    stacks: Any, start: Callable[..., None]
) -> None:
    start("manual__1", fail_on="low")
    result = audit.audit_account.function()
    assert (result["counts"], result["unseen"]) == (CLEAN, [])
    audit.judge_findings.function(result)
    stacks.client("iam").attach_role_policy(RoleName="musher-lambda", PolicyArn=SAGEMAKER)
    start("manual__2")
    result = audit.audit_account.function()
    with pytest.raises(AirflowFailException, match=r"\d findings are high or graver"):
        audit.judge_findings.function(result)
    bucket, _, key = result["report"].removeprefix("s3://").partition("/")
    page = stacks.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read().decode()
    assert "Before and after" in page
    assert "New:</span> The role musher-lambda has AmazonSageMakerFullAccess" in page
    done = command(stacks.url, "--fix", "--yes", "--format", "json")
    assert done.returncode == 1, done.stderr
    assert {found["rule"] for found in json.loads(done.stdout)["findings"]} == {
        "full-access",
        "privilege-escalation",
    }
    assert "applied: The role musher-lambda has AmazonSageMakerFullAccess" in done.stderr
    assert command(stacks.url, "--fail-on", "low").returncode == 0
    policies = stacks.client("iam").list_role_policies(RoleName="musher-lambda")["PolicyNames"]
    assert "audit-invokes-endpoints" in policies
    denials = [name for name in airflow_policies(stacks) if name.startswith("audit-denies")]
    assert not denials, "the pipeline's own role must go on passing its narrow roles"


def test_a_list_that_fails_fails_the_run_and_hides_no_other(stacks: Any, start: Callable[..., None]) -> None:
    faults = FaultClient(stacks.url)
    faults.add(kind="error", service="lambda", action="ListFunctions")
    try:
        start("manual__3")
        result = audit.audit_account.function()
        assert len(result["unseen"]) == 1
        assert result["unseen"][0].startswith("functions: ")
        with pytest.raises(AirflowFailException, match="not looked at: functions"):
            audit.judge_findings.function(result)
        done = command(stacks.url)
        assert (done.returncode, done.stdout.count("not looked at")) == (3, 1)
    finally:
        faults.clear()


def test_access_analyzer_is_not_there_and_that_is_said(stacks: Any) -> None:
    done = command(stacks.url, "--validate")
    assert done.returncode == 3
    assert "not looked at: Access Analyzer" in done.stdout
    assert "Traceback" not in done.stderr
