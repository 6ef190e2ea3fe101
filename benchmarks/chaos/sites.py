"""Where a run can be broken: the calls that an undisturbed one makes, and which of them are tried."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

READS = ("Describe", "Get", "List", "Head")
BOTO3_NAMES = {"monitoring": "cloudwatch", "servicequotas": "service-quotas"}
"""Name in signatures -> name for boto3 and for fault rules, where they differ."""

POLLED = 3
"""A read that is made so often waits for something: how often, differs from run to run."""


@dataclass(frozen=True, kw_only=True)
class Site:
    """One call of a part of the pipeline."""

    part: str
    service: str
    action: str
    position: str
    """Such as first or last: as it is named in a case."""
    number: int
    """Its number among the part's calls of this operation, from 1."""

    @property
    def is_read(self) -> bool:
        """Return whether the call changes nothing."""
        return self.action.startswith(READS)

    @property
    def is_first(self) -> bool:
        """Return whether no call of this operation comes before."""
        return self.number == 1

    @property
    def name(self) -> str:
        """Return the name, which begins those of its cases."""
        return f"{self.part}/{self.service}:{self.action}/{self.position}"


@dataclass(frozen=True, kw_only=True)
class Calls:
    """What an undisturbed run calls, in order, and from which call on it only reports and tears down."""

    made: tuple[tuple[str, str], ...]
    """Service and operation of each call."""
    ends_at: int


def read_calls(events: Iterable[Mapping[str, Any]], *, principal: str, ends_at: int) -> Calls:
    """Return a principal's calls; the names of the services are boto3's."""
    made = [
        (BOTO3_NAMES.get(str(event["service"]), str(event["service"])), str(event["action"]))
        for event in events
        if str(event["principal"]) == principal
    ]
    return Calls(made=tuple(made), ends_at=ends_at)


def list_sites(part: str, calls: Calls, *, has_ends: bool) -> Iterator[Site]:
    """Yield the calls to break: of each operation the first one, and the second or the last.

    Those of the run's ends are counted by themselves: the first of these, and the last.
    """
    before, ends = Counter(calls.made[: calls.ends_at]), Counter(calls.made[calls.ends_at :])
    for (service, action), count in before.items():
        numbers = {"first": 1}
        if count > 1:
            is_polled = count >= POLLED and action.startswith(READS)
            numbers |= {"second": 2} if is_polled else {"last": count}
        for position, number in numbers.items():
            yield Site(part=part, service=service, action=action, position=position, number=number)
    for (service, action), count in ends.items() if has_ends else ():
        made = before[service, action]
        if made >= POLLED and action.startswith(READS):
            continue  # how often it was asked before is not known
        numbers = {"first-at-end": made + 1} | ({"last-at-end": made + count} if count > 1 else {})
        for position, number in numbers.items():
            yield Site(part=part, service=service, action=action, position=position, number=number)
