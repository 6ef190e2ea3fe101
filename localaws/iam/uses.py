"""When and where keys and roles were last used, as IAM tells it.

moto notes it of the requests that it answers itself, and of a role without its region. What localaws answers
by routes of its own (invocations of endpoints and functions, jobs) is noted here.
https://docs.aws.amazon.com/IAM/latest/APIReference/API_RoleLastUsed.html
"""

import re
from collections.abc import Awaitable

from moto.iam import models
from moto.iam.models import iam_backends

from localaws.steps import Exchange, Forward

CREDENTIAL = re.compile(r"Credential=([^/]*)/\d{8}/([^/]*)/([^/]+)/aws4_request")
_note_in_moto = models.mark_account_as_visited


def note_use(account_id: str, access_key: str, service: str, region: str) -> None:
    """Note that a key was used, and the role whose session it belongs to."""
    _note_in_moto(account_id, access_key, service, region)
    for backend in list(iam_backends[account_id].values()):
        key = backend.access_keys.get(access_key)
        if key is not None and key.role_arn:
            role = next((role for role in list(backend.roles.values()) if role.arn == key.role_arn), None)
            if role is not None:
                role.last_used_region = region  # type: ignore[assignment]  # moto never sets it


def note_caller(exchange: Exchange, forward: Forward) -> Awaitable[None]:
    """Note who signed a request that a route of localaws's own answers."""
    if exchange.handler is not None:
        _note(exchange.request.headers.get("authorization", ""))
    return forward(exchange)


def _note(authorization: str) -> None:
    """Note whose key it is; nobody's where localaws has not made it."""
    scope = CREDENTIAL.search(authorization)
    if scope is None:
        return
    for account_id, account in list(iam_backends.items()):
        if any(scope[1] in backend.access_keys for backend in list(account.values())):
            note_use(account_id, scope[1], scope[3].lower(), scope[2])


def install() -> None:
    """Let moto note uses here."""
    setattr(models, "mark_account_as_visited", note_use)  # noqa: B010 - mypy refuses to assign it
