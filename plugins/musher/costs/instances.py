"""Say when more instances pay. Figures belong here once they are measured, as docs/benchmarks.md does."""

from collections.abc import Mapping

EFFICIENCY: Mapping[str, Mapping[int, float]] = {}
"""Architecture -> instances -> images per second of each, relative to one alone. None measured yet."""


def advise_instances(*, architecture: str, instances: int, images: int) -> str | None:
    """Return a sentence about this number of training instances, or None where one instance trains."""
    if instances <= 1:
        return None
    measured = EFFICIENCY.get(architecture, {}).get(instances)
    speed = "" if measured is None else f" Each works at {measured:.0%} of its speed alone."
    return (
        f"instance_count is {instances}, for {images} training images: every instance starts, downloads and "
        f"installs by itself, and all of that is billed.{speed} More than one pays where training takes much "
        "longer than that start; else choose 1"
    )
