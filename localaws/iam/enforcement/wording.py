"""How AWS's services refuse those whom they do not know, and what is not allowed.

https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
https://docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
"""

from collections.abc import Mapping

from localaws.asgi import Response
from localaws.faults.asked import Asked
from localaws.faults.wording import in_protocol
from localaws.iam.enforcement.authentication import Flaw, Identified, UnauthenticatedError
from localaws.iam.signatures import BAD_TOKEN, MISMATCH
from localaws.protocols import Call, Protocol, error_answer
from localaws.s3.errors import S3Error, answer_error

Refusal = tuple[str, str]
"""A code and a sentence."""

NO_TOKEN, ENDED = (
    "Request is missing Authentication Token",
    "The security token included in the request is expired",
)
NOT_VALIDATED = "AWS was not able to validate the provided access credentials"
OLD_VERSION = (
    "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256 in the "
    "Authorization header."
)
JSON_REFUSALS: Mapping[Flaw, Refusal] = {
    Flaw.UNSIGNED: ("MissingAuthenticationTokenException", NO_TOKEN),
    Flaw.UNKNOWN_KEY: ("UnrecognizedClientException", BAD_TOKEN),
    Flaw.WRONG_TOKEN: ("UnrecognizedClientException", BAD_TOKEN),
    Flaw.ENDED_SESSION: ("ExpiredTokenException", ENDED),
    Flaw.MISMATCH: ("InvalidSignatureException", MISMATCH),
    Flaw.WRONG_TIME: ("InvalidSignatureException", MISMATCH),
    Flaw.INCOMPLETE: ("IncompleteSignatureException", MISMATCH),
    Flaw.OTHER_VERSION: ("IncompleteSignatureException", OLD_VERSION),
}
QUERY_REFUSALS: Mapping[Flaw, Refusal] = {
    Flaw.UNSIGNED: ("MissingAuthenticationToken", NO_TOKEN),
    Flaw.UNKNOWN_KEY: ("InvalidClientTokenId", BAD_TOKEN),
    Flaw.WRONG_TOKEN: ("InvalidClientTokenId", BAD_TOKEN),
    Flaw.ENDED_SESSION: ("ExpiredToken", ENDED),
    Flaw.MISMATCH: ("SignatureDoesNotMatch", MISMATCH),
    Flaw.WRONG_TIME: ("SignatureDoesNotMatch", MISMATCH),
    Flaw.INCOMPLETE: ("IncompleteSignature", MISMATCH),
    Flaw.OTHER_VERSION: ("IncompleteSignature", OLD_VERSION),
}
EC2_REFUSALS: Mapping[Flaw, Refusal] = {
    **QUERY_REFUSALS,
    Flaw.UNKNOWN_KEY: ("AuthFailure", NOT_VALIDATED),
    Flaw.WRONG_TOKEN: ("AuthFailure", NOT_VALIDATED),
    Flaw.ENDED_SESSION: ("RequestExpired", "Request has expired."),
    Flaw.MISMATCH: ("AuthFailure", NOT_VALIDATED),
    Flaw.WRONG_TIME: ("RequestExpired", "Request has expired."),
}
S3_REFUSALS: Mapping[Flaw, Refusal] = {
    Flaw.UNSIGNED: ("AccessDenied", "Access Denied"),
    Flaw.UNKNOWN_KEY: (
        "InvalidAccessKeyId",
        "The AWS Access Key Id you provided does not exist in our records.",
    ),
    Flaw.WRONG_TOKEN: ("InvalidToken", "The provided token is malformed or otherwise invalid."),
    Flaw.ENDED_SESSION: ("ExpiredToken", "The provided token has expired."),
    Flaw.MISMATCH: (
        "SignatureDoesNotMatch",
        "The request signature we calculated does not match the signature you provided. "
        "Check your key and signing method.",
    ),
    Flaw.WRONG_TIME: (
        "RequestTimeTooSkewed",
        "The difference between the request time and the current time is too large.",
    ),
    Flaw.INCOMPLETE: ("InvalidRequest", "The signature of the request is not whole."),
    Flaw.OTHER_VERSION: ("InvalidRequest", OLD_VERSION),
}
TABLES = {
    Protocol.JSON: (400, JSON_REFUSALS),
    Protocol.REST_JSON: (403, JSON_REFUSALS),
    Protocol.QUERY: (403, QUERY_REFUSALS),
    Protocol.EC2: (401, EC2_REFUSALS),
    Protocol.REST_XML: (403, QUERY_REFUSALS),
}
"""Protocol -> the status, and what is said of each flaw."""
TOLD = (Flaw.WRONG_TIME, Flaw.INCOMPLETE)
"""Of these the services but EC2 and S3 say what exactly is wrong."""
DENIALS: Mapping[Protocol, tuple[int, str]] = {
    Protocol.JSON: (400, "AccessDeniedException"),
    Protocol.REST_JSON: (403, "AccessDeniedException"),
    Protocol.QUERY: (403, "AccessDenied"),
    Protocol.EC2: (403, "UnauthorizedOperation"),
    Protocol.REST_XML: (403, "AccessDenied"),
}
OWN_DENIALS = {"sns": "AuthorizationError"}


def unauthenticated(error: UnauthenticatedError, asked: Asked) -> Response:
    """Return the answer to a request from nobody that is known."""
    call, flaw = asked.call, error.flaw
    if call.service == "s3":
        code, message = S3_REFUSALS[flaw]
        return _of_s3(S3Error(code, message), asked)
    status, table = TABLES[call.protocol]
    code, message = table[flaw]
    if flaw in TOLD and call.protocol is not Protocol.EC2:
        message = str(error) or message
    answer = error_answer(call, status=status, code=code, message=message)
    return in_protocol(answer, call, is_cbor=asked.is_cbor)


def unsigned(call: Call) -> Response:
    """Return the answer to a request without any signature."""
    status, table = TABLES[call.protocol]
    code, message = table[Flaw.UNSIGNED]
    return error_answer(call, status=status, code=code, message=message)


def denied(asked: Asked, identified: Identified, *, action: str, resource: str, because: str) -> Response:
    """Return the answer to what is not allowed."""
    call = asked.call
    arn = identified.principal.arn if identified.principal else ""
    quoted = f'"{resource}"' if call.service == "s3" else resource
    message = f"User: {arn} is not authorized to perform: {action} on resource: {quoted} {because}"
    if call.service == "s3":
        return _of_s3(S3Error("AccessDenied", message if arn else "Access Denied"), asked)
    if call.protocol is Protocol.EC2:
        message = f"You are not authorized to perform this operation. {message}"
    status, code = DENIALS[call.protocol]
    code = OWN_DENIALS.get(call.service, code)
    answer = error_answer(call, status=status, code=code, message=message)
    return in_protocol(answer, call, is_cbor=asked.is_cbor)


def _of_s3(error: S3Error, asked: Asked) -> Response:
    return answer_error(error, method=asked.request.method, path=asked.request.path)
