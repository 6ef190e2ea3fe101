"""Actions of CloudWatch Logs whose members moto passes over."""

import json
from typing import Any

from moto.logs import models
from moto.logs.exceptions import InvalidParameterException
from moto.logs.responses import LogsResponse

from localaws.cloudwatch_logs.events import kept_events
from localaws.cloudwatch_logs.patterns import EventFilter, PatternError, compile_pattern
from localaws.cloudwatch_logs.reading import filter_log_events as find_log_events
from localaws.cloudwatch_logs.reading import get_log_events, read_times

_filter_log_events = LogsResponse.filter_log_events
_put_subscription_filter = LogsResponse.put_subscription_filter
_send_log_events = models.LogStream._send_log_events


def add_actions() -> None:
    """Give moto's CloudWatch Logs the actions of this module."""
    for action in (filter_log_events, put_subscription_filter):
        setattr(LogsResponse, action.__name__, action)
    setattr(models, "EventMessageFilter", EventFilter)  # noqa: B010 - moto's reads one term only
    for owner, name, replacement in (
        (models.LogStream, "_send_log_events", send_log_events),
        (models.LogStream, "events", kept_events),
        (models.LogStream, "_update", read_times),
        (models.LogStream, "get_log_events", get_log_events),
        (models.LogGroup, "filter_log_events", find_log_events),
    ):
        setattr(owner, name, replacement)


def check_pattern(response: LogsResponse) -> None:
    """Refuse a filter pattern that is none, or of a kind that is not built."""
    try:
        compile_pattern(response._get_param("filterPattern") or "")
    except PatternError as error:
        raise InvalidParameterException(msg=str(error)) from error


def put_subscription_filter(response: LogsResponse) -> Any:
    """Answer PutSubscriptionFilter, whose pattern is read when it is put."""
    check_pattern(response)
    return _put_subscription_filter(response)


def send_log_events(
    stream: models.LogStream, *, filter_name: str, log_events: list[dict[str, Any]], **options: Any
) -> None:
    """Send a subscription the events that fit its pattern."""
    pattern = stream.log_group.subscription_filters[filter_name].filter_pattern
    fits = compile_pattern(pattern or "")
    if wanted := [event for event in log_events if fits(event["message"])]:
        _send_log_events(stream, filter_name=filter_name, log_events=wanted, **options)


def filter_log_events(response: LogsResponse) -> Any:
    """Answer FilterLogEvents, with the streams of logStreamNamePrefix where it is given.

    https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilterLogEvents.html
    """
    check_pattern(response)
    prefix = response._get_param("logStreamNamePrefix")
    if prefix is None:
        return _filter_log_events(response)
    if response._get_param("logStreamNames"):
        raise InvalidParameterException(msg="logStreamNamePrefix and logStreamNames cannot be given together")
    group = response.logs_backend.groups.get(response._get_param("logGroupName"))
    names = [name for name in (group.streams if group else ()) if name.startswith(prefix)]
    if group is not None and not names:
        return json.dumps({"events": [], "searchedLogStreams": []})
    response.body = json.dumps(json.loads(response.body) | {"logStreamNames": names})
    return _filter_log_events(response)
