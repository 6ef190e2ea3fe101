"""Tell errors of AWS's API that no retry can cure from those that pass.

Codes: https://docs.aws.amazon.com/general/latest/gr/api-retries.html and each service's "Common Errors". What
is not named here (throttling, 5xx, broken connections, expired credentials) may pass: botocore tries such a
call again at once, and Airflow the task.
"""

from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError, WaiterError

from musher.errors import AwsRefusedError

DENIED = frozenset(
    {
        "403",
        "AccessDenied",
        "AccessDeniedException",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "SignatureDoesNotMatch",
        "UnauthorizedOperation",
        "UnrecognizedClientException",
    }
)
INVALID = frozenset(
    {
        "InvalidAMIID.NotFound",
        "InvalidBlockDeviceMapping",
        "InvalidGroup.NotFound",
        "InvalidParameterCombination",
        "InvalidParameterValue",
        "InvalidParameterValueException",
        "InvalidRequestContentException",
        "InvalidSubnetID.NotFound",
        "MalformedPolicyDocument",
        "NoSuchBucket",
        "NoSuchKey",
        "ResourceNotFound",
        "ResourceNotFoundException",
        "Unsupported",
        "ValidationError",
        "ValidationException",
    }
)
OVER_QUOTA = frozenset(
    {
        "CodeStorageExceededException",
        "InstanceLimitExceeded",
        "MaxSpotInstanceCountExceeded",
        "ResourceLimitExceeded",
        "ServiceQuotaExceededException",
        "VcpuLimitExceeded",
    }
)

REMEDIES = (
    (
        DENIED,
        "Give the role of the Airflow connection this permission (infra/bootstrap.yaml), or correct its "
        "keys.",
    ),
    (INVALID, "Correct what AWS names."),
    (
        OVER_QUOTA,
        "This is a quota of the account: ask for a higher one (Service Quotas), choose another instance "
        "type, or wait until what uses it has ended.",
    ),
)


def read_refusal(error: ClientError | BotoCoreError) -> AwsRefusedError | None:
    """Return what AWS refuses for good, and what to do about it; None for an error that may pass."""
    if isinstance(error, ClientError):
        asked, answer = error.operation_name, error.response
    elif isinstance(error, WaiterError):
        asked, answer = "the call of a wait", error.last_response or {}
    elif isinstance(error, ParamValidationError):
        return AwsRefusedError(f"A request to AWS is malformed: {error}. {dict(REMEDIES)[INVALID]}")
    else:
        return None
    found = answer.get("Error", {})
    code, said = str(found.get("Code", "")), str(found.get("Message", "")).rstrip(". ")
    for codes, remedy in REMEDIES:
        if code in codes:
            return AwsRefusedError(f"AWS refuses {asked} ({code}): {said or 'no reason given'}. {remedy}")
    return None
