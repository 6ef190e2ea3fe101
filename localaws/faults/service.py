"""The routes to the fault rules.

GET    /_localaws/faults         every rule, with its calls and how often it fired; the rates
PUT    /_localaws/faults         {"rules": [...], "api_limits": "aws"}: these, and no others, with new counts
POST   /_localaws/faults         one rule more; a kill that names no service takes place at once
DELETE /_localaws/faults         forget everything
DELETE /_localaws/faults/ID      forget one rule
GET    /_localaws/faults/fired   what has fired: when, at which call, with which outcome
"""

import json
from pathlib import Path
from typing import Any

from localaws.asgi import Request, Response, Router, aws_error
from localaws.clock import Clock
from localaws.errors import FaultRuleError
from localaws.faults.children import KINDS, kill
from localaws.faults.members import Members, read_document
from localaws.faults.rule_book import Faults
from localaws.faults.spec import Kill, Rate, Rule
from localaws.faults.validation import aws_rates, parse_rates, parse_rule, parse_rules
from localaws.processes import Supervisor

PATH = "/_localaws/faults"
MAX_BODY_BYTES = 256 * 1024


def parse_document(content: bytes) -> tuple[list[Rule], tuple[Rate, ...]]:
    """Read rules and rates; raises FaultRuleError naming the member that is wrong."""
    members = Members(read_document(content))
    members.check_names({"rules", "api_limits"}, of="the body")
    rules = parse_rules(members.raw("rules") if "rules" in members else [])
    return rules, parse_rates(members.raw("api_limits"))


def load_faults(path: Path | None, *, with_api_limits: bool) -> Faults:
    """Return the rules that localaws starts with; raises FaultRuleError naming file and member."""
    rules: list[Rule] = []
    rates: tuple[Rate, ...] = ()
    if path is not None:
        try:
            rules, rates = parse_document(path.read_bytes())
        except OSError as error:
            raise FaultRuleError(f"--faults {path} cannot be read: {error.strerror}") from error
        except FaultRuleError as error:
            raise FaultRuleError(f"--faults {path}: {error}") from error
    faults = Faults()
    faults.replace(rules, rates=aws_rates() if with_api_limits else rates)
    return faults


class FaultService:
    """The routes to the rules."""

    def __init__(self, faults: Faults, *, clock: Clock, supervisor: Supervisor) -> None:
        self._faults = faults
        self._clock = clock
        self._supervisor = supervisor

    def register(self, router: Router) -> None:
        """Add the routes."""
        router.add("GET", PATH, self._get)
        router.add("PUT", PATH, self._put)
        router.add("POST", PATH, self._post)
        router.add("DELETE", PATH, self._delete)
        router.add("DELETE", f"{PATH}/(?P<id>[^/]+)", self._delete_one)
        router.add("GET", f"{PATH}/fired", self._get_fired)

    async def stop(self) -> None:
        """Have nothing to end."""

    def describe(self) -> dict[str, list[dict[str, Any]]]:
        """Return the rules for the status page."""
        return {"faults": self._faults.describe()}

    async def _get(self, request: Request) -> Response:
        document = {"rules": self._faults.describe(), "api_limits": self._faults.describe_rates()}
        return _json(document)

    async def _put(self, request: Request) -> Response:
        try:
            rules, rates = parse_document(await request.body(limit_bytes=MAX_BODY_BYTES))
        except FaultRuleError as error:
            return _refusal(error)
        self._faults.replace(rules, rates=rates)
        return await self._get(request)

    async def _post(self, request: Request) -> Response:
        try:
            rule = parse_rule(read_document(await request.body(limit_bytes=MAX_BODY_BYTES)))
            if isinstance(rule.effect, Kill) and rule.selector is None:
                return _json(self._kill(rule, rule.effect), status=201)
            return _json(self._faults.add(rule), status=201)
        except FaultRuleError as error:
            return _refusal(error)

    def _kill(self, rule: Rule, order: Kill) -> dict[str, Any]:
        """Kill at once; raises FaultRuleError where there is nothing to kill."""
        running = self._supervisor.running()
        killed = kill(running, order)
        if not killed:
            names = ", ".join(
                sorted(child.name for child in running if KINDS[order.child].fullmatch(child.name))
            )
            raise FaultRuleError(
                f"name is {order.name!r}; no {order.child} matches it; running: {names or 'none'}"
            )
        event = self._faults.note_kill(rule, now=self._clock.now().isoformat())
        event.outcome = f"killed {', '.join(killed)}"
        return rule.as_document() | {"killed": killed}

    async def _delete(self, request: Request) -> Response:
        return _json({"cleared": self._faults.clear()})

    async def _delete_one(self, request: Request) -> Response:
        rule_id = request.params["id"]
        if self._faults.remove(rule_id):
            return _json({"cleared": 1})
        message = f"there is no fault rule {rule_id[:100]!r}"
        return aws_error(status=404, code="ResourceNotFound", message=message)

    async def _get_fired(self, request: Request) -> Response:
        return _json({"fired": self._faults.describe_events()})


def _refusal(error: FaultRuleError) -> Response:
    return aws_error(status=400, code="ValidationException", message=str(error))


def _json(document: dict[str, Any], *, status: int = 200) -> Response:
    return Response(
        status=status, body=json.dumps(document).encode(), headers={"content-type": "application/json"}
    )
