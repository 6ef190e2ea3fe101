"""The files that enforcement writes: the root's key, and what was asked for."""

import contextlib
import json
import stat
from pathlib import Path

import pytest
from botocore.credentials import Credentials
from moto import mock_aws

from localaws.errors import OutputFileError
from localaws.iam.callers import find_principal, find_secret
from localaws.iam.enforcement.modes import Mode
from localaws.iam.enforcement.start import guarding
from tests.unit.localaws.iam.enforcement.conftest import ACCOUNT, Account, allow


def test_the_root_s_key_is_another_at_each_start_and_its_file_its_owner_s(tmp_path: Path) -> None:
    path = tmp_path / "root"
    path.write_text("what others may read")
    path.chmod(0o644)
    keys = []
    for _ in range(2):
        with mock_aws(), guarding(Mode.ENFORCE, credentials_file=path, record=None) as guard:
            assert guard is not None
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
            header, key_line, secret_line = path.read_text().splitlines()
            assert header == "[default]"
            keys.append(key_line.removeprefix("aws_access_key_id = "))
            secret = find_secret(keys[-1])
            assert secret is not None
            assert secret_line == f"aws_secret_access_key = {secret.secret_key}"
            assert find_principal(keys[-1]).arn == f"arn:aws:iam::{ACCOUNT}:root"
        assert not path.exists()
        assert find_secret(keys[-1]) is None
    assert len(set(keys)) == 2


def test_where_policies_do_not_count_nobody_looks_and_nothing_is_written(tmp_path: Path) -> None:
    with guarding(Mode.OFF, credentials_file=None, record=None) as guard:
        assert guard is None


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    nowhere = tmp_path / "nowhere" / "file"
    said = {"the root's key": {"credentials_file": nowhere}, "what is asked for": {"record": nowhere}}
    for what, options in said.items():
        with (
            pytest.raises(OutputFileError, match=f"cannot write {what} to {nowhere}: No such file"),
            guarding(Mode.ENFORCE, **{"credentials_file": None, "record": None, **options}),
        ):
            pass


def test_each_thing_is_recorded_once_by_what_its_policies_are_attached_to(tmp_path: Path) -> None:
    path = tmp_path / "asked"
    with mock_aws(), contextlib.closing(Account(Mode.RECORD, record=path)) as account:
        account.make_role("worker", allow("sagemaker:*"))
        for key in (account.assume("worker"), account.assume("worker")):
            assert account.ask(key).status == 200
            assert account.ask(key, "iam:GetRole").status == 200, "nothing is denied"
            assert account.ask(key, "iam:MakeCoffee").status == 200
        assert account.ask(None, "iam:GetRole").status == 200
        assert account.ask(None, "s3:GetObject").status == 200
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    role = f"arn:aws:iam::{ACCOUNT}:role/worker"
    assert [(line["principal"], line["action"], line["allowed"], line["because"]) for line in lines] == [
        (role, "sagemaker:DescribeTrainingJob", True, ""),
        (role, "iam:GetRole", False, "because no identity-based policy allows the iam:GetRole action"),
        (
            role,
            "iam:MakeCoffee",
            False,
            "because localaws does not know which permissions the operation needs",
        ),
        (
            "anonymous",
            "s3:GetObject",
            False,
            "because no resource-based policy allows the s3:GetObject action",
        ),
    ]


def test_of_a_key_that_nobody_made_it_is_recorded_that_it_would_be_refused(tmp_path: Path) -> None:
    path = tmp_path / "asked"
    with mock_aws(), contextlib.closing(Account(Mode.RECORD, record=path)) as account:
        assert account.ask(Credentials("test", "test")).status == 200
    line = json.loads(path.read_text())
    assert line["because"] == "because localaws did not make the key, or it is inactive"
