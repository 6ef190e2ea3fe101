"""infra/notebooks.yaml: valid, deployable beside the bootstrap stack, and no wider than notebooks need."""

import json
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from cfnlint.api import lint_file
from moto import mock_aws

from musher import names
from musher.settings import Settings
from tests.unit.test_bootstrap import ACCOUNT, BUCKET, EVERYTHING, KEYS, as_list, create_stack

TEMPLATE = Path(__file__).parents[2] / "infra" / "notebooks.yaml"
NOTEBOOKS = f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:notebook-instance/musher-*"
SCRIPTS = f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:notebook-instance-lifecycle-config/musher-*"
ENDPOINT = f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:endpoint/musher-live"
LOGS = f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:/aws/sagemaker/NotebookInstances"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/musher-notebook"
POLICY = f"arn:aws:iam::{ACCOUNT}:policy/musher-airflow-notebooks"


def create_notebook_stack(cloudformation: Any, *, project: str, **parameters: str) -> None:
    """Create the stack as a user would."""
    values = {"Project": project, **parameters}
    cloudformation.create_stack(
        StackName=f"{project}-notebooks",
        TemplateBody=TEMPLATE.read_text(),
        Capabilities=["CAPABILITY_NAMED_IAM"],
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in values.items()],
    )
    cloudformation.get_waiter("stack_create_complete").wait(StackName=f"{project}-notebooks")


@pytest.fixture(scope="module")
def iam() -> Iterator[Any]:
    """Deploy both templates with every parameter; hand out IAM."""
    with mock_aws(), warnings.catch_warnings():
        session = boto3.Session("test", "test", region_name="us-east-1")
        cloudformation = session.client("cloudformation")
        create_stack(cloudformation, name="musher", **EVERYTHING)
        create_notebook_stack(cloudformation, project="musher", BucketKmsKeyArn=KEYS["bucket"], UseVpc="true")
        yield session.client("iam")


def of_notebooks(iam: Any) -> set[tuple[str, str]]:
    """Return (action, resource) of all that the role of notebook instances is granted."""
    documents = [
        iam.get_role_policy(RoleName="musher-notebook", PolicyName=name)["PolicyDocument"]
        for name in iam.list_role_policies(RoleName="musher-notebook")["PolicyNames"]
    ]
    return pairs(statement for document in documents for statement in document["Statement"])


def pairs(statements: Any) -> set[tuple[str, str]]:
    """Return (action, resource) of statements."""
    return {
        (action, resource)
        for statement in statements
        for action in as_list(statement["Action"])
        for resource in as_list(statement["Resource"])
    }


def of_airflow(iam: Any) -> list[dict[str, Any]]:
    """Return the statements of the policy that Airflow's role gets."""
    version = iam.get_policy(PolicyArn=POLICY)["Policy"]["DefaultVersionId"]
    document = iam.get_policy_version(PolicyArn=POLICY, VersionId=version)["PolicyVersion"]["Document"]
    found: list[dict[str, Any]] = (json.loads(document) if isinstance(document, str) else document)[
        "Statement"
    ]
    return found


def test_the_template_is_valid() -> None:
    assert [str(match) for match in lint_file(TEMPLATE)] == []


def test_the_role_has_the_name_that_the_code_computes(iam: Any) -> None:
    settings = Settings.from_env({"MUSHER_ACCOUNT_ID": ACCOUNT})
    role = iam.get_role(RoleName="musher-notebook")["Role"]
    assert role["Arn"] == names.role_arn(settings, role="notebook") == ROLE
    [statement] = role["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Principal"] == {"Service": "sagemaker.amazonaws.com"}
    assert statement["Condition"]["StringEquals"] == {"aws:SourceAccount": ACCOUNT}


def test_a_notebook_reads_the_bucket_asks_the_live_endpoint_and_starts_no_job(iam: Any) -> None:
    """Who starts a job with the training role may overwrite models: people in notebooks must not."""
    found = {pair for pair in of_notebooks(iam) if not pair[0].startswith(("logs:", "ec2:", "kms:"))}
    assert found == {
        ("s3:GetBucketLocation", BUCKET),
        ("s3:ListBucket", BUCKET),
        ("s3:GetObject", f"{BUCKET}/musher/*"),
        ("s3:AbortMultipartUpload", f"{BUCKET}/musher/notebooks/*"),
        ("s3:PutObject", f"{BUCKET}/musher/notebooks/*"),
        ("sagemaker:DescribeEndpoint", ENDPOINT),
        ("sagemaker:InvokeEndpoint", ENDPOINT),
        ("sagemaker:StopNotebookInstance", NOTEBOOKS),
    }


def test_a_notebook_uses_the_bucket_s_key_and_writes_its_own_log(iam: Any) -> None:
    found = {pair for pair in of_notebooks(iam) if pair[0].startswith(("logs:", "kms:"))}
    assert found == {
        ("kms:Decrypt", KEYS["bucket"]),
        ("kms:GenerateDataKey", KEYS["bucket"]),
        *((f"logs:{name}", f"{LOGS}:*") for name in ("CreateLogGroup", "CreateLogStream")),
        *((f"logs:{name}", f"{LOGS}:*") for name in ("DescribeLogStreams", "PutLogEvents")),
    }


def test_airflow_s_rights_end_at_the_project_s_notebooks_and_at_their_role(iam: Any) -> None:
    found = pairs(of_airflow(iam))
    assert {resource for _, resource in found} == {
        NOTEBOOKS,
        SCRIPTS,
        f"{LOGS}:*",
        f"{LOGS}:log-stream:musher-*",
        ROLE,
        "*",
    }
    assert {action for action, resource in found if resource == "*"} == {"sagemaker:ListNotebookInstances"}
    assert all("*" not in action for action, _ in found)


def test_the_role_is_passed_to_sagemaker_only(iam: Any) -> None:
    [passing] = [found for found in of_airflow(iam) if found["Action"] == "iam:PassRole"]
    assert passing["Condition"]["StringEquals"] == {"iam:PassedToService": "sagemaker.amazonaws.com"}
    assert passing["Resource"] == ROLE


def test_airflow_s_policy_is_attached_and_of_this_account(iam: Any) -> None:
    attached = iam.list_attached_role_policies(RoleName="musher-airflow")["AttachedPolicies"]
    assert POLICY in [policy["PolicyArn"] for policy in attached]
    assert iam.list_attached_role_policies(RoleName="musher-notebook")["AttachedPolicies"] == []


def test_a_managed_policy_is_within_iam_s_limit(iam: Any) -> None:
    """6,144 characters: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html."""
    longest = json.dumps(of_airflow(iam), separators=(",", ":"))
    growth = len("a" * 18) - len("musher") + len("ap-southeast-2") - len("us-east-1")
    assert len(longest) + longest.count("musher") * growth <= 5_700


def test_without_airflow_s_role_nothing_is_attached() -> None:
    with mock_aws():
        session = boto3.Session("test", "test", region_name="us-west-2")
        create_notebook_stack(session.client("cloudformation"), project="plain", HasAirflowRole="false")
        iam = session.client("iam")
        assert iam.get_role(RoleName="plain-notebook")["Role"]["RoleName"] == "plain-notebook"
        assert iam.list_role_policies(RoleName="plain-notebook")["PolicyNames"] == ["explore"]
        names_of_policies = [policy["PolicyName"] for policy in iam.list_policies(Scope="Local")["Policies"]]
        assert [name for name in names_of_policies if name.startswith("plain-")] == []
