"""Which function a request means: names, partial and full ARNs, and who asks. Pure."""

import base64
import json
import re
from dataclasses import dataclass
from urllib.parse import unquote

from moto.awslambda.exceptions import InvalidParameterValueException, ValidationException
from moto.utilities.utils import get_partition

from localaws.functions.errors import InvalidRequestContentError
from localaws.wire.wording import length_at_most, matches

LATEST = "$LATEST"
REFERENCE = re.compile(
    r"(?:arn:aws[a-zA-Z-]*:lambda:)?(?:(?P<region>(?:eusc-)?[a-z]{2}(?:-[a-z]+)+-\d):)?"
    r"(?:(?P<account_id>\d{12}):)?(?:function:)?(?P<name>[a-zA-Z0-9-_]+)"
    r"(?::(?P<qualifier>\$LATEST|[a-zA-Z0-9-_]+))?"
)
NAME_PATTERN = (
    r"(arn:(aws[a-zA-Z-]*)?:lambda:)?((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:)?(\d{12}:)?"
    r"(function:)?([a-zA-Z0-9-_]+)(:(\$LATEST|[a-zA-Z0-9-_]+))?"
)
"""How AWS words what FunctionName takes (https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html)."""
NAME_LENGTH = 140
QUALIFIER_PATTERN = r"(|[a-zA-Z0-9$_-]+)"
QUALIFIER_LENGTH = 128
CREDENTIAL = re.compile(r"Credential=(?P<access_key>[^/,\s]+)/\d{8}/(?P<region>[^/,\s]+)/")


@dataclass(frozen=True, kw_only=True)
class FunctionReference:
    """A function as a client names it; what the name leaves out is None."""

    name: str
    qualifier: str | None = None
    account_id: str | None = None
    region: str | None = None


@dataclass(frozen=True, kw_only=True)
class Caller:
    """Whose signature a request bears; None where it is not signed."""

    access_key: str | None
    region: str | None


@dataclass(frozen=True, kw_only=True)
class Target:
    """A function as it was named, for each attempt to look up anew."""

    account_id: str
    region: str
    name: str
    qualifier: str | None = None

    def unqualified_arn(self) -> str:
        """Return the ARN of the function, whichever version was named."""
        partition = get_partition(self.region)
        return f"arn:{partition}:lambda:{self.region}:{self.account_id}:function:{self.name}"

    def arn(self) -> str:
        """Return the ARN as the function sees it, with the qualifier that was named."""
        return f"{self.unqualified_arn()}:{self.qualifier}" if self.qualifier else self.unqualified_arn()

    def qualified_arn(self) -> str:
        """Return the ARN with its qualifier, `$LATEST` where none was named."""
        return f"{self.unqualified_arn()}:{self.qualifier or LATEST}"


def parse_reference(text: str, *, qualifier: str | None) -> FunctionReference:
    """Read a percent-encoded FunctionName and the Qualifier parameter.

    Raises ValidationException where one of them is none, InvalidParameterValueException where they differ.
    """
    name = unquote(text)
    match = REFERENCE.fullmatch(name)
    if match is None:
        raise ValidationException(name, "functionName", matches(NAME_PATTERN))
    if len(name) > NAME_LENGTH:
        raise ValidationException(name, "functionName", length_at_most(NAME_LENGTH))
    check_qualifier(qualifier or "")
    named = match["qualifier"]
    if named and qualifier and named != qualifier:
        raise InvalidParameterValueException(
            "The derived qualifier from the function name does not match the specified qualifier."
        )
    return FunctionReference(
        name=match["name"],
        qualifier=named or qualifier or None,
        account_id=match["account_id"],
        region=match["region"],
    )


def check_qualifier(qualifier: str) -> None:
    """Refuse what cannot be a qualifier."""
    if re.fullmatch(QUALIFIER_PATTERN, qualifier) is None:
        raise ValidationException(qualifier, "qualifier", matches(QUALIFIER_PATTERN))
    if len(qualifier) > QUALIFIER_LENGTH:
        raise ValidationException(qualifier, "qualifier", length_at_most(QUALIFIER_LENGTH))


def parse_caller(authorization: str) -> Caller:
    """Read access key and region from a Signature Version 4 Authorization header."""
    match = CREDENTIAL.search(authorization)
    if match is None:
        return Caller(access_key=None, region=None)
    return Caller(access_key=match["access_key"], region=match["region"])


def decode_client_context(header: str) -> str:
    """Return the JSON of X-Amz-Client-Context on one line, as it goes to the runtime.

    Raises InvalidRequestContentError where it is no base64 of a JSON object.
    """
    try:
        document = json.loads(base64.b64decode(header, validate=True))
    except (ValueError, RecursionError) as error:
        raise InvalidRequestContentError(f"the client context is not base64 of JSON: {error}") from error
    return json.dumps(document)
