"""Stacks as AWS makes them: by change sets, with text numbers and long names, or taken back."""

import json
import os
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from tests.sagemaker_role import TRUST

GROUP = {
    "Resources": {
        "Group": {
            "Type": "AWS::Logs::LogGroup",
            "Properties": {"LogGroupName": {"Fn::Sub": "/stacks/${Name}"}, "RetentionInDays": "30"},
        }
    },
    "Parameters": {"Name": {"Type": "String"}},
    "Outputs": {"GroupName": {"Value": {"Ref": "Group"}}},
}
ROLE = {
    "Type": "AWS::IAM::Role",
    "Properties": {"AssumeRolePolicyDocument": json.loads(TRUST)},
}
REFUSED = {
    "Type": "AWS::SageMaker::Endpoint",
    "Properties": {"EndpointConfigName": "no-such-config"},
}


@pytest.fixture
def name() -> str:
    """Return a stack's name."""
    return f"stack-{uuid.uuid4().hex[:8]}"


def events(client: Any, name: str) -> list[tuple[str, str]]:
    """Return which resource went into which state, the oldest first."""
    found = client.describe_stack_events(StackName=name)["StackEvents"]
    return [(event["LogicalResourceId"], event["ResourceStatus"]) for event in reversed(found)]


def deploy(localaws: Any, name: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    """Run `aws cloudformation deploy`."""
    template = folder / "template.json"
    template.write_text(json.dumps(GROUP))
    program = str(Path(sys.executable).with_name("aws"))
    options = ("--stack-name", name, "--template-file", str(template), "--no-fail-on-empty-changeset")
    return subprocess.run(
        [program, "cloudformation", "deploy", *options, "--parameter-overrides", f"Name={name}"],
        env={
            "PATH": os.environ["PATH"],
            "AWS_ENDPOINT_URL": localaws.url,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
        },
        capture_output=True,
        text=True,
        timeout=100,
    )


def test_deploying_twice_ends_well_and_leaves_outputs_and_events(
    localaws: Any, name: str, tmp_path: Path
) -> None:
    client = localaws.client("cloudformation")
    first, second = deploy(localaws, name, tmp_path), deploy(localaws, name, tmp_path)
    assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
    assert "No changes to deploy" in second.stdout + second.stderr
    (stack,) = client.describe_stacks(StackName=name)["Stacks"]
    assert stack["Outputs"] == [{"OutputKey": "GroupName", "OutputValue": f"/stacks/{name}"}]
    assert ("Group", "CREATE_COMPLETE") in events(client, name)


def test_a_number_may_be_a_text(localaws: Any, name: str) -> None:
    client = localaws.client("cloudformation")
    parameters = [{"ParameterKey": "Name", "ParameterValue": name}]
    client.create_stack(StackName=name, TemplateBody=json.dumps(GROUP), Parameters=parameters)
    groups = localaws.client("logs").describe_log_groups(logGroupNamePrefix=f"/stacks/{name}")["logGroups"]
    assert groups[0]["retentionInDays"] == 30


def test_generated_names_fit_their_resource(localaws: Any) -> None:
    client, name = localaws.client("cloudformation"), f"stack-{'long-' * 14}{uuid.uuid4().hex[:8]}"
    template = {"Resources": {f"Role{'Long' * 12}": ROLE}}
    client.create_stack(StackName=name, TemplateBody=json.dumps(template), Capabilities=["CAPABILITY_IAM"])
    (resource,) = client.describe_stack_resources(StackName=name)["StackResources"]
    assert len(resource["PhysicalResourceId"]) <= 64
    assert resource["PhysicalResourceId"].startswith("stack-long-")


def test_a_refused_resource_takes_the_stack_back_and_says_why(localaws: Any, name: str) -> None:
    client, iam = localaws.client("cloudformation"), localaws.client("iam")
    role = {**ROLE, "Properties": {**ROLE["Properties"], "RoleName": f"role-{name}"}}
    template = {
        "Resources": {"Role": role, "Endpoint": {**REFUSED, "DependsOn": "Role"}},
        "Outputs": {"Arn": {"Value": {"Fn::GetAtt": ["Role", "Arn"]}}},
    }
    client.create_stack(
        StackName=name, TemplateBody=json.dumps(template), Capabilities=["CAPABILITY_NAMED_IAM"]
    )
    (stack,) = client.describe_stacks(StackName=name)["Stacks"]
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    assert events(client, name)[-3:] == [
        ("Endpoint", "CREATE_FAILED"),
        (name, "ROLLBACK_IN_PROGRESS"),
        (name, "ROLLBACK_COMPLETE"),
    ]
    reasons = [
        event.get("ResourceStatusReason", "")
        for event in client.describe_stack_events(StackName=name)["StackEvents"]
        if event["ResourceStatus"] == "CREATE_FAILED"
    ]
    assert "Could not find endpoint configuration" in reasons[0]
    with pytest.raises(iam.exceptions.NoSuchEntityException):
        iam.get_role(RoleName=f"role-{name}")
    assert client.describe_stacks()["Stacks"]
    client.delete_stack(StackName=name)


def test_stock_moto_refuses_the_stack_and_leaves_it_in_progress() -> None:
    with mock_aws():
        client = boto3.client("cloudformation", region_name="us-east-1")
        template = {"Resources": {"Endpoint": REFUSED}}
        with pytest.raises(Exception, match=r".+"):
            client.create_stack(StackName="s", TemplateBody=json.dumps(template))
        assert client.describe_stacks()["Stacks"][0]["StackStatus"] == "CREATE_IN_PROGRESS"


def harmful(path: Path) -> str:
    """Return a template that makes a file when Python's objects are read from it."""
    return f"Resources: !!python/object/apply:os.system ['touch {path}']"


def test_stock_moto_runs_what_a_template_names(tmp_path: Path) -> None:
    with mock_aws():
        boto3.client("cloudformation", "us-east-1").create_stack(
            StackName="s", TemplateBody=harmful(tmp_path / "made")
        )
    assert (tmp_path / "made").exists()


@pytest.mark.parametrize("action", ["create_stack", "create_change_set", "get_template_summary"])
def test_a_template_is_data_and_no_program(localaws: Any, name: str, tmp_path: Path, action: str) -> None:
    client = localaws.client("cloudformation")
    more = {"create_change_set": {"ChangeSetName": "c", "ChangeSetType": "CREATE"}}.get(action, {})
    named = {} if action == "get_template_summary" else {"StackName": name}
    with pytest.raises(ClientError, match=r"ValidationError.*Template format error: YAML not well-formed"):
        getattr(client, action)(TemplateBody=harmful(tmp_path / "made"), **named, **more)
    assert not (tmp_path / "made").exists()


def test_a_template_may_have_short_forms_and_no_aliases(localaws: Any, name: str) -> None:
    client = localaws.client("cloudformation")
    group = f"Resources: {{G: {{Type: AWS::Logs::LogGroup, Properties: {{LogGroupName: !Sub '/{name}'}}}}}}"
    client.create_stack(StackName=name, TemplateBody=group)
    assert localaws.client("logs").describe_log_groups(logGroupNamePrefix=f"/{name}")["logGroups"]
    client.delete_stack(StackName=name)
    with pytest.raises(ClientError, match="YAML aliases are not allowed"):
        client.create_stack(StackName=name, TemplateBody="Resources: &a\n  B: *a\n")


ROLE_IN_YAML = """
AWSTemplateFormatVersion: 2010-09-09
Resources:
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Version: 2012-10-17
        Statement:
          - Effect: Allow
            Principal: {Service: [!Sub "lambda.${AWS::URLSuffix}"]}
            Action: sts:AssumeRole
Outputs:
  Arn:
    Value: !GetAtt [Role, Arn]
"""


def test_a_policy_in_yaml_has_its_date_as_a_text(localaws: Any, name: str) -> None:
    client, iam = localaws.client("cloudformation"), localaws.client("iam")
    client.create_stack(StackName=name, TemplateBody=ROLE_IN_YAML, Capabilities=["CAPABILITY_IAM"])
    (stack,) = client.describe_stacks(StackName=name)["Stacks"]
    arn = stack["Outputs"][0]["OutputValue"]
    role = iam.get_role(RoleName=arn.rpartition("/")[2])["Role"]
    assert role["Arn"] == arn
    policy = role["AssumeRolePolicyDocument"]
    assert policy["Version"] == "2012-10-17"
    assert policy["Statement"][0]["Principal"] == {"Service": ["lambda.amazonaws.com"]}


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("[" * 20_000, "Template format error"),
        ("a: 1\n---\nb: 2", r"YAML not well-formed. \(line 2, column 1\)"),
        ('{"Resources": ', "JSON not well-formed"),
        ("just a text", "Template format error: unsupported structure."),
        ("[]", "Template format error: unsupported structure."),
    ],
)
@pytest.mark.parametrize("action", ["create_stack", "get_template_summary"])
def test_what_is_no_template_is_the_clients_mistake(
    localaws: Any, name: str, action: str, body: str, message: str
) -> None:
    client = localaws.client("cloudformation")
    named = {"StackName": name} if action == "create_stack" else {}
    with pytest.raises(ClientError, match=message) as caught:
        getattr(client, action)(TemplateBody=body, **named)
    assert caught.value.response["Error"]["Code"] == "ValidationError"
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400


EXPORTING = GROUP | {"Outputs": {"Group": {"Value": {"Ref": "Group"}, "Export": {"Name": {"Ref": "Export"}}}}}
EXPORTING["Parameters"] = {"Name": {"Type": "String"}, "Export": {"Type": "String"}}


def update_exporting(client: Any, name: str, *, group: str, export: str, by_change_set: bool) -> None:
    """Give the stack of EXPORTING other parameters."""
    given = {"Name": group, "Export": export}
    parameters = [{"ParameterKey": key, "ParameterValue": value} for key, value in given.items()]
    request = {"StackName": name, "UsePreviousTemplate": True, "Parameters": parameters}
    if by_change_set:
        client.create_change_set(**request, ChangeSetName="change", ChangeSetType="UPDATE")
        client.execute_change_set(StackName=name, ChangeSetName="change")
    else:
        client.update_stack(**request)


@pytest.mark.parametrize("by_change_set", [False, True], ids=["update", "change-set"])
def test_an_update_changes_what_a_stack_exports(localaws: Any, name: str, by_change_set: bool) -> None:
    client = localaws.client("cloudformation")
    parameters = [
        {"ParameterKey": "Name", "ParameterValue": f"{name}-a"},
        {"ParameterKey": "Export", "ParameterValue": f"{name}-first"},
    ]
    client.create_stack(StackName=name, TemplateBody=json.dumps(EXPORTING), Parameters=parameters)
    update_exporting(client, name, group=f"{name}-b", export=f"{name}-second", by_change_set=by_change_set)
    exports = {item["Name"]: item["Value"] for item in client.list_exports()["Exports"]}
    assert exports[f"{name}-second"] == f"/stacks/{name}-b"
    assert f"{name}-first" not in exports


def test_stock_moto_goes_on_exporting_what_a_stack_exported_first() -> None:
    template = {
        "Parameters": {"Export": {"Type": "String"}},
        "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
        "Outputs": {"Topic": {"Value": "x", "Export": {"Name": {"Ref": "Export"}}}},
    }
    with mock_aws():
        client = boto3.client("cloudformation", region_name="us-east-1")
        request = {"StackName": "s", "TemplateBody": json.dumps(template)}
        client.create_stack(**request, Parameters=[{"ParameterKey": "Export", "ParameterValue": "a"}])
        client.update_stack(**request, Parameters=[{"ParameterKey": "Export", "ParameterValue": "b"}])
        assert [item["Name"] for item in client.list_exports()["Exports"]] == ["a"]
