"""What AWS says of every kind of job, and of what SageMaker's own model cannot know, word for word."""

from typing import Any

from moto.sagemaker.exceptions import AWSValidationException, ResourceInUseException

from localaws.wire.wording import tell_one


def constraint(*, value: Any, member: str, rule: str) -> AWSValidationException:
    """Return AWS's error for one member that breaks one rule (those of `localaws.wire.wording`)."""
    return AWSValidationException(tell_one(value=value, member=member, rule=rule))


def name_taken(arn: str) -> ResourceInUseException:
    """Return the error for a name that a processing or transform job has already."""
    return ResourceInUseException(
        "Job name must be unique within an AWS account and region, and a job with this name already exists "
        f"({arn})"
    )


def job_not_found(name: str) -> AWSValidationException:
    """Return the error for a processing or transform job that is missing."""
    return AWSValidationException(f"Could not find requested job with name: {name}")


def not_deletable(kind: str, status: str) -> ResourceInUseException:
    """Return the error for deleting a job that has not ended; `kind` is `training`, say."""
    return ResourceInUseException(f"The request was rejected because the {kind} job is in status {status}.")


def not_stoppable(kind: str, status: str) -> AWSValidationException:
    """Return the error for stopping a job that stops or has ended; `kind` is `training`, say."""
    return AWSValidationException(f"The request was rejected because the {kind} job is in status {status}.")
