"""Tell what concurrency a function is to have, and whether an account has room for it.

https://docs.aws.amazon.com/lambda/latest/dg/lambda-concurrency.html
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from musher.payloads.function_scaling import FunctionScaling, first_number, highest

UNRESERVED_MINIMUM = 100
"""AWS keeps so many concurrent executions for functions that reserve nothing."""


@dataclass(frozen=True, kw_only=True)
class Concurrency:
    """Hold what a function has to itself: `reserved` at most and at least; None: it shares the account's.

    So many environments as `provisioned` are kept started for one of its versions.
    """

    reserved: int | None
    provisioned: int

    @property
    def claim(self) -> int:
        """Return what it takes from the account's unreserved concurrency."""
        return self.provisioned if self.reserved is None else self.reserved


@dataclass(frozen=True, kw_only=True)
class AccountRoom:
    """Hold an account's concurrent executions in one region, and what of them no function has to itself."""

    limit: int
    unreserved: int


def plan_concurrency(params: Mapping[str, Any]) -> Concurrency:
    """Return what the Params ask for; `function_reserved` 0 reserves nothing."""
    return Concurrency(
        reserved=int(params["function_reserved"]) or None, provisioned=int(params["function_provisioned"])
    )


def build_concurrency(params: Mapping[str, Any]) -> dict[str, int | None]:
    """Return the same as a mapping, which travels between tasks."""
    return asdict(plan_concurrency(params))


def while_released(wanted: Concurrency, *, provisioned: int) -> Concurrency:
    """Return what is needed while a version goes live beside one that has `provisioned` already.

    Both are warm until the alias has moved, and AWS takes no reservation below what is provisioned.
    """
    both = provisioned + wanted.provisioned
    reserved = None if wanted.reserved is None else max(wanted.reserved, both)
    return Concurrency(reserved=reserved, provisioned=both)


def find_contradictions(params: Mapping[str, Any]) -> list[str]:
    """Return a sentence where more is provisioned than reserved, which AWS refuses."""
    wanted = plan_concurrency(params)
    if wanted.reserved is None or wanted.provisioned <= wanted.reserved:
        return []
    return [
        f"function_provisioned is {wanted.provisioned}, more than function_reserved, which is "
        f"{wanted.reserved}: what is provisioned is a part of what is reserved. Raise the one or lower the "
        "other; function_reserved 0 reserves nothing."
    ]


def judge_room(
    wanted: Concurrency,
    *,
    has: Concurrency,
    account: AccountRoom,
    scaling: FunctionScaling | None = None,
) -> list[str]:
    """Return a sentence where the account has too little for `wanted`; the function `has` something now.

    Where it scales, there must be room for all that it may grow to: AWS refuses what is too much only as it
    grows, and tells nobody but the scaling activity.
    """
    begins, grown = wanted, wanted
    if scaling is not None:
        number = first_number(scaling, wanted=wanted.provisioned, has=[has.provisioned])
        begins = replace(wanted, provisioned=number)
        grown = replace(wanted, provisioned=highest(scaling))
    peak = while_released(begins, provisioned=has.provisioned)
    room = account.unreserved + has.claim - UNRESERVED_MINIMUM
    if not grown.claim or max(peak.claim, grown.claim) <= room:
        return []
    is_more = grown.claim > wanted.claim
    growth = f", which may grow to {grown.provisioned}" if is_more else ""
    meanwhile = f", {peak.claim} while the version before is warm, too" if peak.claim > grown.claim else ""
    remedy = "Lower function_scale_max and what function_scale_schedule sets" if is_more else "Lower both"
    return [
        f"function_reserved is {wanted.reserved or 0} and function_provisioned {wanted.provisioned}{growth}: "
        f"that takes {grown.claim} of the account's concurrent executions{meanwhile}, and it can give this "
        f"function {max(room, 0)} (its limit is {account.limit}, {account.unreserved} of it unreserved, of "
        f"which AWS keeps {UNRESERVED_MINIMUM}). {remedy}, to 0 if need be, or ask for more concurrent "
        "executions in the Service Quotas console."
    ]
