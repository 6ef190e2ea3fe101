"""### Test the live function

Asks the function that is live about images whose class is known: test images of the data that the live model
was trained with. Nothing is changed. Without anything live, all is skipped.

    find_known_images -> ask (each image) -> judge_answers -> probe_concurrency

- **ask** checks that the answer is a 200 with one number per class, within `max_latency_ms`.
- **judge_answers** counts what is right.
- **probe_concurrency** sends one request more than the function has reserved, all at once: exactly one must
  be throttled, and all others answered. For that moment users are throttled, too: the Param of that name
  leaves it out.

Each answer, and each failure of the other two, is told to CloudWatch (namespace `Musher`): `CanarySuccess`, 1
or 0, and the latency of cold and of warm answers. An alarm on that may take a new version back.

It runs as `MUSHER_SMOKE_TEST_CRON` says. What fails is told to the topic `MUSHER_ALERT_TOPIC`.
"""

from datetime import UTC, datetime, timedelta

from airflow.sdk import ParamsDict, dag

from musher.operators.invocations import AskFunctionOperator
from musher.params.smoke_test import SMOKE_TEST
from musher.settings import smoke_test_schedule
from musher.stages.alerts import alert
from musher.stages.live_function import find_known_images, judge_answers, probe_concurrency
from musher.task_defaults import TASK_DEFAULTS


@dag(
    schedule=smoke_test_schedule(),
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    doc_md=__doc__,
    dag_display_name="Test the live function",
    tags=["musher"],
    max_active_runs=1,
    default_args={
        **TASK_DEFAULTS,
        "execution_timeout": timedelta(minutes=15),
        "on_failure_callback": alert,
    },
)
def smoke_test_lambda() -> None:
    """Wire the stages."""
    images = find_known_images()
    ask = AskFunctionOperator.partial(
        task_id="ask",
        max_latency_ms="{{ params.max_latency_ms }}",
        publish_metrics="{{ params.publish_metrics }}",
        max_active_tis_per_dagrun=1,
    ).expand(image=images)
    judge_answers(ask.output) >> probe_concurrency(images)


pipeline = smoke_test_lambda()
pipeline.params = ParamsDict(SMOKE_TEST)

if __name__ == "__main__":
    pipeline.test()
