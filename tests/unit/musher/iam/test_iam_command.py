"""`python -m musher.iam`: its exit status, its formats, and what it does with wrong files."""

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from musher.iam import __main__ as command
from musher.iam import credentials
from tests.unit.musher.iam.accounts import ADMIN, allow, trust_of


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Clients of moto, which the command uses too."""
    monkeypatch.setattr(credentials, "DELAYS_S", (0.0, 0.0))
    with mock_aws():
        make = boto3.Session("test", "test", region_name="us-east-1").client
        monkeypatch.setattr(command, "make_client", make)
        yield make


def write(path: Path, content: Any) -> str:
    """Write a file of JSON; return its path."""
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return str(path)


def bad_role(aws: Any, name: str = "musher-r") -> None:
    """Make a role that may do everything."""
    trust = json.dumps({"Version": "2012-10-17", "Statement": [trust_of()]})
    aws("iam").create_role(RoleName=name, AssumeRolePolicyDocument=trust)
    document = json.dumps(
        {"Version": "2012-10-17", "Statement": [allow("s3:ListBucket", "arn:aws:s3:::a"), ADMIN]}
    )
    aws("iam").put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=document)


def test_an_empty_account_is_clean(aws: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["audit", "--fail-on", "low"]) == 0
    assert capsys.readouterr().out == "account 123456789012: 0 critical, 0 high, 0 medium, 0 low\n"


@pytest.mark.parametrize("wanted", ["text", "json", "sarif"])
def test_findings_are_the_exit_status_in_every_format(
    aws: Any, wanted: str, capsys: pytest.CaptureFixture[str]
) -> None:
    bad_role(aws)
    assert command.main(["audit", "--format", wanted]) == 1
    out = capsys.readouterr().out
    assert "wildcard-admin" in out
    if wanted != "text":
        assert json.loads(out)


def test_less_grave_findings_do_not_fail(aws: Any) -> None:
    aws("s3").create_bucket(Bucket="musher-bare")
    assert command.main(["audit", "--fail-on", "high"]) == 0
    assert command.main(["audit", "--fail-on", "medium"]) == 1


def test_a_baseline_accepts_by_name_and_reason(aws: Any, tmp_path: Path) -> None:
    bad_role(aws)
    entry = {"rule": "wildcard-admin", "resource": "*/musher-r", "reason": "a test", "expires": "2999-01-01"}
    path = write(tmp_path / "b.json", {"accepted": [entry]})
    assert command.main(["audit", "--baseline", path]) == 0


@pytest.mark.parametrize(("content", "said"), [("{", "b.json:1:2"), (None, "cannot be read")])
def test_a_wrong_baseline_is_named(
    aws: Any, tmp_path: Path, content: str | None, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "b.json"
    if content is not None:
        path.write_text(content)
    assert command.main(["audit", "--baseline", str(path)]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert "Traceback" not in error


def test_what_could_not_be_looked_at_is_not_clean(aws: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(credentials, "DELAYS_S", (0.0,))
    assert command.main(["audit"]) == 3


def test_without_credentials_it_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    assert command.main(["audit"]) == 2
    assert "whose credentials" in capsys.readouterr().err


@pytest.mark.parametrize(("answer", "is_fixed"), [("y\n", True), ("n\n", False), ("", False)])
def test_a_fix_is_shown_and_asked_about(
    aws: Any,
    answer: str,
    is_fixed: bool,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    bad_role(aws)
    monkeypatch.setattr("sys.stdin", io.StringIO(answer))
    assert command.main(["audit", "--fix"]) == 1
    error = capsys.readouterr().err
    assert "iam:put_role_policy" in error
    assert "Do this? [y/N]" in error
    assert command.main(["audit"]) == (0 if is_fixed else 1)


def test_yes_asks_nothing_and_leaves_what_is_not_the_project_s(
    aws: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    bad_role(aws)
    bad_role(aws, "others")
    command.main(["audit", "--fix", "--yes"])
    assert (
        "not applied: The policy own of the role others allows every action on every resource "
        "(not musher's own" in capsys.readouterr().err
    )
    roles = {
        name: aws("iam").get_role_policy(RoleName=name, PolicyName="own")["PolicyDocument"]["Statement"]
        for name in ("musher-r", "others")
    }
    assert {name: len(statements) for name, statements in roles.items()} == {"musher-r": 1, "others": 2}
    command.main(["audit", "--fix", "--yes", "--all"])
    assert command.main(["audit"]) == 0


def test_two_faults_of_one_policy_are_fixed_one_after_the_other(aws: Any) -> None:
    """The remedy of each is of the document as the audit saw it: the second waits for another audit."""
    trust = json.dumps({"Version": "2012-10-17", "Statement": [trust_of()]})
    aws("iam").create_role(RoleName="musher-r", AssumeRolePolicyDocument=trust)
    kept = allow("s3:ListBucket", "arn:aws:s3:::a")
    document = json.dumps({"Version": "2012-10-17", "Statement": [kept, ADMIN, allow("iam:*")]})
    aws("iam").put_role_policy(RoleName="musher-r", PolicyName="own", PolicyDocument=document)
    left = []
    for _ in range(2):
        command.main(["audit", "--fix", "--yes"])
        found = aws("iam").get_role_policy(RoleName="musher-r", PolicyName="own")["PolicyDocument"]
        left.append(len(found["Statement"]))
    assert left == [2, 1]
    assert command.main(["audit"]) == 0


def test_a_managed_policy_gets_a_version_and_a_bucket_its_policy(aws: Any) -> None:
    kept = allow("s3:ListBucket", "arn:aws:s3:::a")
    document = json.dumps({"Version": "2012-10-17", "Statement": [kept, ADMIN]})
    arn = aws("iam").create_policy(PolicyName="musher-wide", PolicyDocument=document)["Policy"]["Arn"]
    aws("iam").create_user(UserName="musher-u")
    aws("iam").attach_user_policy(UserName="musher-u", PolicyArn=arn)
    aws("s3").create_bucket(Bucket="musher-bare")
    assert command.main(["audit", "--fix", "--yes", "--fail-on", "low"]) == 1
    assert command.main(["audit", "--fail-on", "low"]) == 0


def test_the_simulation_that_is_not_there_is_said(aws: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["audit", "--simulate"]) == 0
    assert command.main(["audit", "--validate"]) in (0, 3)
    assert "account 123456789012" in capsys.readouterr().out


def test_documents_in_files_are_checked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good = write(tmp_path / "good.json", {"Statement": [allow("s3:GetObject", "arn:aws:s3:::a/*")]})
    trust = write(
        tmp_path / "trust.json",
        {"Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}]},
    )
    assert command.main(["check", good]) == 0
    assert command.main(["check", good, trust]) == 1
    assert "public-trust" in capsys.readouterr().out


def test_a_malformed_document_is_named_by_path_line_and_column(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = write(tmp_path / "broken.json", '{\n "Statement": [\n  {"Effect": "Maybe"}\n ]\n}')
    assert command.main(["check", broken, "--fail-on", "medium"]) == 1
    assert f"{broken}:3:14: Effect is neither Allow nor Deny" in capsys.readouterr().out
    half = write(tmp_path / "half.json", '{"Statement": [')
    assert command.main(["check", half, "--fail-on", "medium"]) == 1
    assert f"{half}:1:16: it is no JSON" in capsys.readouterr().out


def test_a_file_that_is_not_there_is_wrong_use(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["check", str(tmp_path / "none.json")]) == 2
    assert "none.json" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [[], ["audit", "--unused-days", "0"], ["audit", "--fail-on", "x"]])
def test_wrong_options_are_refused(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        command.main(arguments)
    assert ended.value.code == 2
