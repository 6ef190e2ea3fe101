"""How each service refuses a request that it cannot read, or that its model does not allow."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from localaws.asgi import Response
from localaws.protocols import Call, Protocol, error_answer
from localaws.wire.compiler import declared_codes


@dataclass(frozen=True, kw_only=True)
class Contract:
    """How one service speaks of requests that its model does not allow."""

    model: str
    """botocore's name of the service."""
    code: str
    """The error's code."""
    own_words: frozenset[str] = frozenset()
    """Members whose values the service itself refuses, with a code and a sentence of its own."""
    unrepeated: frozenset[str] = frozenset()
    """Members of which its sentences do not repeat what was sent."""
    pattern_sentences: Mapping[str, str] = field(default_factory=dict)
    """Pattern of the model -> the service's own sentence about a member that does not match it."""
    sentence: str = ""
    """Its message about the first `{member}` that breaks a `{rule}`, where it has one of its own."""


LOG_GROUPS = frozenset({"logGroupIdentifier", "logGroupIdentifiers"})
SSM_TYPES = frozenset({"resourceType", "permissionType"})
"""Whose errors are InvalidResourceType and InvalidPermissionType."""
ECR_SENTENCE = "Invalid parameter at '{member}' failed to satisfy constraint: '{rule}'"
"""Of its own, as in https://github.com/aws-actions/amazon-ecr-login (its README quotes one)."""
IAM_SENTENCES = {
    r"[\w+=,.@-]+": "It must contain only alphanumeric characters and/or the following: +=,.@_-",
    r"(\u002F)|(\u002F[\u0021-\u007E]+\u002F)": (
        "It must begin and end with / and contain only alphanumeric characters and/or / characters."
    ),
}

SERVICES = {
    "application-autoscaling": Contract(model="application-autoscaling", code="ValidationException"),
    "cloudformation": Contract(model="cloudformation", code="ValidationError"),
    "codebuild": Contract(model="codebuild", code="InvalidInputException"),
    "ec2": Contract(model="ec2", code="MissingParameter"),
    "ecr": Contract(model="ecr", code="InvalidParameterException", sentence=ECR_SENTENCE),
    "events": Contract(model="events", code="ValidationException"),
    "iam": Contract(model="iam", code="ValidationError", pattern_sentences=IAM_SENTENCES),
    "lambda": Contract(model="lambda", code="ValidationException", own_words=frozenset({"runtime"})),
    "logs": Contract(model="logs", code="InvalidParameterException", unrepeated=LOG_GROUPS),
    "monitoring": Contract(model="cloudwatch", code="ValidationError"),
    "sagemaker": Contract(model="sagemaker", code="ValidationException"),
    "servicequotas": Contract(model="service-quotas", code="IllegalArgumentException"),
    "sns": Contract(model="sns", code="ValidationError"),
    "sqs": Contract(model="sqs", code="MissingParameter"),
    "ssm": Contract(model="ssm", code="ValidationException", own_words=SSM_TYPES),
    "sts": Contract(model="sts", code="ValidationError"),
}
"""Name in signatures -> contract. S3 is not among them: its requests are checked by S3 itself, one by one."""

NEWER_CODE = "ValidationException"

UNREADABLE = {
    Protocol.JSON: "SerializationException",
    Protocol.REST_JSON: "SerializationException",
    Protocol.QUERY: "MalformedInput",
    Protocol.EC2: "InvalidParameterValue",
    Protocol.REST_XML: "MalformedXML",
}
"""Code of a request that cannot be read."""
INVALID = {
    Protocol.JSON: "ValidationException",
    Protocol.REST_JSON: "ValidationException",
    Protocol.QUERY: "ValidationError",
    Protocol.EC2: "InvalidParameterValue",
    Protocol.REST_XML: "InvalidArgument",
}
"""Code of a request with members that cannot be, where the service has no contract."""


def unreadable(call: Call, *, message: str) -> Response:
    """Return the answer to a body that is not what the protocol writes, or to members of other types."""
    return error_answer(call, status=400, code=UNREADABLE[call.protocol], message=message)


def invalid(call: Call, *, message: str) -> Response:
    """Return the answer to members that cannot be."""
    contract = SERVICES.get(call.service)
    code = INVALID[call.protocol] if contract is None else find_code(call, contract)
    return error_answer(call, status=400, code=code, message=message)


def find_code(call: Call, contract: Contract) -> str:
    """Return the code that an operation has for members that cannot be.

    Newer operations of a service may declare ValidationException in place of the code of the older ones.
    """
    declared = declared_codes(contract.model, call.action)
    return NEWER_CODE if NEWER_CODE in declared and contract.code not in declared else contract.code
