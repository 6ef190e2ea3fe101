"""Judge what a function answered to more requests at the same time than it has reserved.

https://docs.aws.amazon.com/lambda/latest/dg/lambda-concurrency.html
"""

from collections import Counter
from collections.abc import Iterable

ANSWERED = "answered"
THROTTLED = "ReservedFunctionConcurrentInvocationLimitExceeded"
"""The Reason of AWS's 429 where a function has all that is reserved in use."""


def judge_probe(outcomes: Iterable[str], *, reserved: int) -> str | None:
    """Return what is wrong with the outcomes of `reserved` + 1 requests at once; None where nothing is.

    An outcome is ANSWERED, THROTTLED, or what else came in words.
    """
    counts = Counter(outcomes)
    others = [outcome for outcome in counts if outcome not in (ANSWERED, THROTTLED)]
    if others:
        return f"{sum(counts[other] for other in others)} failed otherwise: {'; '.join(sorted(others))}"
    if (counts[ANSWERED], counts[THROTTLED]) == (reserved, 1):
        return None
    return (
        f"{reserved} are reserved, and of {counts.total()} requests at once {counts[ANSWERED]} were answered "
        f"and {counts[THROTTLED]} throttled"
    )


def is_foreseen(outcomes: Iterable[str]) -> bool:
    """Return whether nothing but answers and throttles came: then the requests may only not have met."""
    return set(outcomes) <= {ANSWERED, THROTTLED}
