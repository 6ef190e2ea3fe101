"""Faults on demand: rules that a person or a test posts, and that the parts of localaws act upon.

    POST   /_localaws/faults   {"kind": "spot_interruption", "job": "musher-train", "after_s": 60, "times": 1}
    GET    /_localaws/faults   every rule, with how often it has fired
    DELETE /_localaws/faults   forget all rules

All durations are AWS seconds. A rule that has fired `times` times stays in the list and does nothing more.
"""

import json
import secrets
import threading
from dataclasses import asdict, dataclass, field
from typing import Any

from localaws.asgi import Request, Response, Router, aws_error
from localaws.errors import FaultRuleError

PATH = "/_localaws/faults"
SPOT_INTERRUPTION = "spot_interruption"
MAX_S = 10 * 365 * 86_400
"""AWS seconds of a rule; more than any job lasts."""


@dataclass(kw_only=True)
class SpotInterruption:
    """Take the instances of managed spot training jobs away, or Spot Instances of EC2.

    `job` is a job's name, or an instance's id or tag `Name`, or how one of them begins. Every set of
    instances counts `after_s` seconds of its work for itself. New instances of a job are found
    `capacity_after_s` seconds after the old ones are gone.
    """

    job: str
    after_s: float = 0.0
    times: int = 1
    capacity_after_s: float = 0.0
    kind: str = SPOT_INTERRUPTION
    fired: int = 0
    id: str = field(default_factory=lambda: secrets.token_hex(4))

    def applies(self, *, job: str, trained_s: float) -> bool:
        """Tell whether the rule takes the instances of this job now."""
        return self.fired < self.times and job.startswith(self.job) and trained_s >= self.after_s


class Faults:
    """The rules of one localaws. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rules: list[SpotInterruption] = []

    def add(self, rule: SpotInterruption) -> None:
        """Put a rule behind the others."""
        with self._lock:
            self._rules.append(rule)

    def clear(self) -> int:
        """Forget all rules; return how many there were."""
        with self._lock:
            count = len(self._rules)
            self._rules.clear()
        return count

    def describe(self) -> list[dict[str, Any]]:
        """Return the rules as JSON objects, the oldest first."""
        with self._lock:
            return [asdict(rule) for rule in self._rules]

    def take_interruption(self, *, job: str, trained_s: float) -> SpotInterruption | None:
        """Return the first rule that interrupts this job now, counted as fired, or None."""
        with self._lock:
            for rule in self._rules:
                if rule.applies(job=job, trained_s=trained_s):
                    rule.fired += 1
                    return rule
        return None


def parse_rule(content: bytes) -> SpotInterruption:
    """Read a posted rule; raises FaultRuleError naming the member that is wrong."""
    try:
        values = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise FaultRuleError(f"the body is not JSON: {error}") from error
    if not isinstance(values, dict):
        raise FaultRuleError("the body must be a JSON object")
    allowed = {"kind", "job", "after_s", "times", "capacity_after_s"}
    if unknown := sorted(set(values) - allowed):
        raise FaultRuleError(f"unknown member {unknown[0]!r}; a rule has {', '.join(sorted(allowed))}")
    if values.get("kind") != SPOT_INTERRUPTION:
        raise FaultRuleError(f"kind is {values.get('kind')!r}; it must be {SPOT_INTERRUPTION!r}")
    if not isinstance(values.get("job"), str) or not values["job"]:
        raise FaultRuleError(f"job is {values.get('job')!r}; it must be a job's name, or how one begins")
    times = values.get("times", 1)
    if not isinstance(times, int) or isinstance(times, bool) or times < 1:
        raise FaultRuleError(f"times is {times!r}; it must be a whole number from 1")
    return SpotInterruption(
        job=values["job"],
        times=times,
        after_s=_seconds(values, "after_s"),
        capacity_after_s=_seconds(values, "capacity_after_s"),
    )


def _seconds(values: dict[str, Any], name: str) -> float:
    value = values.get(name, 0)
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= MAX_S:
        raise FaultRuleError(f"{name} is {value!r}; it must be a number of AWS seconds from 0 to {MAX_S}")
    return float(value)


class FaultService:
    """The routes to the rules."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults

    def register(self, router: Router) -> None:
        """Add the three routes."""
        router.add("POST", PATH, self._post)
        router.add("GET", PATH, self._get)
        router.add("DELETE", PATH, self._delete)

    async def stop(self) -> None:
        """Have nothing to end."""

    def describe(self) -> dict[str, list[dict[str, Any]]]:
        """Return the rules for the status page."""
        return {"faults": self._faults.describe()}

    async def _post(self, request: Request) -> Response:
        try:
            rule = parse_rule(await request.body())
        except FaultRuleError as error:
            return aws_error(status=400, code="ValidationException", message=str(error))
        self._faults.add(rule)
        return _json(asdict(rule), status=201)

    async def _get(self, request: Request) -> Response:
        return _json({"faults": self._faults.describe()})

    async def _delete(self, request: Request) -> Response:
        return _json({"cleared": self._faults.clear()})


def _json(document: dict[str, Any], *, status: int = 200) -> Response:
    return Response(
        status=status, body=json.dumps(document).encode(), headers={"content-type": "application/json"}
    )
