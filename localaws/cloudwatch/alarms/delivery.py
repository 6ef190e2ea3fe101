"""What an alarm does as it enters a state: tell a topic, call a function, hand on to a scaling policy.

What is sent: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Notify_Users_Alarm_Changes.html
and https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-actions-Lambda.html
"""

import logging
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol, runtime_checkable

from moto.core.exceptions import JsonRESTError, ServiceException
from moto.sns.models import sns_backends

from localaws.cloudwatch.alarms import notices
from localaws.cloudwatch.alarms.alarm import StateChange
from localaws.context import Context
from localaws.errors import LocalAwsError
from localaws.functions.arns import Target

logger = logging.getLogger(__name__)

WORKERS = 2
"""Threads that deliver; a topic's subscribers are called one after the other."""


@runtime_checkable
class ActsOnPolicies(Protocol):
    """The service that scales. Where there is none, an alarm's history says that its action failed."""

    def act_on_alarm(self, change: StateChange, *, policy_arn: str) -> None:
        """Carry a policy out; called as an alarm enters a state, and each minute that it stays there."""
        ...


@runtime_checkable
class QueuesEvents(Protocol):
    """The service that runs functions."""

    def queue_from_thread(self, target: Target, payload: bytes) -> None:
        """Queue an event, as an asynchronous Invoke does; raise what that would."""
        ...


Outcome = Callable[[str, str | None], None]
"""Told the ARN of an action, and why it failed or None."""


class Delivery:
    """Carry the actions of alarms out, in the background."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._executor = ThreadPoolExecutor(max_workers=WORKERS, thread_name_prefix="alarm-action")

    def start(self, change: StateChange, *, outcome: Outcome) -> None:
        """Carry out every action of the state that an alarm has entered; returns at once."""
        for arn in change.spec.actions.get(change.now.value, ()):
            self._executor.submit(self._deliver, arn, change, outcome)

    def repeat(self, change: StateChange) -> None:
        """Hand a state that goes on to the scaling policies among its actions: they act each minute."""
        if not self._scalers():
            return
        for arn in change.spec.actions.get(change.now.value, ()):
            if service_of(arn) == "autoscaling":
                self._executor.submit(self._deliver, arn, change, None)

    def close(self) -> None:
        """Start nothing more."""
        self._executor.shutdown(wait=False, cancel_futures=True)

    def _deliver(self, arn: str, change: StateChange, outcome: Outcome | None) -> None:
        error = None
        try:
            SENDERS[service_of(arn)](self, arn, change)
        except (LocalAwsError, ServiceException, JsonRESTError) as failure:
            error = str(failure)
        except Exception as failure:  # the thread's boundary: the alarm's history says what went wrong
            logger.exception("alarm %s: action %s failed", change.spec.name, arn)
            error = f"localaws: {type(failure).__name__}: {failure}"
        if outcome is not None:
            outcome(arn, error)

    def _notify_topic(self, arn: str, change: StateChange) -> None:
        _, _, _, region, account_id, _ = arn.split(":", 5)
        topic = sns_backends[account_id][region].topics.get(arn)
        if topic is None:
            raise LocalAwsError(f"Resource: {arn} does not exist")
        topic.publish(notices.topic_message(change), subject=notices.subject(change)[:100])

    def _call_function(self, arn: str, change: StateChange) -> None:
        _, _, _, region, account_id, _, name, *rest = arn.split(":")
        target = Target(account_id=account_id, region=region, name=name, qualifier=rest[0] if rest else None)
        service: QueuesEvents = self._context.find_service(QueuesEvents)  # type: ignore[type-abstract]  # a protocol
        service.queue_from_thread(target, notices.function_event(change))

    def _scale(self, arn: str, change: StateChange) -> None:
        scalers = self._scalers()
        if not scalers:
            raise LocalAwsError("localaws does not carry scaling policies out")
        scalers[0].act_on_alarm(change, policy_arn=arn)

    def _scalers(self) -> list[ActsOnPolicies]:
        return [service for service in self._context.services if isinstance(service, ActsOnPolicies)]


SENDERS: Mapping[str, Callable[[Delivery, str, StateChange], None]] = {
    "sns": Delivery._notify_topic,
    "lambda": Delivery._call_function,
    "autoscaling": Delivery._scale,
}


def service_of(arn: str) -> str:
    """Return the service that an ARN belongs to."""
    return arn.split(":", 3)[2]
