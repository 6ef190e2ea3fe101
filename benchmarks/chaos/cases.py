"""What a case is, and what came of it."""

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmarks.chaos.faults import FAULTS, Fault
from benchmarks.chaos.parts import BY_NAME
from benchmarks.chaos.sites import Site

UNDISTURBED = "undisturbed"


@dataclass(frozen=True, kw_only=True)
class Case:
    """One call of a part, broken in one way."""

    site: Site
    fault_name: str

    @property
    def name(self) -> str:
        """Return the name, as --case takes it: live/sagemaker:UpdateEndpoint/first/reset-after."""
        return f"{self.site.name}/{self.fault_name}"

    @property
    def fault(self) -> Fault:
        """Return how the call is broken."""
        return FAULTS[self.fault_name]


@dataclass(kw_only=True)
class Outcome:
    """What came of a case."""

    case: str
    fired: int = 0
    """How often the fault took place. 0: the run made no such call, and the case shows nothing."""
    is_finished: bool = False
    """Whether the run's process ended by itself, within its limit."""
    failed: list[str] = field(default_factory=list)
    """Tasks that have failed for good."""
    different: list[str] = field(default_factory=list)
    """What is not as after the undisturbed run."""
    duplicates: list[str] = field(default_factory=list)
    """What was made twice for one purpose: jobs, versions of a model or a function."""
    orphans: list[str] = field(default_factory=list)
    """What is there after the teardown, and is not after that of the undisturbed run."""
    seconds: float = 0.0
    log: str = ""

    @property
    def is_undisturbed(self) -> bool:
        """Return whether nothing was broken."""
        return self.case.endswith(f"/{UNDISTURBED}")

    @property
    def is_same(self) -> bool:
        """Return whether the run ended as the undisturbed one does."""
        return self.is_finished and not (self.failed or self.different or self.duplicates or self.orphans)


def list_cases(sites: Iterable[Site]) -> list[Case]:
    """Return each site with each fault that makes sense there."""
    return [
        Case(site=site, fault_name=name)
        for site in sites
        for name, fault in FAULTS.items()
        if fault.concerns(site) and name not in BY_NAME[site.part].rests
    ]


def draw(cases: Sequence[Case], *, count: int, seed: int) -> list[Case]:
    """Draw some cases, in the order of the parts; the same ones for the same seed."""
    if count >= len(cases):
        return list(cases)
    drawn = set(random.Random(seed).sample(range(len(cases)), count))
    return [case for number, case in enumerate(cases) if number in drawn]


def mix(cases: Sequence[Case], *, seed: int) -> list[Case]:
    """Return the cases in an order in which the first ones are of all parts; the same for the same seed."""
    return random.Random(seed).sample(cases, len(cases))


def summarise(outcomes: Sequence[Outcome], *, seconds: float) -> dict[str, Any]:
    """Return the figures; a run without a fault is no case, nor is one whose fault did not take place.

    `steady` tells whether the undisturbed runs end alike: else no case shows anything.
    """
    steady = [each for each in outcomes if each.is_undisturbed]
    broken = [each for each in outcomes if not each.is_undisturbed]
    shown = [each for each in broken if each.fired]
    return {
        "cases": len(shown),
        "same_end_state": sum(each.is_same for each in shown),
        "duplicates": sum(len(each.duplicates) for each in shown),
        "orphans": sum(len(each.orphans) for each in shown),
        "not_fired": len(broken) - len(shown),
        "steady": all(each.is_same for each in steady),
        "seconds": round(seconds, 1),
    }
