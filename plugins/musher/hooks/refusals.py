"""Tell errors of AWS's API that no retry can cure from those that pass, and say what to do about each.

This is the one place where an error code decides: `fail_without_retry`, the triggers and the retry policy
(musher/retry_policy.py) read it. Codes, of which `*` stands for any end:
https://docs.aws.amazon.com/general/latest/gr/api-retries.html and each service's "Common Errors". What is
not named here (5xx, broken connections, expired credentials) may pass: botocore tries such a call again at
once, and Airflow the task.
"""

from fnmatch import fnmatchcase

from botocore.exceptions import ClientError, ParamValidationError, WaiterError

from musher.errors import AwsRefusedError

THROTTLED = (
    "*Throttl*",
    "429",
    "BandwidthLimitExceeded",
    "PriorRequestNotComplete",
    "ProvisionedThroughputExceeded*",
    "RequestLimitExceeded",
    "SlowDown",
    "TooManyRequests*",
    "TransactionInProgressException",
)
"""All that botocore takes for a throttle (botocore/retries/standard.py), but LimitExceededException: of the
services that Musher calls, those that know it mean a quota."""

NO_CAPACITY = ("CapacityError", "Insufficient*Capacity*")
"""AWS itself has not enough of what is asked for, now and there."""

DENIED = (
    "403",
    "AccessDenied*",
    "AuthFailure",
    "Forbidden",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "OptInRequired",
    "SignatureDoesNotMatch",
    "UnauthorizedOperation",
    "UnrecognizedClientException",
)
INVALID = (
    "InvalidAMIID*",
    "InvalidBlockDeviceMapping",
    "InvalidGroup.NotFound",
    "InvalidKeyPair.NotFound",
    "InvalidSubnetID.NotFound",
    "InvalidParameter*",
    "InvalidRequest*",
    "MalformedPolicyDocument",
    "MissingParameter",
    "NoSuchBucket",
    "NoSuchKey",
    "ResourceNotFound*",
    "Unsupported",
    "Validation*",
)
MISSING = ("ResourceNotFound*",)
NOT_THERE = ("InvalidAction", "NotImplemented*", "UnknownOperation*", "UnsupportedOperation*")
OVER_QUOTA = (
    "*LimitExceeded*",
    "*QuotaExceeded*",
    "CodeStorageExceededException",
    "MaxSpotInstanceCountExceeded",
    "TooManyBuckets",
)

REMEDIES = (
    (
        DENIED,
        "Give the role of the Airflow connection this permission (infra/bootstrap.yaml), or correct its "
        "keys.",
    ),
    (INVALID, "Correct what AWS names."),
    (NOT_THERE, "What answers under this address or in this region has no such call: correct either."),
    (
        OVER_QUOTA,
        "This is a quota of the account: ask for a higher one (Service Quotas), choose another instance "
        "type, or wait until what uses it has ended.",
    ),
)
"""Codes and what to do; the first that match count. What is throttled is asked before: RequestLimitExceeded
is no quota."""

MORE_CAPACITY = (
    "AWS has no such instance free at the moment: nothing is paid. It is asked again later; choose another "
    "instance type, Availability Zone or region where it does not come."
)


def is_throttled(error: BaseException) -> bool:
    """Return whether AWS takes no more calls for a while."""
    return has_code(error, THROTTLED)


def is_missing(error: BaseException) -> bool:
    """Return whether AWS does not find what is named."""
    return has_code(error, MISSING)


def read_shortage(error: BaseException) -> str | None:
    """Return in words that AWS has no capacity, and what to do about it; None for any other error."""
    return _say(error, remedy=MORE_CAPACITY) if has_code(error, NO_CAPACITY) else None


def read_refusal(error: BaseException) -> AwsRefusedError | None:
    """Return what AWS refuses for good, and what to do about it; None for an error that may pass."""
    if isinstance(error, ParamValidationError):
        return AwsRefusedError(f"A request to AWS is malformed: {error}. {dict(REMEDIES)[INVALID]}")
    if is_throttled(error) or has_code(error, NO_CAPACITY) or _may_be_done(error):
        return None
    for codes, remedy in REMEDIES:
        if has_code(error, codes):
            return AwsRefusedError(_say(error, remedy=remedy))
    return None


def _may_be_done(error: BaseException) -> bool:
    """Return whether the call may have taken place, though AWS now says that it cannot.

    botocore repeats a call whose answer was lost. Where the first try has made the model or begun the update,
    the second is told by the code of a wrong request that it exists, or is in progress. Who looks again finds
    it.
    """
    is_repeated = isinstance(error, ClientError) and error.response.get("ResponseMetadata", {}).get(
        "RetryAttempts"
    )
    return bool(is_repeated) and has_code(error, INVALID)


def has_code(error: BaseException, codes: tuple[str, ...]) -> bool:
    """Return whether an error is AWS's answer, with one of these codes."""
    code = str(_answer_of(error).get("Code", ""))
    return any(fnmatchcase(code, known) for known in codes)


def _answer_of(error: BaseException) -> dict[str, object]:
    """Return the code and message of AWS's answer; nothing where there is none."""
    if isinstance(error, ClientError):
        return dict(error.response.get("Error", {}))
    if isinstance(error, WaiterError):
        return dict((error.last_response or {}).get("Error", {}))
    return {}


def _say(error: BaseException, *, remedy: str) -> str:
    asked = getattr(error, "operation_name", "the call of a wait")
    found = _answer_of(error)
    said = str(found.get("Message", "")).rstrip(". ") or "no reason given"
    return f"AWS refuses {asked} ({found.get('Code')}): {said}. {remedy}"
