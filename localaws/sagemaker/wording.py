"""AWS's sentence for what SageMaker's own model cannot know."""

from typing import Any

from moto.sagemaker.exceptions import AWSValidationException

from localaws.wire.wording import tell_one


def constraint(*, value: Any, member: str, rule: str) -> AWSValidationException:
    """Return AWS's error for one member that breaks one rule (those of `localaws.wire.wording`)."""
    return AWSValidationException(tell_one(value=value, member=member, rule=rule))
