"""Which policies have a say about a principal, as they are now.

Documents are read again for each request, so that a change counts at once; what is read out of a document is
kept by its text, and is never out of date.
"""

import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from moto.iam.exceptions import NotFoundException
from moto.iam.models import IAMBackend, Role, User, iam_backends

from localaws.iam.actions import identity_documents
from localaws.iam.enforcement.authentication import Identified
from localaws.iam.policies import is_about_action, is_readable

logger = logging.getLogger(__name__)

Statements = Sequence[Mapping[str, Any]]
Documents = tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class PrincipalDocuments:
    """Policies as texts; None where there is no policy of a kind."""

    identity: Documents = ()
    boundary: Documents | None = None
    session: Documents | None = None


def find_documents(identified: Identified) -> PrincipalDocuments:
    """Return the documents of a principal. One that is gone has none, so that its sessions may do nothing."""
    principal, session = identified.principal, identified.session
    if principal is None:
        return PrincipalDocuments()
    owner = find_owner(identified)
    if owner is None:
        return PrincipalDocuments(session=_session_documents(session))
    backend = backend_of(principal.condition_arn, principal.account_id)
    return PrincipalDocuments(
        identity=tuple(identity_documents(backend, principal.condition_arn)),
        boundary=_boundary_documents(backend, getattr(owner, "permissions_boundary_arn", None)),
        session=_session_documents(session),
    )


def find_owner(identified: Identified) -> Role | User | None:
    """Return what the policies of a principal are attached to; the account itself is neither."""
    principal = identified.principal
    if principal is None:
        return None
    kind, _, path = principal.condition_arn.rpartition(":")[2].partition("/")
    name = path.rpartition("/")[2]
    backend = backend_of(principal.condition_arn, principal.account_id)
    try:
        if kind == "role":
            return backend.get_role(name)
        return backend.get_user(name) if kind == "user" else None
    except NotFoundException:
        return None


def backend_of(arn: str, account_id: str) -> IAMBackend:
    """Return the backend of a principal's account, in the partition of its ARN."""
    return iam_backends[account_id][arn.split(":")[1]]


def _boundary_documents(backend: IAMBackend, arn: str | None) -> Documents | None:
    """Return the document of a boundary; one that names no policy allows nothing."""
    if not arn:
        return None
    try:
        policy = backend.get_policy(arn)
    except NotFoundException:
        return ()
    return tuple(version.document for version in policy.versions if version.is_default)


def _session_documents(session: Any) -> Documents | None:
    """Return the policies that a session was opened with; without any it is not limited."""
    found: Documents = getattr(session, "session_documents", ())
    return found or None


@lru_cache(maxsize=4096)
def select(documents: Documents, action: str) -> Statements:
    """Return the statements of documents that are about an action."""
    found: Iterable[Mapping[str, Any]] = (item for document in documents for item in _read(document))
    return tuple(item for item in found if is_about_action(item, action))


@lru_cache(maxsize=2048)
def _read(document: str) -> Statements:
    """Return the statements of a document; what is none counts for nothing."""
    try:
        found = json.loads(document).get("Statement") or []
    except (ValueError, AttributeError, RecursionError):
        logger.warning("a policy cannot be read, and counts for nothing: %.200s", document)
        return ()
    return tuple(item for item in (found if isinstance(found, list) else [found]) if is_readable(item))
