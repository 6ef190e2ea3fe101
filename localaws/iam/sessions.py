"""Sessions of roles with what AssumeRole gives them besides a key: policies that limit them, tags, an origin.

moto keeps none of it.
https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
"""

from datetime import timedelta
from typing import Any

from moto.core.responses import ActionResult
from moto.iam.exceptions import NotFoundException
from moto.iam.models import iam_backends
from moto.sts.exceptions import STSClientError
from moto.sts.responses import TokenResponse

from localaws.iam.callers import ROOT_KEYS, find_principal
from localaws.iam.policies import is_statement, read_statements

MAX_POLICIES = 10
_assume_role = TokenResponse.assume_role
_get_caller_identity = TokenResponse.get_caller_identity


class RefusedSessionError(STSClientError):
    """What AssumeRole was sent makes no session."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code, message)


def add_actions() -> None:
    """Let moto's STS keep what a session was opened with, and know the root."""
    for action in (assume_role, get_caller_identity):
        setattr(TokenResponse, action.__name__, action)


def assume_role(response: TokenResponse) -> ActionResult:
    """Answer AssumeRole."""
    documents = read_documents(response)
    tags = {str(tag["Key"]): str(tag["Value"]) for tag in response._get_param("Tags", [])}
    answer = _assume_role(response)
    result: Any = answer.result
    session = result["Credentials"]
    duration_s = response._get_int_param("DurationSeconds", 3600)
    session.issued_at = session.expiration - timedelta(seconds=duration_s)
    session.session_documents = documents
    session.session_tags = tags
    session.source_identity = response._get_param("SourceIdentity")
    return answer


def read_documents(response: TokenResponse) -> tuple[str, ...]:
    """Return the policies that limit a session; raises where one is none, or is not there."""
    inline = response._get_param("Policy")
    arns = [str(item["arn"]) for item in response._get_param("PolicyArns", [])]
    if len(arns) > MAX_POLICIES:
        raise RefusedSessionError(
            "ValidationError", f"A session has at most {MAX_POLICIES} managed policies."
        )
    if inline:
        require_document(inline)
    return (*([inline] if inline else []), *(find_document(response, arn) for arn in arns))


def require_document(text: str) -> None:
    """Raise MalformedPolicyDocument for a text that is no policy."""
    try:
        is_one = all(is_statement(item) for item in read_statements([text]))
    except (ValueError, AttributeError, RecursionError):
        is_one = False
    if not is_one:
        raise RefusedSessionError("MalformedPolicyDocument", "The policy is not in the valid JSON format.")


def find_document(response: TokenResponse, arn: str) -> str:
    """Return the default version of a managed policy."""
    backend = iam_backends[response.current_account][response.partition]
    try:
        policy = backend.get_policy(arn)
    except NotFoundException as error:
        message = f"The policy {arn} does not exist."
        raise RefusedSessionError("MalformedPolicyDocument", message) from error
    return next(version.document for version in policy.versions if version.is_default)


def get_caller_identity(response: TokenResponse) -> ActionResult:
    """Answer GetCallerIdentity; moto calls everybody a user that it does not know."""
    key_id = response.get_access_key()
    if key_id not in ROOT_KEYS:
        return _get_caller_identity(response)
    root = find_principal(key_id)
    return ActionResult({"UserId": root.user_id, "Account": root.account_id, "Arn": root.arn})
