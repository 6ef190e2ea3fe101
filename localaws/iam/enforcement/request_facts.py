"""The condition keys that depend on who asks and from where; they stand before those of the request itself.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from localaws.iam.enforcement.authentication import Identified

Value = str | Sequence[str] | None
TIME = "%Y-%m-%dT%H:%M:%SZ"
NOBODY: Mapping[str, Value] = {
    "aws:principalaccount": None,
    "aws:principalarn": None,
    "aws:principaltype": "Anonymous",
    "aws:userid": None,
    "aws:username": None,
}
"""What is known of a caller without a name."""


class CallerFacts(Mapping[str, Value]):
    """What is known of the caller, and else what is known of one need; nothing else is in the request."""

    def __init__(self, own: Mapping[str, Value], needed: Mapping[str, Value]) -> None:
        self._own = own
        self._needed = needed

    def __getitem__(self, key: str) -> Value:
        return self._own[key] if key in self._own else self._needed.get(key)

    def __contains__(self, key: object) -> bool:
        return True

    def __iter__(self) -> Iterator[str]:
        return iter({**self._needed, **self._own})

    def __len__(self) -> int:
        return len({**self._needed, **self._own})


def read_caller_facts(identified: Identified, *, address: str) -> Mapping[str, Value]:
    """Return what is known of who asks, and from where."""
    found: dict[str, Value] = {"aws:sourceip": address or None}
    if identified.principal is None:
        return {**found, **NOBODY}
    session: Any = identified.session
    if session is not None:
        issued = getattr(session, "issued_at", None)
        found["aws:multifactorauthpresent"] = "false"
        found["aws:tokenissuetime"] = issued.strftime(TIME) if issued else None
        found["aws:sourceidentity"] = getattr(session, "source_identity", None)
        tags: Mapping[str, str] = getattr(session, "session_tags", {})  # they win over those of the role
        found |= {f"aws:principaltag/{name.lower()}": value for name, value in tags.items()}
    return found
