"""notebook_instance, as somebody triggers it: started, started again with another type, stopped, deleted."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

DAG = "notebook_instance"
NAME = "musher-notebook"
RUN_S = 300


def describe(runs: Any) -> dict[str, Any] | None:
    """Return the instance's description; None where there is none."""
    try:
        return dict(runs.stack.client("sagemaker").describe_notebook_instance(NotebookInstanceName=NAME))
    except ClientError:
        return None


@pytest.mark.slow
@pytest.mark.timeout(5 * RUN_S)
def test_an_instance_is_started_changed_stopped_and_deleted(runs: Any) -> None:
    runs.run_other(DAG, show_url=True)
    first = describe(runs)
    assert first is not None
    assert first["NotebookInstanceStatus"] == "InService"
    assert first["RoleArn"].endswith(":role/musher-notebook")
    assert first["InstanceMetadataServiceConfiguration"] == {"MinimumInstanceMetadataServiceVersion": "2"}

    runs.run_other(DAG, action="stop")
    stopped = describe(runs)
    assert stopped is not None
    assert stopped["NotebookInstanceStatus"] == "Stopped"

    runs.run_other(DAG, instance_type="ml.m5.xlarge", volume_gb=6)
    changed = describe(runs)
    assert changed is not None
    assert (changed["NotebookInstanceStatus"], changed["InstanceType"]) == ("InService", "ml.m5.xlarge")
    assert changed["VolumeSizeInGB"] == 6
    assert changed["CreationTime"] == first["CreationTime"]

    runs.run_other(DAG, action="delete")
    assert describe(runs) is None
    log = runs.log.read_text()
    assert "authToken" not in log
