"""The stage of audit_iam on moto: its files, its comparison with the audit before, and when it fails."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from airflow.sdk.exceptions import AirflowFailException
from moto import mock_aws

from musher import names
from musher.iam import credentials
from musher.params.auditing import AUDITING
from musher.settings import Settings
from musher.stages import audit
from musher.stages import run as run_module
from musher.stages.run import Run
from tests.unit.musher.iam.accounts import ADMIN, trust_of

DEFAULTS = {name: param.value for name, param in AUDITING.items()}
CLEAN = {"critical": 0, "high": 0, "medium": 0, "low": 0}


@pytest.fixture
def aws(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Clients of moto with the project's bucket; the stage uses them too."""
    monkeypatch.setattr(credentials, "DELAYS_S", (0.0, 0.0))
    with mock_aws():
        make = boto3.Session("test", "test", region_name="us-east-1").client
        make("s3").create_bucket(Bucket=names.bucket(settings))
        monkeypatch.setattr(audit, "_make_client", lambda _, service: make(service))
        hook = type("Hook", (), {"get_conn": lambda _: make("s3"), "check_for_key": has_key(make)})()
        monkeypatch.setattr("musher.hooks.connection.s3_hook", lambda _: hook)
        yield make


def has_key(make: Callable[[str], Any]) -> Any:
    """Return the provider's way to ask for a key."""

    def check(_: Any, key: str, bucket_name: str) -> bool:
        answer = make("s3").list_objects_v2(Bucket=bucket_name, Prefix=key)
        return any(found["Key"] == key for found in answer.get("Contents", []))

    return check


@pytest.fixture
def start(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Run]:
    """Return runs with changed Params, which count as the current one."""

    def make(run_id: str = "manual__1", **changes: Any) -> Run:
        run = Run(
            settings=settings,
            dag_id="audit_iam",
            run_id=run_id,
            started_at=datetime(2026, 1, 1, tzinfo=UTC),
            params={**DEFAULTS, **changes},
        )
        monkeypatch.setattr(run_module, "current_run", lambda: run)
        return run

    return make


def bad_role(aws: Any) -> None:
    """Make a role that may do everything."""
    trust = json.dumps({"Version": "2012-10-17", "Statement": [trust_of()]})
    aws("iam").create_role(RoleName="musher-r", AssumeRolePolicyDocument=trust)
    document = json.dumps({"Version": "2012-10-17", "Statement": [ADMIN]})
    aws("iam").put_role_policy(RoleName="musher-r", PolicyName="own", PolicyDocument=document)


def read(aws: Any, uri: str) -> str:
    """Return an object's text."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return str(aws("s3").get_object(Bucket=bucket, Key=key)["Body"].read().decode())


def test_findings_report_and_sarif_are_stored(aws: Any, start: Callable[..., Run]) -> None:
    bad_role(aws)
    run = start()
    result = audit.audit_account.function()
    assert result["counts"]["critical"] == 1
    record = json.loads(read(aws, result["findings"]))
    assert record["findings"][0]["rule"] == "wildcard-admin"
    assert json.loads(read(aws, result["sarif"]))["version"] == "2.1.0"
    page = read(aws, result["report"])
    assert "By severity" in page
    assert "aws iam delete-role-policy --role-name musher-r" in page
    summary = json.loads(read(aws, result["report"].replace("report.html", "summary.json")))
    assert (summary["dag_id"], summary["run_id"]) == (run.dag_id, run.run_id)


def test_the_next_audit_tells_what_has_come_and_gone(aws: Any, start: Callable[..., Run]) -> None:
    start()
    audit.audit_account.function()
    bad_role(aws)
    bucket = f"musher-{'123456789012'}-us-east-1"
    aws("s3").put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    start("manual__2")
    page = read(aws, audit.audit_account.function()["report"])
    assert "Before and after" in page
    assert "New:</span> The policy own of the role musher-r allows every action on every resource" in page
    assert f"Gone:</span> The bucket {bucket} keeps no versions" in page


@pytest.mark.parametrize("text", ["{", "[]", '{"format": 0}'])
def test_an_earlier_audit_that_is_none_is_passed_over(
    aws: Any, start: Callable[..., Run], settings: Settings, text: str
) -> None:
    start()
    key = names.latest_audit_key(settings)
    aws("s3").put_object(Bucket=names.bucket(settings), Key=key, Body=text.encode())
    assert "By severity" in read(aws, audit.audit_account.function()["report"])


def test_a_baseline_in_the_bucket_accepts(aws: Any, start: Callable[..., Run], settings: Settings) -> None:
    bad_role(aws)
    entry = {"rule": "wildcard-admin", "resource": "*", "reason": "a test", "expires": "2999-01-01"}
    aws("s3").put_object(
        Bucket=names.bucket(settings),
        Key="musher/audits/baseline.json",
        Body=json.dumps({"accepted": [entry]}).encode(),
    )
    uri = names.s3_uri(settings, key="musher/audits/baseline.json")
    start(baseline_uri=uri)
    result = audit.audit_account.function()
    assert (result["counts"]["critical"], result["accepted"]) == (0, 1)


def test_a_baseline_elsewhere_is_refused_before_anything_is_read(aws: Any, start: Callable[..., Run]) -> None:
    start(baseline_uri="s3://others/baseline.json")
    with pytest.raises(AirflowFailException, match="Put it there"):
        audit.audit_account.function()


def test_access_analyzer_is_asked_where_the_form_says_so(aws: Any, start: Callable[..., Run]) -> None:
    bad_role(aws)
    start(ask_access_analyzer=True)
    unseen = audit.audit_account.function()["unseen"]
    assert [found.partition(":")[0] for found in unseen] in ([], ["Access Analyzer"])


@pytest.mark.parametrize(
    ("fail_on", "counts", "is_failing"),
    [
        ("high", {"high": 1}, True),
        ("high", {"critical": 1}, True),
        ("high", {"medium": 5, "low": 5}, False),
        ("low", {"low": 1}, True),
        ("critical", {"high": 9}, False),
        ("never", {"critical": 9}, False),
    ],
)
def test_the_severity_decides(
    start: Callable[..., Run], fail_on: str, counts: dict[str, int], is_failing: bool
) -> None:
    start(fail_on=fail_on)
    result = {"counts": CLEAN | counts, "unseen": [], "report": "s3://b/report.html"}
    if is_failing:
        with pytest.raises(AirflowFailException, match=f"{fail_on} or graver"):
            audit.judge_findings.function(result)
    else:
        audit.judge_findings.function(result)


@pytest.mark.parametrize("must_see_all", [True, False])
def test_what_could_not_be_looked_at_fails_unless_told_otherwise(
    start: Callable[..., Run], must_see_all: bool
) -> None:
    start(must_see_all=must_see_all)
    result = {"counts": CLEAN, "unseen": ["functions: AccessDenied"], "report": "s3://b/report.html"}
    if must_see_all:
        with pytest.raises(AirflowFailException, match="not looked at: functions: AccessDenied"):
            audit.judge_findings.function(result)
    else:
        audit.judge_findings.function(result)
