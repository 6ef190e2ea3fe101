"""List what an endpoint or a function leaves where it is deleted by hand: its scaling and its alarms.

Neither has tags of its own that could be read. Their names say whose they are, by exactly the names that runs
give: what only begins with the project's name may be that of another project, such as `musher-two`. Their
time ends MUSHER_TTL_H after their last change.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from airflow.providers.amazon.aws.hooks.base_aws import AwsBaseHook

from musher import names
from musher.costs.prices import ALARM_USD_PER_MONTH
from musher.hooks.functions import MusherLambdaHook
from musher.hooks.inventory import Listed, untagged
from musher.hooks.sagemaker import MusherSageMakerHook
from musher.payloads.alarms import find_watched
from musher.payloads.autoscaling import NAMESPACE
from musher.payloads.expiry import HOURS_PER_MONTH, Resource
from musher.payloads.tags import EXPIRES_TAG, PROJECT_TAG
from musher.settings import Settings

SCALABLE_TARGET, ALARM = "scalable target", "alarm"


def list_lost_targets(hook: MusherSageMakerHook, scaler: AwsBaseHook, settings: Settings) -> Iterator[Listed]:
    """Give the scalable targets whose endpoint is gone."""
    pages = scaler.conn.get_paginator("describe_scalable_targets").paginate(ServiceNamespace=NAMESPACE)
    for found in (one for page in pages for one in page["ScalableTargets"]):
        name = found["ResourceId"].split("/")[1]
        if names.is_endpoint(settings, name=name) and hook.find_endpoint(name) is None:
            # the target's own is in no list
            arn = names.arn(settings, service="sagemaker", resource=f"endpoint/{name}")
            yield _lost(settings, kind=SCALABLE_TARGET, name=name, arn=arn, changed_at=found["CreationTime"])


def list_lost_alarms(
    hook: MusherSageMakerHook, functions: MusherLambdaHook, alarms: AwsBaseHook, settings: Settings
) -> Iterator[Listed]:
    """Give the alarms whose endpoint or function is gone."""
    paginator = alarms.conn.get_paginator("describe_alarms")
    for page in paginator.paginate(AlarmNamePrefix=f"{settings.project}-", AlarmTypes=["MetricAlarm"]):
        for found in page["MetricAlarms"]:
            watched = find_watched(settings, alarm_name=found["AlarmName"])
            if watched is None:
                continue
            find = hook.find_endpoint if watched.is_endpoint else functions.find_function
            if find(watched.name) is None:
                yield _lost(
                    settings,
                    kind=ALARM,
                    name=found["AlarmName"],
                    arn=found["AlarmArn"],
                    changed_at=found["AlarmConfigurationUpdatedTimestamp"],
                    usd_per_hour=ALARM_USD_PER_MONTH / HOURS_PER_MONTH,
                )


def _lost(
    settings: Settings, *, kind: str, name: str, arn: str, changed_at: datetime, usd_per_hour: float = 0.0
) -> Listed:
    tags = {
        PROJECT_TAG: settings.project,
        EXPIRES_TAG: (changed_at + timedelta(hours=settings.ttl_h)).isoformat(),
    }
    resource = Resource(
        kind=kind, name=name, arn=arn, tags=tags, created_at=changed_at, usd_per_hour=usd_per_hour
    )
    return untagged(resource)
