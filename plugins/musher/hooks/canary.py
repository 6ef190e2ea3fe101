"""Tell CloudWatch how the live function is, so that an alarm can act on it."""

import logging

from botocore.exceptions import BotoCoreError, ClientError

from musher import names
from musher.hooks.connection import glance_hook
from musher.payloads.canary import NAMESPACE, Sighting, build_data
from musher.settings import Settings

logger = logging.getLogger(__name__)


def publish(settings: Settings, sighting: Sighting) -> bool:
    """Publish what was seen of the live function; return whether it was taken.

    That it was not is no fault of the function: it is logged, and the test goes on.
    """
    data = build_data(sighting, project=settings.project, alias=names.LIVE_ALIAS)
    try:
        hook = glance_hook(settings, service="cloudwatch")
        hook.conn.put_metric_data(Namespace=NAMESPACE, MetricData=data)
    except (BotoCoreError, ClientError) as error:
        logger.warning(
            "the metrics of %s were not published: %s. The Airflow role may do so with infra/functions.yaml",
            names.live_function(settings),
            error,
        )
        return False
    logger.info("%s: published %s", names.live_function(settings), [item["MetricName"] for item in data])
    return True
