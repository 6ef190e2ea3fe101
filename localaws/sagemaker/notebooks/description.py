"""What the status page shows of notebook instances."""

from collections.abc import Iterator, Mapping
from typing import Any

from localaws.sagemaker.every_job import newest_first
from localaws.sagemaker.notebooks.instance import LocalNotebookInstance


def describe_notebooks(pids: Mapping[str, Mapping[str, int]]) -> Iterator[dict[str, Any]]:
    """Give a row for each instance, the newest first; `pids` by ARN."""
    found = newest_first(LocalNotebookInstance, lambda backend: backend.notebook_instances.values())
    for _, _, instance in found:
        yield {
            "name": instance.notebook_instance_name,
            "status": instance.status,
            "type": instance.instance_type,
            "reason": instance.failure_reason or "",
            "pid": next(iter(pids.get(instance.arn, {}).values()), 0),
            "created": instance.creation_time,
        }
