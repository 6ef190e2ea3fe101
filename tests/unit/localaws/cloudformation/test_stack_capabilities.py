"""Which templates need which capabilities."""

from typing import Any

import pytest
from moto.cloudformation.exceptions import ValidationError

from localaws.cloudformation.capabilities import (
    InsufficientCapabilitiesError,
    find_macros,
    require_capabilities,
    summarize,
)
from tests.objections import objection

QUEUE = {"Type": "AWS::SQS::Queue"}
INCLUDE = {"Fn::Transform": {"Name": "AWS::Include", "Parameters": {"Location": "s3://b/k"}}}


def template(kind: str, *names: str, **more: Any) -> dict[str, Any]:
    """Return a template of a queue and one other resource, with texts as its properties."""
    return {
        "Resources": {"Queue": QUEUE, "Other": {"Type": kind, "Properties": dict.fromkeys(names, "x")}},
        **more,
    }


NAMED = template("AWS::IAM::Role", "RoleName")


@pytest.mark.parametrize(
    ("asked", "granted", "missing"),
    [
        (template("AWS::IAM::Role"), [], "CAPABILITY_IAM"),
        (template("AWS::IAM::Role"), ["CAPABILITY_AUTO_EXPAND"], "CAPABILITY_IAM"),
        (template("AWS::IAM::Policy", "PolicyName"), [], "CAPABILITY_IAM"),
        (template("AWS::IAM::AccessKey", "UserName"), [], "CAPABILITY_IAM"),
        (template("AWS::IAM::Role", Conditions={"No": False}), [], "CAPABILITY_IAM"),
        (NAMED, [], "CAPABILITY_NAMED_IAM"),
        (NAMED, ["CAPABILITY_IAM"], "CAPABILITY_NAMED_IAM"),
        (template("AWS::IAM::ManagedPolicy", "ManagedPolicyName"), [], "CAPABILITY_NAMED_IAM"),
        (template("AWS::IAM::User", "UserName"), [], "CAPABILITY_NAMED_IAM"),
        (template("AWS::S3::Bucket", Transform="AWS::Include"), [], "CAPABILITY_AUTO_EXPAND"),
        (template("AWS::S3::Bucket", Mappings={"A": INCLUDE}), [], "CAPABILITY_AUTO_EXPAND"),
        ({**NAMED, "Transform": ["AWS::Include"]}, [], "CAPABILITY_NAMED_IAM, CAPABILITY_AUTO_EXPAND"),
    ],
)
def test_what_is_not_acknowledged_is_named(asked: dict[str, Any], granted: list[str], missing: str) -> None:
    with pytest.raises(InsufficientCapabilitiesError) as caught:
        require_capabilities(asked, granted)
    assert caught.value.message == f"Requires capabilities : [{missing}]"


@pytest.mark.parametrize(
    ("asked", "granted"),
    [
        (template("AWS::S3::Bucket", "RoleName"), []),
        (template("AWS::IAM::Role"), ["CAPABILITY_IAM"]),
        (template("AWS::IAM::Role"), ["CAPABILITY_NAMED_IAM"]),
        (template("AWS::IAM::ServiceLinkedRole"), []),
        (NAMED, ["CAPABILITY_NAMED_IAM"]),
        (template("AWS::S3::Bucket", Transform="AWS::Include"), ["CAPABILITY_AUTO_EXPAND"]),
        ({"Resources": {"Odd": {"Type": "AWS::IAM::Role", "Properties": None}}}, ["CAPABILITY_IAM"]),
        ({}, []),
    ],
)
def test_what_is_acknowledged_or_harmless_passes(asked: dict[str, Any], granted: list[str]) -> None:
    assert objection(require_capabilities, asked, granted) is None


def test_a_change_set_needs_no_capability_for_macros() -> None:
    require_capabilities(template("AWS::S3::Bucket", Transform="AWS::Include"), [], is_expanded=False)
    with pytest.raises(InsufficientCapabilitiesError, match=r"\[CAPABILITY_IAM\]"):
        require_capabilities(template("AWS::IAM::Role", Transform="AWS::Include"), [], is_expanded=False)


def test_macros_that_would_not_run_are_refused_by_name() -> None:
    asked = template("AWS::Serverless::Function", Transform=["AWS::Serverless-2016-10-31", {"Name": "My"}])
    with pytest.raises(ValidationError, match="runs no macros: AWS::Serverless-2016-10-31, My") as caught:
        require_capabilities(asked, ["CAPABILITY_AUTO_EXPAND"])
    assert caught.value.code == "ValidationError"
    assert find_macros({"Resources": [INCLUDE, INCLUDE]}) == ["AWS::Include"]


def test_a_summary_says_which_resources_need_what() -> None:
    assert summarize(NAMED) == {
        "Capabilities": ["CAPABILITY_NAMED_IAM"],
        "CapabilitiesReason": "The following resource(s) require capabilities: [AWS::IAM::Role]",
        "DeclaredTransforms": [],
    }
    assert summarize(template("AWS::S3::Bucket")) == {"Capabilities": [], "DeclaredTransforms": []}
