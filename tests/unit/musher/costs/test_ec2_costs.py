"""What a job on an EC2 instance costs, and how that is shown beside SageMaker's."""

from typing import Any, cast

import pytest

from musher.costs.ec2 import price_usd
from musher.costs.prices import Use, describe_use
from musher.report.ec2 import describe_ec2
from musher.results import RunResults

EC2: dict[str, Any] = {
    "job_name": "musher-ec2-0123abcd",
    "model_uri": "s3://b/model.tar.gz",
    "model_sha256": "ab" * 32,
    "output_uri": "s3://b/output.tar.gz",
    "instance_id": "i-1",
    "instance_type": "m5.xlarge",
    "is_spot": False,
    "training_seconds": 300.0,
    "seconds": 450.0,
    "accuracy": 0.97,
    "loss": 0.1,
    "images": 360,
    "price_usd": 0.024,
}
SAGEMAKER: dict[str, Any] = {
    "instances": 2,
    "instance_type": "ml.m5.xlarge",
    "is_spot": False,
    "billable_seconds": 360,
    "training_seconds": 200,
    "seconds": 500.0,
}


@pytest.mark.parametrize(
    ("given", "price"),
    [
        ({"instance_type": "m5.xlarge", "seconds": 3600.0, "is_spot": False}, 0.192),
        ({"instance_type": "m5.xlarge", "seconds": 1.0, "is_spot": False}, 0.0032),
        ({"instance_type": "m5.xlarge", "seconds": 3600.0, "is_spot": True}, None),
        ({"instance_type": "x9.huge", "seconds": 3600.0, "is_spot": False}, None),
        ({"instance_type": "m5.xlarge", "seconds": None, "is_spot": False}, None),
    ],
    ids=["an-hour", "a-minute-at-least", "spot", "unknown-type", "unknown-time"],
)
def test_the_price_is_that_of_the_seconds(given: dict[str, Any], price: float | None) -> None:
    assert price_usd(**given) == price


def test_the_estimate_knows_the_instance() -> None:
    use = Use(what="train on EC2", instance_type="m5.xlarge", instances=1, max_s=3600.0)
    assert describe_use(use) == "train on EC2 1 x m5.xlarge for 1.00 h at most: $0.19"


def results_with(**given: Any) -> RunResults:
    """Return results with some stages'."""
    return cast(RunResults, {"ec2": None, "job": None, "evaluation": None, **given})


def test_both_places_stand_side_by_side() -> None:
    found = describe_ec2(results_with(ec2=EC2, job=SAGEMAKER, evaluation={"accuracy": 0.96}))
    assert found is not None
    assert found["rows"] == [
        {
            "place": "EC2",
            "instances": "1 x m5.xlarge",
            "accuracy": 0.97,
            "training_seconds": 300.0,
            "seconds": 450.0,
            "price_usd": 0.024,
        },
        {
            "place": "SageMaker",
            "instances": "2 x ml.m5.xlarge",
            "accuracy": 0.96,
            "training_seconds": 200,
            "seconds": 500.0,
            "price_usd": pytest.approx(0.23 * 720 / 3600),
        },
    ]
    assert (found["job_name"], found["instance_id"]) == ("musher-ec2-0123abcd", "i-1")
    assert "us-east-1" in found["prices"]


@pytest.mark.parametrize(
    "changes",
    [{"billable_seconds": None}, {"is_spot": True}, {"instance_type": "ml.x9.huge"}],
    ids=["not-billed-yet", "spot", "unknown-type"],
)
def test_a_price_that_is_not_known_is_none(changes: dict[str, Any]) -> None:
    found = describe_ec2(results_with(ec2=EC2, job={**SAGEMAKER, **changes}))
    assert found is not None
    assert (found["rows"][1]["price_usd"], found["rows"][1]["accuracy"]) == (None, None)


def test_without_an_instance_there_is_nothing_to_show() -> None:
    assert describe_ec2(results_with(job=SAGEMAKER)) is None


def test_an_instance_alone_has_one_row() -> None:
    found = describe_ec2(results_with(ec2={**EC2, "is_spot": True, "price_usd": None}))
    assert found is not None
    assert [row["instances"] for row in found["rows"]] == ["1 x m5.xlarge, spot"]
