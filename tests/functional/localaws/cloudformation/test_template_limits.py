"""Patterns and texts of templates: they count, and they take a bounded time."""

import json
import uuid
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

ENDLESS = {"Type": "String", "AllowedPattern": "(a+)+$"}
LETTERS = {"Type": "String", "AllowedPattern": "[a-z]+", "Default": "x"}


def group(name: Any) -> dict[str, Any]:
    """Return the resource of a log group."""
    return {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": name}}


def make(client: Any, template: dict[str, Any], **parameters: str) -> str:
    """Create a stack; return the name of its log group."""
    name = f"limits-{uuid.uuid4().hex[:8]}"
    listed = [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()]
    client.create_stack(StackName=name, TemplateBody=json.dumps(template), Parameters=listed)
    (resource,) = client.describe_stack_resources(StackName=name)["StackResources"]
    return str(resource["PhysicalResourceId"])


@pytest.fixture(scope="module")
def client(localaws: Any) -> Any:
    """Return a client of CloudFormation."""
    return localaws.client("cloudformation")


@pytest.mark.parametrize(
    ("parameter", "value", "said"),
    [
        (LETTERS, "A1", r"Parameter 'P' must match pattern \[a-z\]\+"),
        (LETTERS, "ab1", r"Parameter 'P' must match pattern \[a-z\]\+"),
        (
            LETTERS | {"ConstraintDescription": "letters."},
            "1",
            "Parameter P failed to satisfy constraint: letters.",
        ),
        (LETTERS | {"Type": "CommaDelimitedList"}, "a,1", "Parameter 'P' must match pattern"),
        ({"Type": "String", "AllowedValues": ["a", "b"]}, "c", "Parameter 'P' must be one of AllowedValues"),
        ({"Type": "String", "AllowedValues": [True]}, "false", "Parameter 'P' must be one of AllowedValues"),
        ({"Type": "String", "AllowedPattern": "("}, "c", "is no regular expression"),
        (ENDLESS, "a" * 60 + "!", "Parameter 'P' must match pattern|takes over 1 s"),
    ],
)
def test_a_value_that_a_template_does_not_allow_is_refused(
    client: Any, parameter: dict[str, Any], value: str, said: str
) -> None:
    template = {"Parameters": {"P": parameter}, "Resources": {"G": group("limits")}}
    with pytest.raises(ClientError, match=rf"\(ValidationError\).*{said}"):
        make(client, template, P=value)


def test_a_value_that_is_allowed_is_used(client: Any) -> None:
    parameters = {"P": LETTERS, "N": {"Type": "Number", "AllowedValues": [1, 2]}}
    template = {"Parameters": parameters, "Resources": {"G": group({"Fn::Sub": "limits/${P}-${N}"})}}
    assert make(client, template, P="abc", N="2") == "limits/abc-2"


@pytest.mark.parametrize(
    ("argument", "found"),
    [
        ("${AWS::Region}/${P}${P}", "us-east-1/xx"),
        ("$P {P} $ ${} ${!P}", "$P {P} $ ${} ${P}"),
        ("${G}/${G.Arn}", "NAME/arn:aws:logs:us-east-1:123456789012:log-group:NAME"),
        (["${A}.${P}", {"A": {"Ref": "P"}}], "x.x"),
        (["${A}", {"A": {"Fn::Sub": "${P}/y"}}], "x/y"),
        (["${A}", {"A": "${P}"}], "${P}"),
        ("${" * 20_000, "${" * 20_000),
    ],
    ids=["repeated", "literal", "attribute", "own value", "nested", "not twice", "open braces"],
)
def test_a_text_has_its_variables_replaced(client: Any, argument: Any, found: str) -> None:
    name = f"sub-{uuid.uuid4().hex[:8]}"
    template = {
        "Parameters": {"P": LETTERS},
        "Resources": {"G": group(name)},
        "Outputs": {"Text": {"Value": {"Fn::Sub": argument}}},
    }
    client.create_stack(StackName=name, TemplateBody=json.dumps(template))
    (output,) = client.describe_stacks(StackName=name)["Stacks"][0]["Outputs"]
    client.delete_stack(StackName=name)
    assert output["OutputValue"].removesuffix(":*") == found.replace("NAME", name)


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("{}", "At least one Resources member must be defined"),
        ("[]", "unsupported structure"),
        ("{", "JSON not well-formed"),
        ('{"Resources": {"G": {}}}', r"\[/Resources/G\] Every Resources object must contain a Type member"),
        (
            json.dumps({"Resources": {"G": group({"Ref": "B"}), "H": group({"Ref": "A"})}}),
            r"Unresolved resource dependencies \[A, B\] in the Resources block of the template",
        ),
        (
            json.dumps({"Resources": {"G": group({"Fn::GetAtt": ["B", "Arn"]})}}),
            "Template error: instance of Fn::GetAtt references undefined resource B",
        ),
    ],
)
def test_a_template_of_no_form_is_no_template(client: Any, template: str, said: str) -> None:
    with pytest.raises(ClientError, match=rf"\(ValidationError\).*Template (format )?error: .*{said}|{said}"):
        client.validate_template(TemplateBody=template)


def test_a_template_with_what_only_a_linter_minds_is_valid(client: Any) -> None:
    template = {
        "Description": "d",
        "Parameters": {"P": ENDLESS | {"Default": "a" * 60 + "!"}},
        "Resources": {"G": group({"Ref": "AWS::StackName"}), "H": group({"Fn::Sub": "${" * 20_000})},
    }
    assert client.validate_template(TemplateBody=json.dumps(template))["Description"] == "d"


def test_stock_moto_takes_any_value_and_refuses_what_a_linter_minds() -> None:
    with mock_aws():
        keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}
        client = boto3.client("cloudformation", **keys)
        template = {"Parameters": {"P": LETTERS}, "Resources": {"G": group("stock")}}
        assert make(client, template, P="1") == "stock"
        with pytest.raises(ClientError, match="not used"):
            client.validate_template(TemplateBody=json.dumps(template))
