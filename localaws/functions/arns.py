"""Which function a request means: names, partial and full ARNs, and who asks. Pure."""

import base64
import json
import re
from dataclasses import dataclass
from urllib.parse import unquote

from moto.awslambda.exceptions import InvalidParameterValueException
from moto.utilities.utils import get_partition

from localaws.functions.errors import InvalidRequestContentError

REFERENCE = re.compile(
    r"(?:arn:aws[a-z-]*:lambda:)?(?:(?P<region>[a-z]{2}(?:-[a-z]+)+-\d):)?(?:(?P<account_id>\d{12}):)?"
    r"(?:function:)?(?P<name>[a-zA-Z0-9-_]+)(?::(?P<qualifier>\$LATEST|[a-zA-Z0-9-_]+))?"
)
"""What Invoke takes as FunctionName (https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html)."""
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
    """What one invocation runs: a function as it was named, for each attempt to look up anew."""

    account_id: str
    region: str
    name: str
    qualifier: str | None

    def arn(self) -> str:
        """Return the ARN as the function sees it, with the qualifier that was named."""
        base = f"arn:{get_partition(self.region)}:lambda:{self.region}:{self.account_id}:function:{self.name}"
        return f"{base}:{self.qualifier}" if self.qualifier else base


def parse_reference(text: str, *, qualifier: str | None) -> FunctionReference:
    """Read a percent-encoded FunctionName and the Qualifier parameter.

    Raises InvalidParameterValueException where the name is no name, or the two qualifiers differ.
    """
    match = REFERENCE.fullmatch(unquote(text))
    if match is None:
        raise InvalidParameterValueException(
            f"Value '{unquote(text)}' at 'functionName' is not a function name"
        )
    named = match["qualifier"]
    if named and qualifier and named != qualifier:
        raise InvalidParameterValueException(
            "The derived qualifier from the function name does not match the specified qualifier."
        )
    return FunctionReference(
        name=match["name"],
        qualifier=named or qualifier,
        account_id=match["account_id"],
        region=match["region"],
    )


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
    except ValueError as error:
        raise InvalidRequestContentError(f"the client context is not base64 of JSON: {error}") from error
    return json.dumps(document)
