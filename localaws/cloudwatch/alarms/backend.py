"""The alarms part of the CloudWatch backend: alarms that are evaluated, and act."""

import logging
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from moto.cloudwatch.exceptions import ResourceNotFound, ValidationError

from localaws import context as contexts
from localaws.cloudwatch import wording
from localaws.cloudwatch.alarms.alarm import History, LocalAlarm, StateChange, StateView, new_alarm
from localaws.cloudwatch.alarms.delivery import Delivery
from localaws.cloudwatch.alarms.spec import ACTION_MEMBERS, read_spec
from localaws.cloudwatch.alarms.states import STATES
from localaws.cloudwatch.alarms.validation import check_alarm
from localaws.cloudwatch.alarms.watch import is_due, look, read_values
from localaws.cloudwatch.backend import MetricsMixin
from localaws.cloudwatch.service import CloudWatchService

logger = logging.getLogger(__name__)

MAX_DELETED = 100
"""Alarms in one DeleteAlarms."""


@dataclass(frozen=True, kw_only=True)
class AlarmFilter:
    """What DescribeAlarms asks for; every condition must hold."""

    names: Sequence[str] = ()
    name_prefix: str = ""
    state: str | None = None
    action_prefix: str | None = None

    def fits(self, alarm: LocalAlarm) -> bool:
        """Tell whether an alarm is asked for."""
        described = alarm.spec.described()
        actions = [arn for member in ACTION_MEMBERS.values() for arn in described[member]]
        return (
            (not self.names or alarm.name in self.names)
            and alarm.name.startswith(self.name_prefix)
            and self.state in (None, alarm.state_value)
            and (self.action_prefix is None or any(arn.startswith(self.action_prefix) for arn in actions))
        )


class AlarmsMixin(MetricsMixin):
    """Metric alarms. moto's own `alarms` holds ours, so that its other services find them."""

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self._alarm_lock = threading.RLock()
        self.history = History()

    def local_alarms(self) -> list[LocalAlarm]:
        """Return every alarm, by name."""
        alarms: Mapping[str, Any] = self.alarms
        with self._alarm_lock:
            return [alarms[name] for name in sorted(alarms)]

    def find_alarm(self, name: str) -> LocalAlarm:
        """Return an alarm; raises ResourceNotFound."""
        alarm: Any = self.alarms.get(name)
        if alarm is None:
            raise ResourceNotFound(f"Alarm {name} does not exist")
        return alarm  # type: ignore[no-any-return]

    def state_of(self, name: str) -> str:
        """Return the state of an alarm; empty where there is none of that name."""
        alarm: Any = self.alarms.get(name)
        return "" if alarm is None else str(alarm.state_value)

    def recent_values(self, name: str) -> list[float]:
        """Return the values in the evaluation periods of an alarm that have ended, the oldest first."""
        return read_values(
            self.find_alarm(name).spec, store_of=self.metric_store, now=contexts.current().clock.now()
        )

    def put_alarm(self, request: Mapping[str, Any]) -> LocalAlarm:
        """Create an alarm, in INSUFFICIENT_DATA, or replace its configuration and leave its state."""
        check_alarm(request)
        spec, now = read_spec(request), contexts.current().clock.now()
        alarms: dict[str, Any] = self.alarms
        with self._alarm_lock:
            known: LocalAlarm | None = alarms.get(spec.name)
            alarm = known or new_alarm(spec, account_id=self.account_id, region=self.region_name, now=now)
            alarm.spec, alarm.configured = spec, now
            alarm.actions_enabled = request.get("ActionsEnabled") is not False
            alarms[spec.name] = alarm
            self.history.configured(alarm, verb="updated" if known else "created", at=now)
        if known is None and request.get("Tags"):
            self.tagger.tag_resource(alarm.alarm_arn, list(request["Tags"]))
        return alarm

    def put_metric_alarm(self, *args: Any, **members: Any) -> Any:
        """Create an alarm for another service of moto (Application Auto Scaling calls it so)."""
        request = {
            "".join(part.capitalize() for part in name.split("_")): value
            for name, value in members.items()
            if value not in (None, [])
        }
        request["AlarmName"] = request.pop("Name")
        request["AlarmDescription"] = request.pop("Description", None)
        return self.put_alarm(request)

    def delete_alarms(self, alarm_names: list[str]) -> None:
        """Delete alarms, and leave what is not there."""
        now = contexts.current().clock.now()
        with self._alarm_lock:
            for name in alarm_names:
                alarm: Any = self.alarms.pop(name, None)
                if alarm is not None:
                    self.tagger.delete_all_tags_for_resource(alarm.alarm_arn)
                    self.history.configured(alarm, verb="deleted", at=now)

    def delete_known_alarms(self, names: Sequence[str]) -> None:
        """Delete alarms as DeleteAlarms does: none where one of them is not there."""
        if len(names) > MAX_DELETED:
            raise ValidationError(f"AlarmNames may have {MAX_DELETED} members at most, not {len(names)}.")
        with self._alarm_lock:
            for name in names:
                self.find_alarm(name)
            self.delete_alarms(list(names))

    def set_alarm_state(self, alarm_name: str, reason: str, reason_data: str, state_value: str) -> None:
        """Put an alarm into a state, until the next evaluation; its actions are carried out."""
        if state_value not in STATES:
            raise wording.enum(state_value, "stateValue", STATES)
        with self._alarm_lock:
            alarm = self.find_alarm(alarm_name)
            state = StateView(
                value=state_value,
                reason=reason,
                reason_data=reason_data or None,
                since=contexts.current().clock.now(),
            )
            change = alarm.enter(state, is_by_hand=True)
        if change is not None:
            self._carry_out(alarm, change, delivery=alarm_delivery())

    def enable_actions(self, names: Sequence[str], *, is_enabled: bool) -> None:
        """Let alarms act, or no more; names that are not there are left."""
        with self._alarm_lock:
            for alarm in self.local_alarms():
                if alarm.name in names:
                    alarm.actions_enabled = is_enabled

    def evaluate_alarms(self, *, before_s: float, now_s: float, delivery: Delivery) -> None:
        """Evaluate the alarms that are due between two ticks."""
        for alarm in self.local_alarms():
            if not is_due(alarm.spec, before_s=before_s, now_s=now_s):
                continue
            try:
                self._evaluate(alarm, delivery=delivery)
            except Exception:  # one alarm's trouble must not keep the others from being looked at
                logger.exception("alarm %s was not evaluated", alarm.name)

    def _evaluate(self, alarm: LocalAlarm, *, delivery: Delivery) -> None:
        alarms: Mapping[str, Any] = self.alarms
        with self._alarm_lock:
            if alarms.get(alarm.name) is not alarm:
                return  # deleted since the tick began
            change = look(alarm, store_of=self.metric_store, now=contexts.current().clock.now())
        if change is not None:
            self._carry_out(alarm, change, delivery=delivery)
        elif alarm.actions_enabled:
            delivery.repeat(alarm.as_change())

    def _carry_out(self, alarm: LocalAlarm, change: StateChange, *, delivery: Delivery) -> None:
        self.history.changed(change)
        if alarm.actions_enabled:
            delivery.start(change, outcome=partial(self._acted, change.spec.name))

    def _acted(self, name: str, arn: str, error: str | None) -> None:
        self.history.acted(name, arn, error=error, at=contexts.current().clock.now())


def alarm_delivery() -> Delivery:
    """Return what carries alarms' actions out in the running localaws."""
    return contexts.current().find_service(CloudWatchService).delivery


def fitting(alarms: Iterable[LocalAlarm], wanted: AlarmFilter) -> list[LocalAlarm]:
    """Return the alarms that a filter fits."""
    return [alarm for alarm in alarms if wanted.fits(alarm)]
