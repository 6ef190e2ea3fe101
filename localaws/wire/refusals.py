"""How each service refuses a request that it cannot read, or that its model does not allow."""

from dataclasses import dataclass

from localaws.asgi import Response
from localaws.protocols import Call, Protocol, error_answer


@dataclass(frozen=True, kw_only=True)
class Contract:
    """How one service speaks of requests that its model does not allow."""

    model: str
    """botocore's name of the service."""
    code: str
    """The error's code."""
    own_words: frozenset[str] = frozenset()
    """Members that the service itself refuses, with a code and a sentence of its own."""


SERVICES = {
    "application-autoscaling": Contract(model="application-autoscaling", code="ValidationException"),
    "cloudformation": Contract(model="cloudformation", code="ValidationError"),
    "codebuild": Contract(model="codebuild", code="ValidationException"),
    "ec2": Contract(model="ec2", code="MissingParameter"),
    "ecr": Contract(model="ecr", code="InvalidParameterException"),
    "events": Contract(model="events", code="ValidationException"),
    "iam": Contract(model="iam", code="ValidationError"),
    "lambda": Contract(model="lambda", code="ValidationException", own_words=frozenset({"runtime"})),
    "logs": Contract(model="logs", code="InvalidParameterException"),
    "monitoring": Contract(model="cloudwatch", code="ValidationError"),
    "sagemaker": Contract(model="sagemaker", code="ValidationException"),
    "servicequotas": Contract(model="service-quotas", code="IllegalArgumentException"),
    "sns": Contract(model="sns", code="ValidationError"),
    "sqs": Contract(model="sqs", code="MissingParameter"),
    "ssm": Contract(model="ssm", code="ValidationException"),
    "sts": Contract(model="sts", code="ValidationError"),
}
"""Name in signatures -> contract. S3 is not among them: its requests are checked by S3 itself, one by one."""

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
    code = INVALID[call.protocol] if contract is None else contract.code
    return error_answer(call, status=400, code=code, message=message)
