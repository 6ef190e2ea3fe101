"""Training on an EC2 instance in whole runs: alone, and beside SageMaker's job."""

import io
import json
import tarfile
from typing import Any

import pytest

from scripts.local_stack import BUCKET
from tests.namespaces import has_namespaces

RUN_S = 1500
SHORT = {"epochs": 4, "seed": 1}
pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(RUN_S),
    pytest.mark.skipif(not has_namespaces(), reason="instances need namespaces"),
]


def describe_instances(runs: Any, name: str) -> list[dict[str, Any]]:
    """Return the instances of this Name."""
    filters = [{"Name": "tag:Name", "Values": [name]}]
    found = runs.stack.client("ec2").describe_instances(Filters=filters)["Reservations"]
    return [instance for reservation in found for instance in reservation["Instances"]]


def test_the_dag_of_its_own_trains_reports_and_leaves_no_instance(runs: Any) -> None:
    summary = runs._run(runs.stack, "train_on_ec2", SHORT)
    assert (summary["status"], summary["training"]) == ("success", None)
    [row] = summary["ec2"]["rows"]
    assert row["place"] == "EC2"
    assert row["accuracy"] > 0.5
    assert row["seconds"] > row["training_seconds"] > 0
    assert 0 < row["price_usd"] < 0.1
    assert summary["stages"]["train_on_ec2"]["seconds"] == row["seconds"]
    [instance] = describe_instances(runs, summary["ec2"]["job_name"])
    assert instance["State"]["Name"] == "terminated"
    assert instance["MetadataOptions"]["HttpTokens"] == "required"
    key = summary["ec2"]["model_uri"].removeprefix(f"s3://{BUCKET}/")
    body = runs.stack.client("s3").get_object(Bucket=BUCKET, Key=key)["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(body)) as archive:
        assert {"model.safetensors", "labels.json", "model_card.json"} <= set(archive.getnames())
        card = archive.extractfile("model_card.json")
        assert card is not None
        assert json.load(card)["data_hash"].startswith(summary["dataset"]["id"])


def test_in_the_main_dag_both_places_train_the_same_model(runs: Any) -> None:
    """The same code, data, options and seed: only the machine is another one."""
    summary = runs.run(train_on_ec2=True, tuning_strategy="none", instance_count=1, **SHORT)
    ec2, sagemaker = summary["ec2"]["rows"]
    assert [ec2["place"], sagemaker["place"]] == ["EC2", "SageMaker"]
    assert ec2["accuracy"] == pytest.approx(sagemaker["accuracy"], abs=0.02)
    assert sagemaker["accuracy"] == summary["accuracy"]
    [instance] = describe_instances(runs, summary["ec2"]["job_name"])
    assert instance["State"]["Name"] == "terminated"
