"""What carries actions out: who is told, what a failure leaves behind, and when it ends."""

import json
import queue
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

import pytest
from moto.sns.models import sns_backends

from localaws.clock import ManualClock
from localaws.cloudwatch.alarms.alarm import StateChange, StateView, new_alarm
from localaws.cloudwatch.alarms.delivery import Delivery, service_of
from localaws.cloudwatch.alarms.spec import read_spec
from localaws.errors import LocalAwsError
from localaws.functions.arns import Target
from tests.unit.localaws.cloudwatch.conftest import ALARM

ACCOUNT = "123456789012"
TOPIC = f"arn:aws:sns:us-east-1:{ACCOUNT}:t"
FUNCTION = f"arn:aws:lambda:eu-west-1:{ACCOUNT}:function:f"
Outcomes = queue.Queue[tuple[str, str | None]]


@dataclass
class Functions:
    """A service that runs functions: it keeps what is queued."""

    queued: list[tuple[Target, dict[str, Any]]] = field(default_factory=list)
    error: Exception | None = None

    def queue_from_thread(self, target: Target, payload: bytes) -> None:
        """Keep the event, or fail as told."""
        if self.error:
            raise self.error
        self.queued.append((target, json.loads(payload)))


@dataclass
class Topic:
    """A topic that keeps what is published."""

    published: list[tuple[str, str]] = field(default_factory=list)

    def publish(self, message: str, subject: str) -> None:
        """Keep the message."""
        self.published.append((subject, message))


@pytest.fixture
def functions() -> Functions:
    """Return a service that runs functions."""
    return Functions()


@pytest.fixture
def deliver(functions: Functions) -> Generator[Callable[..., tuple[str, str | None]], None, None]:
    """Yield what carries one action of an alarm out and returns its outcome."""
    context = SimpleNamespace(services=[functions], find_service=lambda kind: functions)
    delivery = Delivery(cast(Any, context))

    def carry_out(arn: str, **members: Any) -> tuple[str, str | None]:
        outcomes: Outcomes = queue.Queue()
        delivery.start(
            change_to(AlarmActions=[arn], **members), outcome=lambda arn, error: outcomes.put((arn, error))
        )
        return outcomes.get(timeout=60)

    yield carry_out
    delivery.close()


def change_to(state: str = "ALARM", **members: Any) -> StateChange:
    """Return a change of an alarm."""
    now = ManualClock().now()
    alarm = new_alarm(read_spec(ALARM | members), account_id=ACCOUNT, region="us-east-1", now=now)
    view = StateView(value=state, reason="r", reason_data=None, since=now)
    change = alarm.enter(view, is_by_hand=False)
    assert change is not None
    return change


@pytest.mark.parametrize(("suffix", "qualifier"), [("", None), (":live", "live"), (":3", "3")])
def test_a_function_is_queued_the_event_in_its_own_region(
    deliver: Callable[..., Any], functions: Functions, suffix: str, qualifier: str | None
) -> None:
    assert deliver(FUNCTION + suffix) == (FUNCTION + suffix, None)
    ((target, event),) = functions.queued
    assert target == Target(account_id=ACCOUNT, region="eu-west-1", name="f", qualifier=qualifier)
    assert event["alarmData"]["state"]["value"] == "ALARM"


def test_a_topic_gets_subject_and_message(
    deliver: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    topic = Topic()
    monkeypatch.setitem(sns_backends[ACCOUNT]["us-east-1"].topics, TOPIC, topic)
    assert deliver(TOPIC, AlarmName="n" * 200) == (TOPIC, None)
    ((subject, message),) = topic.published
    assert (len(subject), subject[:9]) == (100, 'ALARM: "n')
    assert json.loads(message)["AlarmName"] == "n" * 200


def test_a_topic_that_is_not_there_is_an_error(deliver: Callable[..., Any]) -> None:
    arn = f"arn:aws:sns:us-east-1:{ACCOUNT}:nobody"
    assert deliver(arn) == (arn, f"Resource: {arn} does not exist")


def test_nobody_scales(deliver: Callable[..., Any]) -> None:
    arn = f"arn:aws:autoscaling:us-east-1:{ACCOUNT}:scalingPolicy:0:resource/r:policyName/p"
    assert deliver(arn)[1] == "localaws does not carry scaling policies out"


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (LocalAwsError("no such function"), "no such function"),
        (KeyError("surprise"), "localaws: KeyError: 'surprise'"),
    ],
)
def test_a_failure_is_told_and_the_next_action_is_carried_out(
    deliver: Callable[..., Any], functions: Functions, error: Exception, said: str
) -> None:
    functions.error = error
    assert deliver(FUNCTION)[1] == said
    functions.error = None
    assert deliver(FUNCTION)[1] is None


def test_only_the_actions_of_the_new_state_are_carried_out(functions: Functions) -> None:
    context = SimpleNamespace(services=[functions], find_service=lambda kind: functions)
    delivery = Delivery(cast(Any, context))
    outcomes: Outcomes = queue.Queue()
    change = change_to("OK", AlarmActions=[FUNCTION], OKActions=[f"{FUNCTION}:ok"])
    delivery.start(change, outcome=lambda arn, error: outcomes.put((arn, error)))
    assert outcomes.get(timeout=60) == (f"{FUNCTION}:ok", None)
    delivery.close()
    assert [target.qualifier for target, _ in functions.queued] == ["ok"]


def test_a_state_that_goes_on_does_not_call_functions_again(functions: Functions) -> None:
    delivery = Delivery(cast(Any, SimpleNamespace(services=[functions])))
    delivery.repeat(change_to(AlarmActions=[FUNCTION]))
    delivery.close()
    assert functions.queued == []


@pytest.mark.parametrize(("arn", "service"), [(TOPIC, "sns"), (FUNCTION, "lambda")])
def test_the_service_of_an_arn(arn: str, service: str) -> None:
    assert service_of(arn) == service
