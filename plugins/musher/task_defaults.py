"""What holds for each task of Musher's DAGs, unless the DAG or the task says otherwise."""

from datetime import timedelta
from typing import Any

from musher.retry_policy import AwsRetryPolicy

TASK_DEFAULTS: dict[str, Any] = {
    "owner": "musher",
    "retries": 2,
    "retry_delay": timedelta(seconds=30),
    "retry_policy": AwsRetryPolicy(),
    "execution_timeout": timedelta(hours=2),
}
"""`default_args` of a DAG. A task that waits for what is paid for has a bound of its own instead."""
