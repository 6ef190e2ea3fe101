"""retrain_on_schedule: the first model, the same photos again, and more photos."""

from pathlib import Path
from typing import Any

import pytest

from musher.datasets.digits import list_digits

RUN_S = 900
FAST: dict[str, Any] = {
    "tuning_strategy": "none",
    "instance_count": 1,
    "epochs": 3,
    "min_accuracy": 0.5,
    "max_accuracy_drop": 1,
    "update_bake_s": 0,
}


def write_digits(folder: Path, *, left_out: int) -> None:
    """Write the digits as photos in a folder, some of train's left out."""
    photos = list_digits().photos
    absent = [photo.path for photo in photos if photo.path.startswith("train/")][:left_out]
    for photo in photos:
        if photo.path not in absent:
            path = folder / photo.path
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(photo.read())


def paid(runs: Any) -> tuple[int, int, str | None]:
    """Return how many training jobs and versions there are, and what the live endpoint serves."""
    client = runs.stack.client("sagemaker")
    jobs = client.list_training_jobs(MaxResults=100)["TrainingJobSummaries"]
    versions = client.list_model_packages(ModelPackageGroupName="musher")["ModelPackageSummaryList"]
    endpoint = client.describe_endpoint(EndpointName="musher-live")
    return len(jobs), len(versions), endpoint["EndpointConfigName"]


@pytest.mark.slow
@pytest.mark.timeout(3 * RUN_S)
def test_the_same_data_cost_nothing_and_more_data_bring_a_model_that_was_held_against_the_live_one(
    runs: Any, tmp_path: Path
) -> None:
    write_digits(tmp_path, left_out=100)
    conf = {**FAST, "source": str(tmp_path)}
    first = runs.retrain(**conf)
    assert (first["status"], first["reason_to_rest"], first["lifetime"]) == ("success", None, "live")
    before = paid(runs)

    second = runs.retrain(**conf)
    assert paid(runs) == before
    assert second["status"] == "success"
    assert first["endpoint"]["config_name"] in second["reason_to_rest"]
    assert (second["training"], second["endpoint"], list(second["stages"])) == (None, None, ["stage_dataset"])

    write_digits(tmp_path, left_out=0)
    third = runs.retrain(**conf)
    assert third["gate"]["champion"] == first["endpoint"]["config_name"]
    assert third["gate"]["champion_accuracy"] > 0.5
    assert third["endpoint"]["previous_config_name"] == first["endpoint"]["config_name"]
