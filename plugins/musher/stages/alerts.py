"""Tell somebody of a task that has failed for good."""

import logging

from airflow.providers.amazon.aws.notifications.sns import SnsNotifier
from airflow.sdk import Context

from musher.settings import Settings

logger = logging.getLogger(__name__)

MAX_SUBJECT = 100
"""https://docs.aws.amazon.com/sns/latest/api/API_Publish.html"""


def alert(context: Context) -> None:
    """Publish which task of which run failed, and why, to MUSHER_ALERT_TOPIC, where that is set.

    The notifier is made when it is needed: made with the DAG, it would need the setting at each parse.
    """
    settings, instance = Settings.from_env(), context["ti"]
    if not settings.alert_topic:
        logger.warning("nobody is told: MUSHER_ALERT_TOPIC is not set")
        return
    notifier = SnsNotifier(
        aws_conn_id=settings.aws_conn_id,
        region_name=settings.alert_topic.split(":")[3],
        target_arn=settings.alert_topic,
        subject=f"{settings.project}: {instance.task_id} of {instance.dag_id} failed"[:MAX_SUBJECT],
        message=f"Run {instance.run_id} in {settings.region}: {context.get('exception')}",
    )
    notifier.notify(context)  # type: ignore[no-untyped-call]  # the provider's is untyped
    logger.info("told %s", settings.alert_topic)
