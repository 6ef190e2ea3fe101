"""Actions of CloudWatch Logs whose members moto passes over."""

import json
from typing import Any

from moto.logs.exceptions import InvalidParameterException
from moto.logs.responses import LogsResponse

_filter_log_events = LogsResponse.filter_log_events


def add_actions() -> None:
    """Give moto's CloudWatch Logs the actions of this module."""
    setattr(LogsResponse, filter_log_events.__name__, filter_log_events)


def filter_log_events(response: LogsResponse) -> Any:
    """Answer FilterLogEvents with the streams of logStreamNamePrefix, where it is given.

    https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilterLogEvents.html
    """
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
