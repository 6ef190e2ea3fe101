"""What moto's tests find otherwise on localaws than on moto's server, and why: `differences.toml`."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from scripts.moto_suite.suite import FAILED, Outcome

LISTED = Path(__file__).with_name("differences.toml")
KINDS = ("refused", "otherwise", "absent", "stock", "open")
"""AWS refuses it; AWS answers otherwise; localaws says that it lacks it; moto's server fails too; undone."""


@dataclass(frozen=True, kw_only=True)
class Difference:
    """Tests that fail here for one reason."""

    service: str
    kind: str
    because: str
    """What AWS says, or what localaws does not have."""
    page: str = ""
    """AWS's page about it; none where localaws, or moto's own server, is the reason."""
    tests: tuple[str, ...]
    may_pass: bool = False
    """Whether how fast the machine is decides if they fail: states run on between two of their calls."""


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """What the list does not know of, and what it knows that is not so any more."""

    unknown: Mapping[str, str]
    """Test -> pytest's message."""
    outdated: tuple[str, ...]
    """Tests that are listed, and pass or are gone."""

    def __str__(self) -> str:
        lines = [f"{test} fails: {message[:2000]}" for test, message in self.unknown.items()]
        lines += [f"{test} is listed and does not fail" for test in self.outdated]
        return "\n".join(lines)


def read_differences(path: Path = LISTED) -> list[Difference]:
    """Return all that is listed; raises TypeError for members that an entry does not have."""
    document = tomllib.loads(path.read_text())
    return [Difference(**entry | {"tests": tuple(entry["tests"])}) for entry in document["difference"]]


def compare(service: str, outcomes: Mapping[str, Outcome], known: list[Difference]) -> Comparison:
    """Hold what came of a service's tests against the list."""
    entries = [entry for entry in known if entry.service == service]
    listed = {test for entry in entries for test in entry.tests}
    must_fail = {test for entry in entries for test in entry.tests if not entry.may_pass}
    gone = listed - set(outcomes)
    failed = {test: outcome.message for test, outcome in outcomes.items() if outcome.status == FAILED}
    return Comparison(
        unknown={test: message for test, message in failed.items() if test not in listed},
        outdated=tuple(sorted((must_fail - set(failed)) | gone)),
    )
