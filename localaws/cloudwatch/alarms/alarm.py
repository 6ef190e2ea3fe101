"""One metric alarm: its configuration, its state, and what has become of it."""

import json
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from moto.cloudwatch.utils import make_arn_for_alarm

from localaws.cloudwatch.alarms import wording
from localaws.cloudwatch.alarms.spec import AlarmSpec
from localaws.cloudwatch.alarms.states import INSUFFICIENT_DATA

HISTORY_KEPT = 2_000
"""Items of all alarms of a region that are kept (AWS keeps them for 30 days)."""
STATE, CONFIGURATION, ACTION = "StateUpdate", "ConfigurationUpdate", "Action"
HISTORY_TYPES = (STATE, CONFIGURATION, ACTION)


@dataclass(frozen=True, kw_only=True)
class StateView:
    """A state with its reason, and since when."""

    value: str
    reason: str
    reason_data: str | None
    since: datetime

    def as_history(self) -> dict[str, Any]:
        """Return it as HistoryData writes it."""
        found: dict[str, Any] = {"stateValue": self.value, "stateReason": self.reason}
        return found | ({"stateReasonData": json.loads(self.reason_data)} if self.reason_data else {})


@dataclass(frozen=True, kw_only=True)
class StateChange:
    """An alarm that has entered a state."""

    spec: AlarmSpec
    arn: str
    account_id: str
    region: str
    configured: datetime
    before: StateView
    now: StateView


@dataclass(kw_only=True)
class LocalAlarm:
    """A metric alarm. Attributes that moto's own services read have the names that moto gives them."""

    account_id: str
    region_name: str
    spec: AlarmSpec
    configured: datetime
    state: StateView
    transitioned: datetime
    actions_enabled: bool = True
    is_by_hand: bool = True
    """Whether the state is not one that an evaluation has found: the next one gives its own reason."""
    rule: None = None
    """moto's mark of a composite alarm, which this never is."""

    @property
    def name(self) -> str:
        """AlarmName."""
        return self.spec.name

    @property
    def alarm_arn(self) -> str:
        """AlarmArn."""
        return make_arn_for_alarm(self.region_name, self.account_id, self.name)

    @property
    def state_value(self) -> str:
        """StateValue."""
        return self.state.value

    @property
    def alarm_actions(self) -> list[str]:
        """AlarmActions."""
        return list(self.spec.described()["AlarmActions"])

    def enter(self, state: StateView, *, is_by_hand: bool) -> StateChange | None:
        """Take a state, or only its reason; return the change where it is one."""
        before, self.state, self.is_by_hand = self.state, state, is_by_hand
        if before.value == state.value:
            return None
        self.transitioned = state.since
        return self._change(before=before)

    def as_change(self) -> StateChange:
        """Return the state that goes on, for what acts on it again and again."""
        return self._change(before=self.state)

    def _change(self, *, before: StateView) -> StateChange:
        return StateChange(
            spec=self.spec,
            arn=self.alarm_arn,
            account_id=self.account_id,
            region=self.region_name,
            configured=self.configured,
            before=before,
            now=self.state,
        )

    def described(self) -> dict[str, Any]:
        """Return the alarm as DescribeAlarms answers it."""
        found = self.spec.described() | {
            "AlarmName": self.name,
            "AlarmArn": self.alarm_arn,
            "AlarmConfigurationUpdatedTimestamp": self.configured,
            "ActionsEnabled": self.actions_enabled,
            "StateValue": self.state.value,
            "StateReason": self.state.reason,
            "StateUpdatedTimestamp": self.state.since,
            "StateTransitionedTimestamp": self.transitioned,
        }
        return found | ({"StateReasonData": self.state.reason_data} if self.state.reason_data else {})


def new_alarm(spec: AlarmSpec, *, account_id: str, region: str, now: datetime) -> LocalAlarm:
    """Return an alarm that nothing has been looked at for."""
    initial = StateView(value=INSUFFICIENT_DATA, reason=wording.INITIAL, reason_data=None, since=now)
    return LocalAlarm(
        account_id=account_id,
        region_name=region,
        spec=spec,
        configured=now,
        state=initial,
        transitioned=now,
    )


@dataclass(frozen=True, kw_only=True)
class HistoryItem:
    """One thing that happened to an alarm."""

    name: str
    kind: str
    summary: str
    data: Mapping[str, Any]
    at: datetime

    def described(self) -> dict[str, Any]:
        """Return it as DescribeAlarmHistory answers it."""
        return {
            "AlarmName": self.name,
            "AlarmType": "MetricAlarm",
            "Timestamp": self.at,
            "HistoryItemType": self.kind,
            "HistorySummary": self.summary,
            "HistoryData": json.dumps({"version": "1.0", **self.data}, default=str),
        }


@dataclass(kw_only=True)
class History:
    """What happened to the alarms of a region, the oldest first; the oldest are dropped."""

    items: deque[HistoryItem] = field(default_factory=lambda: deque(maxlen=HISTORY_KEPT))

    def configured(self, alarm: LocalAlarm, *, verb: str, at: datetime) -> None:
        """Note that an alarm was created, updated or deleted."""
        kind = {"created": "Create", "updated": "Update", "deleted": "Delete"}[verb]
        data = {"type": kind, f"{verb}Alarm": alarm.spec.described() | {"alarmName": alarm.name}}
        self._add(alarm.name, CONFIGURATION, f'Alarm "{alarm.name}" {verb}', data, at=at)

    def changed(self, change: StateChange) -> None:
        """Note that an alarm has changed its state."""
        summary = f"Alarm updated from {change.before.value} to {change.now.value}"
        data = {"oldState": change.before.as_history(), "newState": change.now.as_history()}
        self._add(change.spec.name, STATE, summary, data, at=change.now.since)

    def acted(self, name: str, arn: str, *, error: str | None, at: datetime) -> None:
        """Note what has become of an action."""
        data = {"actionState": "Failed" if error else "Succeeded", "notificationResource": arn}
        summary = f"Successfully executed action {arn}"
        if error:
            summary, data["error"] = f"Failed to execute action {arn}. {error}", error
        self._add(name, ACTION, summary, data, at=at)

    def _add(self, name: str, kind: str, summary: str, data: Mapping[str, Any], *, at: datetime) -> None:
        self.items.append(HistoryItem(name=name, kind=kind, summary=summary, data=data, at=at))
