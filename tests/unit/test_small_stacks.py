"""infra/reaping.yaml and functions.yaml: valid, deployable beside the bootstrap stack, and of the project."""

import json
import warnings
from pathlib import Path
from typing import Any

import boto3
import pytest
from cfnlint.api import lint_file
from moto import mock_aws

from tests.unit.test_bootstrap import EVERYTHING, create_stack

INFRA = Path(__file__).parents[2] / "infra"
OF_ALL = {"FindAlarms", "FindWhatIsLeft", "MakeScalingRole", "PublishTheTest", "ScaleFunctions"}
"""Statements of what AWS has no resource level for, or whose resources have names that AWS chooses."""

stacks = pytest.mark.parametrize("name", ["functions", "reaping"])


def deploy(name: str, *, project: str) -> Any:
    """Deploy both templates; return the policy's statements."""
    with mock_aws(), warnings.catch_warnings():
        session = boto3.Session("test", "test", region_name="us-east-1")
        cloudformation = session.client("cloudformation")
        create_stack(cloudformation, name=project, **EVERYTHING | {"Project": project})
        cloudformation.create_stack(
            StackName=f"{project}-{name}",
            TemplateBody=(INFRA / f"{name}.yaml").read_text(),
            Capabilities=["CAPABILITY_NAMED_IAM"],
            Parameters=[{"ParameterKey": "Project", "ParameterValue": project}],
        )
        iam = session.client("iam")
        attached = iam.list_attached_role_policies(RoleName=f"{project}-airflow")["AttachedPolicies"]
        (arn,) = [one["PolicyArn"] for one in attached if one["PolicyName"] == f"{project}-airflow-{name}"]
        version = iam.get_policy_version(PolicyArn=arn, VersionId="v1")["PolicyVersion"]
        return version["Document"]["Statement"]


@stacks
def test_the_template_is_valid(name: str) -> None:
    assert [str(found) for found in lint_file(INFRA / f"{name}.yaml")] == []


@stacks
def test_all_but_lists_is_this_project_s(name: str) -> None:
    statements = deploy(name, project="other")
    for statement in statements:
        of_project = json.dumps([statement["Resource"], statement.get("Condition", "")])
        assert statement["Sid"] in OF_ALL or "other" in of_project, statement
        assert "musher-" not in of_project


@stacks
def test_it_fits_into_a_managed_policy(name: str) -> None:
    """6,144 characters, blanks not counted: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html"""
    statements = deploy(name, project="p" * 18)
    text = json.dumps({"Version": "2012-10-17", "Statement": statements}, separators=(",", ":"))
    assert len(text) <= 6_144


def test_metrics_are_published_in_musher_s_namespace_alone() -> None:
    (statement,) = [one for one in deploy("functions", project="other") if one["Sid"] == "PublishTheTest"]
    assert statement["Action"] == "cloudwatch:PutMetricData"
    assert statement["Condition"] == {"StringEquals": {"cloudwatch:namespace": "Musher"}}
