"""What SageMaker says of notebook instances, word for word where it is known.

From answers of AWS that users quote: github.com/aws/amazon-sagemaker-examples/issues/1094 (states),
github.com/aws-samples/amazon-sagemaker-notebook-instance-lifecycle-config-samples/issues/86 (scripts),
github.com/orcasecurity-research/AIGoat/issues/10 (platforms).
"""

from collections.abc import Sequence

from moto.sagemaker.exceptions import AWSValidationException, SagemakerClientError

NOT_FOUND = "RecordNotFound"
NO_REPOSITORIES = (
    "localaws clones no code repositories into a notebook instance: leave DefaultCodeRepository and "
    "AdditionalCodeRepositories out, and fetch what is needed in a lifecycle configuration"
)
SERVER_SILENT = "localaws: the Jupyter server did not answer in {seconds:.0f} s. It said last: {tail}"
ENDED = "localaws: the first program of the notebook instance ended ({code})"
MAX_REASON = 1024
"""Characters of FailureReason (API_DescribeNotebookInstance)."""


class ResourceLimitExceeded(SagemakerClientError):  # noqa: N818 - AWS's name
    """More would run than an account may have."""

    code = "ResourceLimitExceeded"


def wrong_state(*, current: str, allowed: Sequence[str], wanted: str, arn: str) -> AWSValidationException:
    """Return the error of an action that a state does not allow."""
    return AWSValidationException(
        f"Status ({current}) not in ([{', '.join(allowed)}]). Unable to transition to ({wanted}) for "
        f"Notebook Instance ({arn})."
    )


def not_in_service(*, current: str, arn: str) -> AWSValidationException:
    """Return the error of who wants the URL of an instance that is off."""
    return AWSValidationException(f"Status ({current}) not in ([InService]) for Notebook Instance ({arn}).")


def name_taken(arn: str) -> AWSValidationException:
    """Return the error of a second instance of one name."""
    return AWSValidationException(f"Cannot create a duplicate Notebook Instance ({arn})")


def no_platform(name: str) -> AWSValidationException:
    """Return the error of a platform that is not offered any more."""
    return AWSValidationException(f"Platform identifier ({name}) is not supported for this service.")


def too_many(*, instance_type: str, limit: int) -> ResourceLimitExceeded:
    """Return the error of an instance beyond the quota."""
    return ResourceLimitExceeded(
        f"The account-level service limit '{instance_type} for notebook instance usage' is {limit} "
        f"Instances, with current utilization of {limit} Instances and a request delta of 1 Instances. "
        "Please use AWS Service Quotas to request an increase for this quota."
    )


def no_config(*, verb: str, arn: str) -> AWSValidationException:
    """Return the error of a lifecycle configuration that there is not; `verb` is what was to be done."""
    return AWSValidationException(
        f"Unable to {verb} Notebook Instance Lifecycle Config '{arn}'. "
        "(Details: Notebook Instance Lifecycle Config does not exist.)"
    )


def config_taken(arn: str) -> AWSValidationException:
    """Return the error of a second lifecycle configuration of one name."""
    return AWSValidationException(
        f"Unable to create Notebook Instance Lifecycle Config {arn}. "
        "(Details: Notebook Instance Lifecycle Config already exists.)"
    )


def not_base64(hook: str) -> AWSValidationException:
    """Return the error of a script that cannot be read."""
    return AWSValidationException(f"{hook}: Content must be a shell script, encoded in base64.")


def smaller_volume(*, current_gb: int, wanted_gb: int) -> AWSValidationException:
    """Return the error of a volume that would shrink."""
    return AWSValidationException(
        f"VolumeSizeInGB {wanted_gb} is less than the volume's {current_gb}: a volume cannot be made smaller."
    )


def both(member: str, disassociation: str) -> AWSValidationException:
    """Return the error of a request that gives a thing and takes it away."""
    return AWSValidationException(f"{member} and {disassociation} cannot be given together.")


def no_namespaces(refusal: str) -> AWSValidationException:
    """Return the error where nothing would keep an instance apart from this machine."""
    return AWSValidationException(
        f"localaws runs notebook instances in Linux namespaces, which it cannot have here: {refusal}"
    )


def hook_failed(*, config_arn: str, arn: str, hook: str, code: int | None) -> str:
    """Return the FailureReason of a script that failed, or took too long (`code` None).

    AWS has one sentence for both. Here a script that fails ends the start at once, and its code is told.
    """
    said = (
        f"Notebook Instance Lifecycle Config '{config_arn}' for Notebook Instance '{arn}' took longer than 5 "
        "minutes. Please check your CloudWatch logs for more details if your Notebook Instance has Internet "
        "access."
    )
    return said if code is None else f"{said} (localaws: {hook} ended with exit code {code}.)"
