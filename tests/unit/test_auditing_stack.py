"""infra/auditing.yaml: valid, deployable beside the bootstrap stack, unable to change or read any data."""

import json
import warnings
from pathlib import Path
from typing import Any

import boto3
from cfnlint.api import lint_file
from moto import mock_aws

from musher.iam.actions import READS_DATA, is_harmless
from tests.unit.test_bootstrap import EVERYTHING, create_stack

TEMPLATE = Path(__file__).parents[2] / "infra" / "auditing.yaml"


def deploy(project: str) -> Any:
    """Deploy both templates; return the policy's statements."""
    with mock_aws(), warnings.catch_warnings():
        session = boto3.Session("test", "test", region_name="us-east-1")
        cloudformation = session.client("cloudformation")
        create_stack(cloudformation, name=project, **EVERYTHING | {"Project": project})
        cloudformation.create_stack(
            StackName=f"{project}-auditing",
            TemplateBody=TEMPLATE.read_text(),
            Capabilities=["CAPABILITY_NAMED_IAM"],
            Parameters=[{"ParameterKey": "Project", "ParameterValue": project}],
        )
        iam = session.client("iam")
        attached = iam.list_attached_role_policies(RoleName=f"{project}-airflow")["AttachedPolicies"]
        (arn,) = [one["PolicyArn"] for one in attached if one["PolicyName"] == f"{project}-airflow-auditing"]
        return iam.get_policy_version(PolicyArn=arn, VersionId="v1")["PolicyVersion"]["Document"]["Statement"]


def test_the_template_is_valid() -> None:
    assert [str(found) for found in lint_file(TEMPLATE)] == []


def test_it_changes_nothing_and_reads_no_data() -> None:
    for statement in deploy("other"):
        actions = statement["Action"]
        for action in [actions] if isinstance(actions, str) else actions:
            assert is_harmless(action), action
            assert "*" not in action
            assert action not in READS_DATA


def test_it_fits_into_a_managed_policy() -> None:
    """6,144 characters, blanks not counted: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html"""
    text = json.dumps({"Version": "2012-10-17", "Statement": deploy("p" * 18)}, separators=(",", ":"))
    assert len(text) <= 6_144
