"""Let an alias share its calls between two versions, under alarms on the new one.

Where a shift stands is what the alias says, so that whoever comes back finds it.
"""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from airflow.providers.amazon.aws.hooks.base_aws import AwsBaseHook

from musher.hooks.alarms import find_alarm, find_alarms, put_alarms, remove_alarms
from musher.hooks.functions import MusherLambdaHook, weights_of
from musher.payloads import canary
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


def put_watch(hook: AwsBaseHook, *, requests: Sequence[Mapping[str, Any]]) -> None:
    """Make the alarms of a shift, or keep those of an earlier try.

    One that watches another version is removed first: an alarm that is changed keeps its state.
    """
    for request in requests:
        name = str(request["AlarmName"])
        found = find_alarm(hook, name=name)
        if found and watched_version(found) != watched_version(request):
            remove_alarms(hook, names=[name])
    put_alarms(hook, requests=requests)


def why_ringing(hook: AwsBaseHook, *, requests: Sequence[Mapping[str, Any]]) -> str | None:
    """Return the first alarm of a shift that rings for its version, and AWS's reason."""
    wanted = {str(request["AlarmName"]): watched_version(request) for request in requests}
    for alarm in find_alarms(hook, names=list(wanted)):
        is_own = watched_version(alarm) == wanted[alarm["AlarmName"]]
        if is_own and alarm["StateValue"] == "ALARM":
            return f"{alarm['AlarmName']} rang: {alarm['StateReason']}"
    return None


def why_taken_back(hook: AwsBaseHook, *, names: Sequence[str]) -> str | None:
    """Return which alarm of a shift rings or is gone; None where all are good."""
    found = {alarm["AlarmName"]: alarm for alarm in find_alarms(hook, names=names)}
    if missing := [name for name in names if name not in found]:
        return f"{missing[0]} is gone, so that nothing watched it"
    for name, alarm in found.items():
        if alarm["StateValue"] == "ALARM":
            return f"{name} rang: {alarm['StateReason']}"
    return None


def watched_version(alarm: Mapping[str, Any]) -> str | None:
    """Return the version that an alarm, or a request for one, watches."""
    metrics = [query["MetricStat"]["Metric"] for query in alarm.get("Metrics", []) if "MetricStat" in query]
    named = [*alarm.get("Dimensions", []), *(said for metric in metrics for said in metric["Dimensions"])]
    own = (VERSION, canary.VERSION)
    return next((str(dimension["Value"]) for dimension in named if dimension["Name"] in own), None)
