"""The Amazon provider's own system tests of EC2 and Systems Manager pass, unmodified."""

import json
from pathlib import Path
from typing import Any

import pytest

from scripts.moto_suite.sources import UnreachableError
from tests.functional.localaws.clients.system_tests import fetch_system_tests, run_system_test
from tests.namespaces import has_namespaces

TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
    ],
}
ROLE = "system-tests"
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def system_tests(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the provider's tests."""
    if not has_namespaces():
        pytest.skip("instances need namespaces")
    try:
        return fetch_system_tests(tmp_path_factory.mktemp("provider"))
    except UnreachableError as error:
        pytest.skip(f"the provider's tests come from a package registry: {error}")


@pytest.fixture(scope="module")
def role_arn(fast_localaws: Any) -> str:
    """Return a role of instances that Systems Manager manages, which the tests want to be there."""
    iam = fast_localaws.client("iam")
    role = iam.create_role(RoleName=ROLE, AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]
    iam.attach_role_policy(RoleName=ROLE, PolicyArn="arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore")
    return str(role["Arn"])


@pytest.mark.parametrize("name", ["example_ec2", "example_ssm"])
def test_a_system_test_passes(
    name: str, system_tests: Path, role_arn: str, fast_localaws: Any, tmp_path: Path
) -> None:
    done = run_system_test(
        name,
        tests=system_tests,
        url=fast_localaws.url,
        folder=tmp_path,
        variables={"SYSTEM_TESTS_ENV_ID": f"env{name[-3:]}", "ROLE_ARN": role_arn},
    )
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-4000:]
    instances = fast_localaws.client("ec2").describe_instances()["Reservations"]
    states = {each["State"]["Name"] for item in instances for each in item["Instances"]}
    assert states <= {"terminated", "shutting-down"}
