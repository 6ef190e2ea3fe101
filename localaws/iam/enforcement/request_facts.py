"""The condition keys that every request has: who asks, from where, when.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import cached_property

from localaws.faults.asked import Asked
from localaws.iam.enforcement.authentication import Identified
from localaws.iam.enforcement.principals import find_tags
from localaws.iam.evaluation import Known

Value = str | Sequence[str] | None
TIME = "%Y-%m-%dT%H:%M:%SZ"
VOLATILE = frozenset(
    (
        "aws:currenttime",
        "aws:epochtime",
        "aws:tokenissuetime",
        "aws:userid",
        "aws:useragent",
        "aws:sourceip",
        "aws:referer",
        "s3:x-amz-content-sha256",
    )
)
"""Keys that differ from one call to the next like it: who records calls leaves them out."""


class RequestFacts(Mapping[str, Value]):
    """What is known of a request, read where a policy asks; what nobody knows is not in the request."""

    def __init__(self, read: Callable[[], Mapping[str, Value]], needed: Mapping[str, Value]) -> None:
        self._read = read
        self._needed = needed

    @cached_property
    def _own(self) -> Mapping[str, Value]:
        return self._read()

    def __getitem__(self, key: str) -> Value:
        found = self._own.get(key)
        return self._needed.get(key) if found is None else found

    def __contains__(self, key: object) -> bool:
        return True

    def __iter__(self) -> Iterator[str]:
        return iter({**self._needed, **self._own})

    def __len__(self) -> int:
        return len({**self._needed, **self._own})


class Circumstances:
    """Who asks, from where, when: read once for all that a request needs."""

    def __init__(self, asked: Asked, identified: Identified, *, address: str, now: datetime) -> None:
        self._asked = asked
        self._identified = identified
        self._address = address
        self._now = now

    def facts(self, needed: Mapping[str, Value]) -> RequestFacts:
        """Return them together with what is known of one thing that is needed."""
        return RequestFacts(lambda: self._all, needed)

    @cached_property
    def _all(self) -> Mapping[str, Value]:
        headers = self._asked.request.headers
        found: dict[str, Value] = {
            "aws:currenttime": self._now.strftime(TIME),
            "aws:epochtime": str(int(self._now.timestamp())),
            "aws:requestedregion": self._asked.region,
            # a request over plain HTTP on loopback stands for one over HTTPS
            "aws:securetransport": "true",
            "aws:sourceip": self._address or None,
            "aws:useragent": headers.get("user-agent"),
            "aws:referer": headers.get("referer"),
            "aws:viaawsservice": "false",
        }
        return Known(found | self._principal())

    def _principal(self) -> dict[str, Value]:
        principal, session = self._identified.principal, self._identified.session
        if principal is None:
            return {"aws:principaltype": "Anonymous"}
        found: dict[str, Value] = {
            "aws:principalaccount": principal.account_id,
            "aws:principalarn": principal.condition_arn,
            "aws:principalisawsservice": "false",
            "aws:userid": principal.user_id,
        }
        if session is not None:
            issued = getattr(session, "issued_at", None)
            found["aws:principaltype"] = "AssumedRole"
            found["aws:multifactorauthpresent"] = "false"
            found["aws:tokenissuetime"] = issued.strftime(TIME) if issued else None
            found["aws:sourceidentity"] = getattr(session, "source_identity", None)
        elif principal.as_caller().is_root:
            found["aws:principaltype"] = "Account"
        else:
            found["aws:principaltype"] = "User"
            found["aws:username"] = principal.arn.rpartition("/")[2]
        tags = find_tags(self._identified)
        return found | {f"aws:principaltag/{name}".lower(): value for name, value in tags.items()}
