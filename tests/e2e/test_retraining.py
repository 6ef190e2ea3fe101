"""retrain_on_schedule: the first model, and the same data again."""

from collections.abc import Iterator
from typing import Any

import pytest

RUN_S = 900
CONF: dict[str, Any] = {
    "source": "digits",
    "tuning_strategy": "none",
    "instance_count": 1,
    "epochs": 3,
    "min_accuracy": 0.5,
}


@pytest.fixture
def nothing_live(runs: Any) -> Iterator[None]:
    """Remove the endpoint that other tests' runs may have left on the shared stack, and this one's own."""
    client = runs.stack.client("sagemaker")

    def remove() -> None:
        if client.list_endpoints(NameContains="musher-live")["Endpoints"]:
            client.delete_endpoint(EndpointName="musher-live")
            client.get_waiter("endpoint_deleted").wait(
                EndpointName="musher-live", WaiterConfig={"Delay": 1, "MaxAttempts": 120}
            )

    remove()
    yield
    remove()


def paid(runs: Any) -> tuple[int, int, str | None]:
    """Return how many training jobs and versions there are, and what the live endpoint serves."""
    client = runs.stack.client("sagemaker")
    jobs = client.list_training_jobs(MaxResults=100)["TrainingJobSummaries"]
    versions = client.list_model_packages(ModelPackageGroupName="musher")["ModelPackageSummaryList"]
    endpoint = client.describe_endpoint(EndpointName="musher-live")
    return len(jobs), len(versions), endpoint["EndpointConfigName"]


@pytest.mark.slow
@pytest.mark.usefixtures("nothing_live")
@pytest.mark.timeout(2 * RUN_S)
def test_the_same_data_cost_nothing(runs: Any) -> None:
    first = runs.retrain(**CONF)
    assert (first["status"], first["reason_to_rest"], first["lifetime"]) == ("success", None, "live")
    before = paid(runs)

    second = runs.retrain(**CONF)
    assert paid(runs) == before
    assert second["status"] == "success"
    assert first["endpoint"]["config_name"] in second["reason_to_rest"]
    assert (second["training"], second["endpoint"], list(second["stages"])) == (None, None, ["stage_dataset"])
