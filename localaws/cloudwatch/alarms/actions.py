"""CloudWatch actions on alarms."""

import json
from datetime import datetime
from typing import Any, cast

from moto.cloudwatch.exceptions import InvalidFormat, InvalidParameterCombination, ValidationError
from moto.cloudwatch.responses import CloudWatchResponse
from moto.core.responses import ActionResult, EmptyResult

from localaws.cloudwatch import wording
from localaws.cloudwatch.actions import ASCENDING
from localaws.cloudwatch.alarms.alarm import HistoryItem, LocalAlarm
from localaws.cloudwatch.alarms.backend import AlarmFilter, AlarmsMixin, fitting
from localaws.cloudwatch.queries import moment
from localaws.cloudwatch.spec import requested_key
from localaws.cloudwatch.validation import check_dimensions, epoch_s
from localaws.paging import cut_page

ALARMS_PAGE, HISTORY_PAGE = 50, 100
"""Items in an answer to a request that names no MaxRecords."""


class AlarmActions(CloudWatchResponse):
    """Overrides of moto's CloudWatchResponse, and DescribeAlarmHistory, which it lacks."""

    @property
    def _alarms(self) -> AlarmsMixin:
        return cast(AlarmsMixin, self.cloudwatch_backend)

    def put_metric_alarm(self) -> ActionResult:
        """Serve PutMetricAlarm."""
        self._alarms.put_alarm(dict(self._get_params()))
        return EmptyResult()

    def describe_alarms(self) -> ActionResult:
        """Serve DescribeAlarms; there are no composite alarms."""
        names, prefix = self._get_param("AlarmNames", []), self._get_param("AlarmNamePrefix")
        if names and prefix:
            raise InvalidParameterCombination("AlarmNames and AlarmNamePrefix cannot be used together")
        for member in ("ChildrenOfAlarmName", "ParentsOfAlarmName"):
            if self._get_param(member):
                raise ValidationError(f"localaws has no composite alarms, which {member} is about")
        wanted = AlarmFilter(
            names=names,
            name_prefix=prefix or "",
            state=self._get_param("StateValue"),
            action_prefix=self._get_param("ActionPrefix"),
        )
        found = fitting(self._alarms.local_alarms(), wanted) if self._wants_metric_alarms() else []
        page, following = self._page(found, default=ALARMS_PAGE)
        answer = {"MetricAlarms": [alarm.described() for alarm in page], "CompositeAlarms": []}
        return ActionResult(answer | following)

    def _wants_metric_alarms(self) -> bool:
        kinds = self._get_param("AlarmTypes", [])
        return not kinds or "MetricAlarm" in kinds

    def _page(self, items: Any, *, default: int) -> tuple[Any, dict[str, str]]:
        size = self._get_param("MaxRecords")
        token, refusal = self._get_param("NextToken"), wording.invalid_token()
        page, following = cut_page(items, token=token, size=size or default, refusal=refusal)
        return page, {} if following is None else {"NextToken": following}

    def describe_alarms_for_metric(self) -> ActionResult:
        """Serve DescribeAlarmsForMetric: the alarms on exactly this metric, statistic, period and unit."""
        namespace, name = self._get_param("Namespace"), self._get_param("MetricName")
        dimensions = self._get_param("Dimensions", [])
        check_dimensions(dimensions, parameter="Dimensions")
        key = requested_key(namespace, name, dimensions)
        wanted = {
            member: self._get_param(member) for member in ("Statistic", "ExtendedStatistic", "Period", "Unit")
        }
        found = [
            alarm.described()
            for alarm in self._alarms.local_alarms()
            if alarm.spec.metric == key and _has(alarm, wanted)
        ]
        return ActionResult({"MetricAlarms": found})

    def describe_alarm_history(self) -> ActionResult:
        """Serve DescribeAlarmHistory, the newest first unless asked otherwise."""
        kind, name = self._get_param("HistoryItemType"), self._get_param("AlarmName")
        since = _bound(self._get_param("StartDate"), moment(0))
        until = _bound(self._get_param("EndDate"), datetime.max.replace(tzinfo=since.tzinfo))
        items: list[HistoryItem] = [
            item
            for item in list(self._alarms.history.items)
            if name in (None, item.name) and kind in (None, item.kind) and since <= item.at <= until
        ]
        if self._get_param("ScanBy") != ASCENDING:
            items.reverse()
        page, following = self._page(items if self._wants_metric_alarms() else [], default=HISTORY_PAGE)
        return ActionResult({"AlarmHistoryItems": [item.described() for item in page]} | following)

    def delete_alarms(self) -> ActionResult:
        """Serve DeleteAlarms."""
        self._alarms.delete_known_alarms(self._get_param("AlarmNames", []))
        return EmptyResult()

    def set_alarm_state(self) -> ActionResult:
        """Serve SetAlarmState."""
        data = self._get_param("StateReasonData")
        try:
            json.loads(data or "{}")
        except (ValueError, RecursionError) as error:
            raise InvalidFormat(f"StateReasonData is not JSON: {error}") from error
        name, reason = self._get_param("AlarmName"), self._get_param("StateReason")
        self._alarms.set_alarm_state(name, reason, data, self._get_param("StateValue"))
        return EmptyResult()

    def enable_alarm_actions(self) -> ActionResult:
        """Serve EnableAlarmActions."""
        self._alarms.enable_actions(self._get_param("AlarmNames", []), is_enabled=True)
        return EmptyResult()

    def disable_alarm_actions(self) -> ActionResult:
        """Serve DisableAlarmActions."""
        self._alarms.enable_actions(self._get_param("AlarmNames", []), is_enabled=False)
        return EmptyResult()

    def put_insight_rule(self) -> ActionResult:
        """Refuse PutInsightRule: moto keeps the rule, and nothing would count what it is about."""
        raise NotImplementedError("no rule would be evaluated")


def _has(alarm: LocalAlarm, wanted: dict[str, Any]) -> bool:
    return all(value is None or alarm.spec.request.get(name) == value for name, value in wanted.items())


def _bound(given: datetime | None, default: datetime) -> datetime:
    return default if given is None else moment(epoch_s(given))
