"""Who may call a function URL: what its signature and the function's policy say.

A caller of the function's own account needs no policy, unless permissions are enforced: then the chain's step
asks what it may before.
https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html
"""

import json
from datetime import UTC, datetime

from localaws.asgi import Request, Response
from localaws.functions.addresses.spec import FunctionUrl
from localaws.functions.arns import Target
from localaws.functions.lookup import backend_of
from localaws.functions.permissions.policy import AUTH_TYPE, VIA_URL
from localaws.iam.callers import Principal, find_principal
from localaws.iam.signatures import SignatureError, check_signature, read_signature

NEEDED_ACTIONS = ("lambda:InvokeFunctionUrl", "lambda:InvokeFunction")
"""What a policy must allow: both, since October 2025."""


class ForbiddenError(Exception):
    """A request that may not reach the function."""


def authorise(
    request: Request, body: bytes, target: Target, url: FunctionUrl
) -> tuple[str, Principal] | None:
    """Return access key and identity of a caller; None of anybody, where a URL is open to all.

    Raises ForbiddenError where a policy is missing, SignatureError where a signature is no good.
    """
    if url.auth_type == "NONE":
        if not is_granted(target, url, account_id=None):
            raise ForbiddenError
        return None
    signature = read_signature(request)
    if signature is None:
        raise ForbiddenError
    now = datetime.now(UTC)
    check_signature(signature, request, body, service="lambda", region=target.region, now=now)
    caller = find_principal(signature.access_key_id)
    is_own = caller.account_id == target.account_id
    if not is_own and not is_granted(target, url, account_id=caller.account_id):
        raise ForbiddenError
    return signature.access_key_id, caller


def is_granted(target: Target, url: FunctionUrl, *, account_id: str | None) -> bool:
    """Tell whether the policy lets another account, or everybody, call a URL."""
    policy = backend_of(target).local(target.name).settings.policies.get(url.qualifier)
    facts = {AUTH_TYPE: url.auth_type, VIA_URL: "true"}
    return policy is not None and all(
        policy.grants(action=action, account_id=account_id, facts=facts) for action in NEEDED_ACTIONS
    )


def refusal(error: ForbiddenError | SignatureError) -> Response:
    """Return the answer to a request that may not pass."""
    if isinstance(error, SignatureError):
        return _forbid(code=error.code, document={"message": str(error)})
    return _forbid(code="AccessDeniedException", document={"Message": "Forbidden"})


def _forbid(*, code: str, document: dict[str, str]) -> Response:
    headers = {"content-type": "application/json", "x-amzn-errortype": code}
    return Response(status=403, body=json.dumps(document).encode(), headers=headers)
