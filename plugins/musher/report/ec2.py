"""Hold training on an EC2 instance beside SageMaker's job: accuracy, seconds, price."""

from typing import Any

from musher.costs import ec2 as ec2_costs
from musher.costs import prices
from musher.costs.billing import billed_seconds
from musher.results import RunResults, TrainingJobResult

KEYS = ("job_name", "model_uri", "model_sha256", "instance_id", "instance_type", "is_spot")


def describe_ec2(results: RunResults) -> dict[str, Any] | None:
    """Return the instance's job, and a row for each place that trained; None where no instance did."""
    job = results["ec2"]
    if job is None:
        return None
    rows = [
        {
            "place": "EC2",
            "instances": f"1 x {job['instance_type']}{', spot' if job['is_spot'] else ''}",
            "accuracy": job["accuracy"],
            "training_seconds": job["training_seconds"],
            "seconds": job["seconds"],
            "price_usd": job["price_usd"],
        }
    ]
    if sagemaker := results["job"]:
        rows.append(_describe_sagemaker(sagemaker, results))
    noted = f"on-demand prices of {prices.REGION}, noted {prices.NOTED_ON} and {ec2_costs.NOTED_ON}"
    return {**{key: value for key, value in job.items() if key in KEYS}, "rows": rows, "prices": noted}


def _describe_sagemaker(job: TrainingJobResult, results: RunResults) -> dict[str, Any]:
    """Return the row of SageMaker's job, for whose instances AWS bills `billable_seconds` each."""
    evaluation, usd_per_hour = results["evaluation"], prices.price_usd_per_hour(job["instance_type"])
    billed_s = billed_seconds(billable=job["billable_seconds"], instances=job["instances"])
    price = None
    if usd_per_hour is not None and billed_s is not None and not job["is_spot"]:
        price = usd_per_hour * billed_s / ec2_costs.SECONDS_PER_HOUR
    return {
        "place": "SageMaker",
        "instances": f"{job['instances']} x {job['instance_type']}{', spot' if job['is_spot'] else ''}",
        "accuracy": evaluation["accuracy"] if evaluation else None,
        "training_seconds": job["training_seconds"],
        "seconds": job["seconds"],
        "price_usd": price,
    }
