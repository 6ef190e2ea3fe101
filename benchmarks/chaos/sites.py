"""Where a run can be broken: the calls that an undisturbed one makes, and which of them are tried."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

READS = ("Describe", "Get", "List", "Head")
BOTO3_NAMES = {"monitoring": "cloudwatch"}
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
    """first, second or last: as it is named in a case."""
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


def count_calls(events: Iterable[Mapping[str, Any]], *, principal: str) -> dict[tuple[str, str], int]:
    """Count what a principal has called, by service and operation, in the order of the first calls."""
    counts: dict[tuple[str, str], int] = {}
    for event in events:
        if str(event["principal"]) == principal:
            service = str(event["service"])
            key = BOTO3_NAMES.get(service, service), str(event["action"])
            counts[key] = counts.get(key, 0) + 1
    return counts


def list_sites(part: str, counts: Mapping[tuple[str, str], int]) -> Iterator[Site]:
    """Yield the calls to break: of each operation the first one, and the second or the last."""
    for (service, action), count in counts.items():
        yield Site(part=part, service=service, action=action, position="first", number=1)
        if count >= POLLED and action.startswith(READS):
            yield Site(part=part, service=service, action=action, position="second", number=2)
        elif count > 1:
            yield Site(part=part, service=service, action=action, position="last", number=count)
