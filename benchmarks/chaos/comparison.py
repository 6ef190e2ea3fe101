"""Hold what a disturbed run has left against what the undisturbed one left."""

from collections import Counter
from dataclasses import dataclass

from benchmarks.chaos.cases import Outcome
from benchmarks.chaos.end_state import State, differences, split_kind

ONCE = ("training job", "tuning job", "processing job", "transform job", "model package")
"""Kinds of which a run makes one for each purpose."""


@dataclass(frozen=True, kw_only=True)
class Ends:
    """What a run had made before its teardown, what was there after it, and localaws's processes then."""

    released: State
    left: State
    children: list[str]


def compare(wanted: Ends, found: Ends, outcome: Outcome) -> None:
    """Write into the outcome what is different, what is there twice, and what should be gone."""
    wanted_kinds, kinds = (Counter(map(split_kind, ends.left)) for ends in (wanted, found))
    outcome.duplicates = [
        f"{kinds[kind]} x {kind} instead of {wanted_kinds[kind]}"
        for kind in ONCE
        if kinds[kind] > wanted_kinds[kind]
    ]
    outcome.orphans = [
        name for name in found.left if name not in wanted.left and split_kind(name) not in ONCE
    ]
    if len(found.children) > len(wanted.children):
        outcome.orphans += [f"processes: {', '.join(found.children)}"]
    before = [f"before the teardown: {line}" for line in differences(*map(_released, (wanted, found)))]
    outcome.different = before + differences(wanted.left, found.left)


def _released(ends: Ends) -> State:
    """Return what there was before the teardown, which may come before a report that is tried again."""
    return {name: told for name, told in ends.released.items() if "/reports/" not in name}
