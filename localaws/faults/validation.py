"""Read rules and rates from JSON; FaultRuleError names the member that makes no sense.

A service, or an operation, that botocore does not know is refused: its rule could never fire.
"""

import functools
import secrets
from fnmatch import fnmatchcase
from typing import Any

from localaws.errors import FaultRuleError
from localaws.faults.children import KINDS as CHILDREN
from localaws.faults.members import Members
from localaws.faults.rates import AWS_RATES
from localaws.faults.spec import (
    ANY,
    WITHOUT_CALLS,
    BootFailure,
    Effect,
    Kill,
    NoCapacity,
    Rate,
    ResetAfterEffect,
    ResetBeforeEffect,
    Rule,
    Schedule,
    Selector,
    ServerError,
    Slow,
    SpotInterruption,
    StaleRead,
    Throttle,
    Timeout,
    TruncatedBody,
)
from localaws.wire.compiler import find_model

MAX_RULES = 200
MAX_RATES = 200
MAX_CALLS = 10**9
MAX_S = 10 * 365 * 86_400
"""AWS seconds of a rule; more than any job lasts."""
MAX_HOLD_S = 3600
"""Real seconds for which a connection is held at most."""
MAX_DELAY_MS = 600_000
SELECTOR = {"service", "action", "resource", "principal"}
MOMENTS = ("nth", "every", "first", "probability")
READS = ("Describe", "Get", "List", "Head", "BatchGet", "Search")
"""How the operations begin that change nothing."""
EFFECTS: dict[str, set[str]] = {
    Throttle.kind: {"retry_after_s"},
    ServerError.kind: {"status"},
    Timeout.kind: {"hold_s"},
    ResetBeforeEffect.kind: set(),
    ResetAfterEffect.kind: set(),
    TruncatedBody.kind: set(),
    Slow.kind: {"delay_ms"},
    StaleRead.kind: {"for_s"},
    Kill.kind: {"child", "name", "count"},
    SpotInterruption.kind: {"job", "after_s", "capacity_after_s"},
    BootFailure.kind: {"instance"},
    NoCapacity.kind: {"instance_type", "zone"},
}
"""Kind -> the members that it alone has."""


def parse_rule(values: Any, *, path: str = "") -> Rule:
    """Read one rule; `path` is where it stands in its document."""
    members = Members(values, path=path)
    kind = members.choice("kind", tuple(EFFECTS))
    is_of_calls = kind not in WITHOUT_CALLS
    moments = {"times", "seed", *MOMENTS} if is_of_calls else {"times"}
    allowed = {"id", "kind"} | EFFECTS[kind] | moments | (SELECTOR if is_of_calls else set())
    members.check_names(allowed, of="a rule of this kind")
    effect = parse_effect(members, kind)
    rule_id = members.id("id", default=secrets.token_hex(4))
    if not is_of_calls:
        times = members.whole("times", least=1, most=MAX_CALLS, default=1)
        return Rule(id=rule_id, effect=effect, schedule=Schedule(times=times))
    if kind == Kill.kind and "service" not in members:
        members.check_names({"id", "kind"} | EFFECTS[kind], of="a kill at once, which names no service,")
        return Rule(id=rule_id, effect=effect)
    selector = parse_selector(members, is_read=kind == StaleRead.kind)
    return Rule(id=rule_id, effect=effect, selector=selector, schedule=parse_schedule(members))


def parse_effect(members: Members, kind: str) -> Effect:
    """Read what happens when a rule of this kind fires."""
    match kind:
        case Throttle.kind:
            return Throttle(retry_after_s=members.whole("retry_after_s", least=0, most=3600, default=1))
        case ServerError.kind:
            return ServerError(status=members.choice("status", (500, 503), default=500))
        case Timeout.kind:
            unit = " of real seconds"
            return Timeout(hold_s=members.number("hold_s", most=MAX_HOLD_S, unit=unit, default=120.0))
        case ResetBeforeEffect.kind:
            return ResetBeforeEffect()
        case ResetAfterEffect.kind:
            return ResetAfterEffect()
        case TruncatedBody.kind:
            return TruncatedBody()
        case Slow.kind:
            return Slow(delay_ms=members.whole("delay_ms", least=1, most=MAX_DELAY_MS))
        case StaleRead.kind:
            return StaleRead(for_s=members.number("for_s", most=MAX_S, unit=" of AWS seconds"))
        case Kill.kind:
            return parse_kill(members)
        case BootFailure.kind:
            return BootFailure(instance=members.text("instance", must="an instance's id or Name"))
        case NoCapacity.kind:
            must = "a glob for an instance type, or a zone"
            return NoCapacity(
                instance_type=members.text("instance_type", default=ANY, must=must),
                zone=members.text("zone", default=ANY, must=must),
            )
        case _:
            return parse_interruption(members)


def parse_kill(members: Members) -> Kill:
    """Read which children are to be killed."""
    return Kill(
        child=members.choice("child", tuple(CHILDREN)),
        name=members.text("name", default=ANY, must="a glob for a job, endpoint or function"),
        count=members.whole("count", least=1, most=1000, default=1),
    )


def parse_interruption(members: Members) -> SpotInterruption:
    """Read whose spot instances are taken away."""
    unit = " of AWS seconds"
    return SpotInterruption(
        job=members.text("job", must="a job's name, or how one begins"),
        after_s=members.number("after_s", most=MAX_S, unit=unit, default=0.0),
        capacity_after_s=members.number("capacity_after_s", most=MAX_S, unit=unit, default=0.0),
    )


def parse_schedule(members: Members) -> Schedule:
    """Read at which calls a rule fires."""
    given = [name for name in MOMENTS if name in members]
    if len(given) > 1:
        raise members.fail(given[1], f"left out: the rule has {given[0]} already")
    if "seed" in members and given != ["probability"]:
        raise members.fail("seed", "left out, unless the rule has a probability")

    def count(name: str) -> int | None:
        return members.whole(name, least=1, most=MAX_CALLS) if name in members else None

    is_chance = "probability" in members
    return Schedule(
        nth=count("nth"),
        every=count("every"),
        first=count("first"),
        probability=members.number("probability", most=1, unit="") if is_chance else None,
        seed=members.whole("seed", least=0, most=2**63, default=0),
        times=count("times"),
    )


def parse_selector(members: Members, *, is_read: bool = False) -> Selector:
    """Read which calls a rule concerns; `is_read` is for rules that make sense for reads only."""
    service = members.text("service", must="a service's name as boto3.client takes it, or *")
    action = members.text("action", default=ANY, must="an operation's name, or a glob")
    signing_name, operations = find_operations(members, service, action)
    if is_read:
        if service in (ANY, "s3"):
            raise members.fail("service", "that of one service, and not S3, whose reads are never stale")
        operations = frozenset(name for name in operations if name.startswith(READS))
        if not operations:
            raise members.fail("action", f"a read: one that begins with {', '.join(READS)}")
    return Selector(
        service=service,
        action=action,
        resource=members.text("resource", default=ANY, must="a glob for a name in the request"),
        principal=members.text("principal", default=ANY, must="a glob for the ARN of who calls"),
        signing_name=signing_name,
        operations=operations,
    )


def find_operations(members: Members, service: str, action: str) -> tuple[str, frozenset[str]]:
    """Return a service's name in signatures, and its operations that a glob names."""
    if service == ANY:
        return ANY, frozenset()
    model = find_model(service)
    if model is None:
        raise members.fail("service", "a service's name as boto3.client takes it, or *")
    operations = frozenset(name for name in model.operation_names if fnmatchcase(name, action))
    if not operations:
        raise members.fail("action", f"an operation of {service}, or a glob that names some")
    return str(model.signing_name), operations


def parse_rules(values: Any) -> list[Rule]:
    """Read the rules of a document; each has an id of its own, and waits for something."""
    if not isinstance(values, list) or len(values) > MAX_RULES:
        raise FaultRuleError(f"rules must be a list of at most {MAX_RULES} rules")
    rules = [parse_rule(each, path=f"rules[{number}]") for number, each in enumerate(values)]
    for number, rule in enumerate(rules):
        if isinstance(rule.effect, Kill) and rule.selector is None:
            raise FaultRuleError(
                f"rules[{number}].service is missing; only a rule that is posted kills at once"
            )
        if rule.id in {other.id for other in rules[:number]}:
            raise FaultRuleError(f"rules[{number}].id is {rule.id!r}; another rule has it")
    return rules


def parse_rates(values: Any) -> tuple[Rate, ...]:
    """Read the rates of a document: "aws", a list, or nothing."""
    if values is None:
        return ()
    if values == "aws":
        return aws_rates()
    if not isinstance(values, list) or len(values) > MAX_RATES:
        raise FaultRuleError(f'api_limits must be "aws", null, or a list of at most {MAX_RATES} rates')
    return tuple(parse_rate(each, path=f"api_limits[{number}]") for number, each in enumerate(values))


@functools.cache
def aws_rates() -> tuple[Rate, ...]:
    """Return AWS's rates."""
    return tuple(parse_rate(each, path="api_limits") for each in AWS_RATES)


def parse_rate(values: Any, *, path: str) -> Rate:
    """Read one rate."""
    members = Members(values, path=path)
    members.check_names({"service", "actions", "per_s", "burst", "shared"}, of="a rate")
    service = members.text("service", must="a service's name as boto3.client takes it")
    actions = members.raw("actions")
    if service == ANY:
        raise members.fail("service", "a service's name as boto3.client takes it")
    if not isinstance(actions, list) or not actions or len(actions) > 100:
        raise members.fail("actions", "a list of operations' names or globs")
    per_s = members.number("per_s", least=0.001, most=1e6, unit=" of requests an AWS second")
    burst = members.number("burst", least=1, most=1e6, unit=" of requests", default=max(per_s, 1.0))
    selectors = tuple(
        parse_selector(Members({"service": service, "action": each}, path=f"{path}.actions[{number}]"))
        for number, each in enumerate(actions)
    )
    return Rate(
        service=service,
        actions=tuple(actions),
        per_s=per_s,
        burst=burst,
        is_shared=members.truth("shared"),
        selectors=selectors,
    )
