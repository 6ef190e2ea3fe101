"""How a call is broken: the rules that a running localaws is given for one case."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from benchmarks.chaos.sites import Site

Rule = Mapping[str, Any]

ATTEMPTS = 2
"""How often botocore tries a call here (AWS_MAX_ATTEMPTS), where the pipeline does not say so itself."""

HELD_S, DELAY_MS = 0.5, 700
STALE_S = 3600.0
"""AWS seconds for which an answer may be stale: longer than a case lasts."""

PIPELINE = "arn:aws:iam::*:root"
"""Who calls: the pipeline, not a job, a function, or who compares the end states."""


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One way to break a call."""

    rules: Callable[[Site], list[Rule]]
    concerns: Callable[[Site], bool]
    is_death: bool = False
    """Whether the task's process is killed once the rule has fired."""


def one(kind: str, **members: Any) -> Callable[[Site], list[Rule]]:
    """Return what makes the rule for one call."""
    return lambda site: [_rule(site, kind, site.number, **members)]


def lasting(kind: str, **members: Any) -> Callable[[Site], list[Rule]]:
    """Return what makes the rules for all of botocore's tries, so that Airflow has to try the task again."""
    return lambda site: [_rule(site, kind, site.number + more, **members) for more in range(ATTEMPTS)]


def _rule(site: Site, kind: str, number: int, **members: Any) -> Rule:
    called = {"service": site.service, "action": site.action, "principal": PIPELINE, "nth": number}
    return {"kind": kind, **called, **members}


def _any(site: Site) -> bool:
    return True


def _writes(site: Site) -> bool:
    return not site.is_read


def _may_be_stale(site: Site) -> bool:
    return site.is_read and site.service != "s3" and not site.is_first


def _has_body(site: Site) -> bool:
    return site.action != "HeadObject"


FAULTS: dict[str, Fault] = {
    "throttle": Fault(rules=one("throttle"), concerns=_writes),
    "throttled": Fault(rules=lasting("throttle"), concerns=_any),
    "error-500": Fault(rules=lasting("error", status=500), concerns=_any),
    "error-503": Fault(rules=lasting("error", status=503), concerns=_writes),
    "timeout": Fault(rules=one("timeout", hold_s=HELD_S), concerns=_writes),
    "reset-before": Fault(rules=lasting("reset_before_effect"), concerns=_any),
    "reset-after": Fault(rules=one("reset_after_effect"), concerns=_writes),
    "lost": Fault(rules=lasting("reset_after_effect"), concerns=_writes),
    "truncated": Fault(rules=one("truncated_body"), concerns=_has_body),
    "slow": Fault(rules=one("slow", delay_ms=DELAY_MS), concerns=_writes),
    "stale": Fault(rules=one("stale_read", for_s=STALE_S), concerns=_may_be_stale),
    "kill-before": Fault(rules=one("timeout", hold_s=30.0), concerns=_any, is_death=True),
    "kill-after": Fault(rules=one("slow", delay_ms=DELAY_MS), concerns=_writes, is_death=True),
    "kill-instance": Fault(
        rules=one("kill", child="endpoint_instance", count=10),
        concerns=lambda site: site.action in ("DescribeEndpoint", "CreateAlias", "RegisterScalableTarget"),
    ),
    "kill-environment": Fault(
        rules=one("kill", child="execution_environment", count=10),
        concerns=lambda site: site.service == "lambda" and site.action in ("Invoke", "GetAlias"),
    ),
}
"""Faults by name. A death's rule holds the call, so that nothing takes place, or lets it take place later."""
