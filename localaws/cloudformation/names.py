"""Names that CloudFormation makes for resources without one, and those that it takes of stacks. Pure."""

import re

from moto.cloudformation.exceptions import ValidationError

from localaws.wire.wording import Violation, length_at_most, matches, tell

LIMITS = {
    "AWS::IAM::Group": 128,
    "AWS::IAM::InstanceProfile": 128,
    "AWS::IAM::ManagedPolicy": 128,
    "AWS::IAM::Policy": 128,
    "AWS::IAM::Role": 64,
    "AWS::IAM::User": 64,
    "AWS::Events::Rule": 64,
    "AWS::Lambda::Function": 64,
    "AWS::S3::Bucket": 63,
    "AWS::SageMaker::Endpoint": 63,
    "AWS::SageMaker::EndpointConfig": 63,
    "AWS::SageMaker::Model": 63,
    "AWS::SageMaker::ModelPackageGroup": 63,
    "AWS::SageMaker::NotebookInstance": 63,
    "AWS::SNS::Topic": 256,
    "AWS::SQS::Queue": 80,
}
"""Longest name of a resource by its type."""
DEFAULT_LIMIT = 255
LOWER_CASE = ("AWS::S3::Bucket",)
STACK_PATTERN, STACK_LIMIT = "[a-zA-Z][-a-zA-Z0-9]*", 128


def make_name(*, resource_type: str, stack: str, logical_id: str, suffix: str) -> str:
    """Return `<stack>-<logical id>-<suffix>`, both names shortened alike where the type allows no more."""
    room = LIMITS.get(resource_type, DEFAULT_LIMIT) - len(suffix) - 2
    stack_room = max(room - len(logical_id), room // 2)
    stack_part = stack[:stack_room]
    name = re.sub("-+", "-", f"{stack_part}-{logical_id[: room - len(stack_part)]}-{suffix}")
    return name.lower() if resource_type in LOWER_CASE else name


def require_stack_name(name: str) -> None:
    """Raise ValidationError for a name that no stack can have; the service's model does not tell it.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateStack.html
    """
    rules = [length_at_most(STACK_LIMIT)] if len(name) > STACK_LIMIT else []
    rules += [] if re.fullmatch(STACK_PATTERN, name) else [matches(STACK_PATTERN)]
    if rules:
        raise ValidationError(
            message=tell([Violation(member="stackName", value=name, rule=rule) for rule in rules])
        )
