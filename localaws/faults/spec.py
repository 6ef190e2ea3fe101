"""What a fault rule asks for: which calls it concerns, at which of them it fires, and what happens then."""

import random
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from fnmatch import fnmatchcase
from typing import Any, ClassVar

ANY = "*"


@dataclass(frozen=True, kw_only=True)
class Selector:
    """Which calls a rule concerns. Patterns are globs."""

    service: str
    """The name as boto3.client takes it, or `*`."""
    action: str = ANY
    """The operation, as in botocore's model."""
    resource: str = ANY
    """A name in the request."""
    principal: str = ANY
    """The ARN of the caller, or of its role."""
    signing_name: str = ANY
    operations: frozenset[str] = frozenset()
    """The service's operations that `action` names."""

    def concerns(self, *, service: str, action: str) -> bool:
        """Tell whether a call by the service's name in signatures is meant, whoever makes it."""
        if self.service == ANY:
            return fnmatchcase(action, self.action)
        return service == self.signing_name and action in self.operations

    def admits(self, *, names: Iterable[str], principals: Iterable[str]) -> bool:
        """Tell whether the request's names and its caller are meant."""
        is_resource = self.resource == ANY or any(fnmatchcase(name, self.resource) for name in names)
        if not is_resource or self.principal == ANY:
            return is_resource
        return any(fnmatchcase(arn, self.principal) for arn in principals)

    def as_document(self) -> dict[str, Any]:
        """Return the members as they are posted, without those that say nothing."""
        given = {name: getattr(self, name) for name in ("service", "action", "resource", "principal")}
        return {name: value for name, value in given.items() if value != ANY or name == "service"}


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """At which of the calls that a rule concerns it fires: at each, where nothing is said."""

    nth: int | None = None
    """At this call, counted from 1."""
    every: int | None = None
    """At each call whose number this divides."""
    first: int | None = None
    """At so many calls from the first."""
    probability: float | None = None
    seed: int = 0
    times: int | None = None
    """How often at most."""

    def fires(self, call: int, *, fired: int) -> bool:
        """Tell whether the rule fires at its call of this number, having fired so often.

        What chance decides follows from seed and number alone, whatever was asked before.
        """
        if self.times is not None and fired >= self.times:
            return False
        if self.nth is not None:
            return call == self.nth
        if self.every is not None:
            return call % self.every == 0
        if self.first is not None:
            return call <= self.first
        if self.probability is not None:
            return random.Random(f"{self.seed}:{call}").random() < self.probability  # noqa: S311 - no secret
        return True

    def as_document(self) -> dict[str, Any]:
        """Return the members as they are posted, without those that say nothing."""
        members = {name: value for name, value in asdict(self).items() if value is not None}
        return members if self.probability is not None else without(members, "seed")


def without(members: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return members but one."""
    return {key: value for key, value in members.items() if key != name}


@dataclass(frozen=True, kw_only=True)
class Throttle:
    """Refuse the call by the service's own error for too many."""

    kind: ClassVar[str] = "throttle"
    retry_after_s: int = 1
    """Value of Retry-After, which Lambda sends."""


@dataclass(frozen=True, kw_only=True)
class ServerError:
    """Refuse the call by the service's own error for its failures."""

    kind: ClassVar[str] = "error"
    status: int = 500


@dataclass(frozen=True, kw_only=True)
class Timeout:
    """Leave the call without an answer, and without effect, until the client goes away."""

    kind: ClassVar[str] = "timeout"
    hold_s: float = 120.0
    """Real seconds after which the connection is reset."""


@dataclass(frozen=True, kw_only=True)
class ResetBeforeEffect:
    """Reset the connection; the call has not taken place."""

    kind: ClassVar[str] = "reset_before_effect"


@dataclass(frozen=True, kw_only=True)
class ResetAfterEffect:
    """Let the call take place, and reset the connection without an answer."""

    kind: ClassVar[str] = "reset_after_effect"


@dataclass(frozen=True, kw_only=True)
class TruncatedBody:
    """Send half of the answer's body, of which Content-Length says more."""

    kind: ClassVar[str] = "truncated_body"


@dataclass(frozen=True, kw_only=True)
class Slow:
    """Let the call wait before it takes place."""

    kind: ClassVar[str] = "slow"
    delay_ms: int
    """Real milliseconds."""


@dataclass(frozen=True, kw_only=True)
class StaleRead:
    """Answer a read with its previous answer, where that is no older than `for_s`."""

    kind: ClassVar[str] = "stale_read"
    for_s: float
    """AWS seconds."""


@dataclass(frozen=True, kw_only=True)
class Kill:
    """Kill child processes (SIGKILL, with all that they started)."""

    kind: ClassVar[str] = "kill"
    child: str
    """What the process is."""
    name: str = ANY
    """Glob for its job, endpoint or function, or for the process's own name."""
    count: int = 1
    """How many at most, in the order of their names."""


@dataclass(frozen=True, kw_only=True)
class SpotInterruption:
    """Take the instances of managed spot training jobs away, or Spot Instances of EC2.

    `job` is a job's name, or an instance's id or tag `Name`, or how one of them begins. Every set of
    instances counts `after_s` seconds of its work for itself. New instances of a job are found
    `capacity_after_s` seconds after the old ones are gone.
    """

    kind: ClassVar[str] = "spot_interruption"
    job: str
    after_s: float = 0.0
    capacity_after_s: float = 0.0

    def applies(self, *, job: str, trained_s: float) -> bool:
        """Tell whether the instances of this job are to be taken now."""
        return job.startswith(self.job) and trained_s >= self.after_s


@dataclass(frozen=True, kw_only=True)
class BootFailure:
    """Let EC2 instances never boot: nothing of their user data runs, and their status check fails."""

    kind: ClassVar[str] = "boot_failure"
    instance: str
    """An instance's id or tag `Name`, or how one of them begins."""

    def applies(self, names: Iterable[str]) -> bool:
        """Tell whether an instance by one of these names does not boot."""
        return any(name.startswith(self.instance) for name in names)


@dataclass(frozen=True, kw_only=True)
class NoCapacity:
    """Let EC2 have no such instance left: RunInstances and StartInstances are refused."""

    kind: ClassVar[str] = "no_capacity"
    instance_type: str = ANY
    zone: str = ANY
    """Globs."""

    def applies(self, *, instance_type: str, zone: str) -> bool:
        """Tell whether there is none of this type in this zone."""
        return fnmatchcase(instance_type, self.instance_type) and fnmatchcase(zone, self.zone)


Effect = (
    Throttle
    | ServerError
    | Timeout
    | ResetBeforeEffect
    | ResetAfterEffect
    | TruncatedBody
    | Slow
    | StaleRead
    | Kill
    | SpotInterruption
    | BootFailure
    | NoCapacity
)
WITHOUT_CALLS = (SpotInterruption.kind, BootFailure.kind, NoCapacity.kind)
"""Kinds of rules that no call makes fire."""


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One rule."""

    id: str
    effect: Effect
    selector: Selector | None = None
    """None where no call makes it fire: it is about instances, or kills at once."""
    schedule: Schedule = field(default_factory=Schedule)

    def as_document(self) -> dict[str, Any]:
        """Return the rule as it is posted, with its defaults."""
        selected = self.selector.as_document() if self.selector else {}
        effect = {each.name: getattr(self.effect, each.name) for each in fields(self.effect)}
        return {"id": self.id, "kind": self.effect.kind} | selected | self.schedule.as_document() | effect


@dataclass(frozen=True, kw_only=True)
class Rate:
    """How many requests an account may make of a service in a region.

    Each operation has a bucket of its own, or all share one.
    """

    service: str
    actions: tuple[str, ...]
    per_s: float
    """Tokens that come back in an AWS second."""
    burst: float
    """Tokens of a full bucket."""
    is_shared: bool = False
    selectors: tuple[Selector, ...] = ()

    def concerns(self, *, service: str, action: str) -> bool:
        """Tell whether a call takes a token of this rate."""
        return any(selector.concerns(service=service, action=action) for selector in self.selectors)

    def as_document(self) -> dict[str, Any]:
        """Return the rate as it is put."""
        members = {"service": self.service, "actions": list(self.actions), "per_s": self.per_s}
        return members | {"burst": self.burst, "shared": self.is_shared}
