"""Let an alias share its calls between two versions, under an alarm on the new one's errors.

Where a shift stands is what the alias says, so that whoever comes back finds it.
"""

import logging
from collections.abc import Mapping
from typing import Any

from airflow.providers.amazon.aws.hooks.base_aws import AwsBaseHook

from musher.hooks.alarms import find_alarm, put_alarms, remove_alarms
from musher.hooks.functions import MusherLambdaHook, weights_of
from musher.payloads.shifts import VERSION

logger = logging.getLogger(__name__)


def shared_percent(alias: Mapping[str, Any] | None, *, version: str) -> int | None:
    """Return the share of an alias's calls that a further version gets; None where it gets none of them."""
    weight = weights_of(alias).get(version)
    return None if weight is None else round(100 * weight)


def share_calls(
    hook: MusherLambdaHook, *, function_name: str, alias: Mapping[str, Any], version: str, percent: int
) -> None:
    """Give a share of an alias's calls to a further version, the rest to that which it stands for."""
    hook.conn.update_alias(
        FunctionName=function_name,
        Name=alias["Name"],
        FunctionVersion=alias["FunctionVersion"],
        RoutingConfig={"AdditionalVersionWeights": {version: percent / 100}},
    )
    logger.info(
        "%s: alias %s gives %d %% of its calls to version %s, the others to version %s",
        function_name,
        alias["Name"],
        percent,
        version,
        alias["FunctionVersion"],
    )


def put_watch(hook: AwsBaseHook, *, request: Mapping[str, Any]) -> None:
    """Make the alarm of a shift, or keep that of an earlier try.

    One that watches another version is removed first: an alarm that is changed keeps its state.
    """
    name = str(request["AlarmName"])
    found = find_alarm(hook, name=name)
    if found and watched_version(found) != watched_version(request):
        remove_alarms(hook, names=[name])
    put_alarms(hook, requests=[request])


def why_ringing(hook: AwsBaseHook, *, request: Mapping[str, Any]) -> str | None:
    """Return AWS's reason where the alarm of a shift rings for its version."""
    found = find_alarm(hook, name=str(request["AlarmName"]))
    if found is None or watched_version(found) != watched_version(request):
        return None
    return str(found["StateReason"]) if found["StateValue"] == "ALARM" else None


def watched_version(alarm: Mapping[str, Any]) -> str | None:
    """Return the version whose errors an alarm, or a request for one, counts."""
    metrics = [query["MetricStat"]["Metric"] for query in alarm.get("Metrics", []) if "MetricStat" in query]
    named = (dimension for metric in metrics for dimension in metric["Dimensions"])
    return next((str(dimension["Value"]) for dimension in named if dimension["Name"] == VERSION), None)
