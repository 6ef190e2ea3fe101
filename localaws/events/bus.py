"""Hand an event to the targets of the rules that it fits.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-targets.html
"""

import copy
import json
import logging
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Protocol, runtime_checkable

from moto.core.utils import unix_time_millis
from moto.events.models import Rule, events_backends
from moto.events.utils import EventTemplateParser
from moto.logs.models import logs_backends
from moto.sns.models import sns_backends
from moto.sqs.models import sqs_backends

from localaws import context
from localaws.functions.arns import Target

logger = logging.getLogger(__name__)

INGESTED = "ingestion-time"
"""What moto's input transformers need, and no target is sent."""

stock_send = Rule.send_to_targets


@runtime_checkable
class QueuesEvents(Protocol):
    """The service that runs functions."""

    def queue_from_thread(self, target: Target, payload: bytes) -> None:
        """Queue an event, as an asynchronous Invoke does; raise what that would."""
        ...


def publish(event: dict[str, Any]) -> None:
    """Hand an event of a service to the default bus of its account and region; nothing waits for it."""
    bus = events_backends[event["account"]][event["region"]].event_buses["default"]
    for rule in list(bus.rules.values()):
        if not is_meant(rule, event):
            continue
        for target in list(rule.targets):
            try:
                deliver(rule, target, event)
            except Exception as error:  # noqa: BLE001 - the service that the event is of goes on
                logger.warning("rule %s: %s got no event: %s", rule.name, target["Arn"], error)


def is_meant(rule: Rule, event: Any) -> bool:
    """Tell whether a rule is on, and is for such events; one with a schedule alone is for none."""
    pattern = rule.event_pattern
    return rule.state != "DISABLED" and bool(pattern.get_pattern()) and pattern.matches_event(event)


def deliver(rule: Rule, target: Mapping[str, Any], event: dict[str, Any]) -> None:
    """Hand an event to one target."""
    service = target["Arn"].split(":")[2]
    if service not in SENDERS:
        with_target = copy.copy(rule)
        with_target.targets = [dict(target)]
        given: Any = event | {INGESTED: event["time"]}
        stock_send(with_target, given)
        return
    SENDERS[service](rule, target, write_input(target, event))


def write_input(target: Mapping[str, Any], event: dict[str, Any]) -> str:
    """Return what a target is sent: the event, a part of it, or something else."""
    if "Input" in target:
        return str(target["Input"])
    if transformer := target.get("InputTransformer"):
        return json.dumps(transform(transformer, event))
    found: Any = {name: value for name, value in event.items() if name != INGESTED}
    for name in target.get("InputPath", "$").split(".")[1:]:
        found = found[name]
    return json.dumps(found)


def transform(transformer: Mapping[str, Any], event: dict[str, Any]) -> Any:
    """Return what an input transformer makes of an event."""
    given: Any = event | {INGESTED: event["time"]}
    return EventTemplateParser.parse(
        input_template=transformer["InputTemplate"],
        input_paths_map=transformer.get("InputPathsMap") or {},
        event=given,
    )


def send_to_queue(rule: Rule, target: Mapping[str, Any], message: str) -> None:
    """Put a message into a queue."""
    _, _, _, region, account_id, name = target["Arn"].split(":", 5)
    group = (target.get("SqsParameters") or {}).get("MessageGroupId")
    sqs_backends[account_id][region].send_message(queue_name=name, message_body=message, group_id=group)


def send_to_logs(rule: Rule, target: Mapping[str, Any], message: str) -> None:
    """Write a line into a log group, in a stream of its own, as EventBridge does."""
    _, _, _, region, account_id, _, group = target["Arn"].split(":")[:7]
    backend, stream = logs_backends[account_id][region], str(uuid.uuid4())
    backend.create_log_stream(group, stream)
    event = {"timestamp": int(unix_time_millis()), "message": message}
    backend.groups[group].put_log_events(stream, [event])


def send_to_topic(rule: Rule, target: Mapping[str, Any], message: str) -> None:
    """Publish a message."""
    _, _, _, region, account_id, _ = target["Arn"].split(":", 5)
    sns_backends[account_id][region].publish(message, arn=target["Arn"])


def call_function(rule: Rule, target: Mapping[str, Any], message: str) -> None:
    """Queue an event of a function."""
    _, _, _, region, account_id, _, name, *rest = target["Arn"].split(":")
    called = Target(account_id=account_id, region=region, name=name, qualifier=rest[0] if rest else None)
    kind: Any = QueuesEvents  # a protocol, which mypy takes for an abstract class
    service: QueuesEvents = context.current().find_service(kind)
    service.queue_from_thread(called, message.encode())


SENDERS: Mapping[str, Callable[[Rule, Mapping[str, Any], str], None]] = {
    "sqs": send_to_queue,
    "logs": send_to_logs,
    "sns": send_to_topic,
    "lambda": call_function,
}
ABSENT_IN_MOTO = ("lambda", "sns")


def send_to_targets(rule: Rule, original_event: Any, transform_input: bool = True) -> None:
    """Hand on what PutEvents brought, where the rule is on; to functions and topics too: moto fails there."""
    if rule.state == "DISABLED":
        return
    ours = [each for each in rule.targets if each["Arn"].split(":")[2] in ABSENT_IN_MOTO]
    theirs = copy.copy(rule)
    theirs.targets = [each for each in rule.targets if each not in ours]
    stock_send(theirs, original_event, transform_input)
    if not ours or not rule.event_pattern.matches_event(original_event):
        return
    for target in ours:
        try:
            SENDERS[target["Arn"].split(":")[2]](rule, target, write_input(target, as_sent(original_event)))
        except Exception as error:  # noqa: BLE001 - PutEvents tells nobody what became of an event
            logger.warning("rule %s: %s got no event: %s", rule.name, target["Arn"], error)


def as_sent(event: Mapping[str, Any]) -> dict[str, Any]:
    """Return an event of PutEvents, whose time is a number, as targets get it."""
    moment = event["time"]
    if isinstance(moment, int | float):
        moment = f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%dT%H:%M:%SZ}"
    return {**event, "time": moment}


def install() -> None:
    """Put this in the place of moto's."""
    setattr(Rule, "send_to_targets", send_to_targets)  # noqa: B010 - mypy refuses to assign a method
