"""Estimate what a run costs at most, from small tables of prices.

This one holds on-demand prices of us-east-1, USD per instance and hour, the same for training and endpoints;
EC2's own are in ec2.py.
They were noted from public tables that agree with each other, not read from AWS's price list:
https://aws.amazon.com/sagemaker/pricing/
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from musher.costs.ec2 import EC2_PRICES_USD_PER_HOUR, SECONDS_PER_HOUR

NOTED_ON = "2026-11-25"
REGION = "us-east-1"

PRICES_USD_PER_HOUR: Mapping[str, float] = {
    "ml.c5.xlarge": 0.204,
    "ml.g4dn.xlarge": 0.736,
    "ml.m5.large": 0.115,
    "ml.m5.xlarge": 0.23,
    "ml.m5.2xlarge": 0.461,
    "ml.m5.4xlarge": 0.922,
    "ml.p3.2xlarge": 3.825,
    "ml.t3.medium": 0.05,
}

EBS_USD_PER_GB_MONTH = 0.08
"""gp3: https://aws.amazon.com/ebs/pricing/"""
NOTEBOOK_USD_PER_GB_MONTH = 0.14
"""Disks of SageMaker's notebook instances: https://aws.amazon.com/sagemaker/pricing/"""
LOGS_USD_PER_GB_MONTH = 0.03
"""https://aws.amazon.com/cloudwatch/pricing/"""
ALARM_USD_PER_MONTH = 0.10
"""One metric of standard resolution: https://aws.amazon.com/cloudwatch/pricing/"""
S3_USD_PER_GB_MONTH = 0.023
"""S3 Standard: https://aws.amazon.com/s3/pricing/"""


def price_usd_per_hour(instance_type: str) -> float | None:
    """Return the price of a SageMaker instance (`ml.m5.large`) or of EC2's (`m5.large`), if it is noted."""
    return PRICES_USD_PER_HOUR.get(instance_type, EC2_PRICES_USD_PER_HOUR.get(instance_type))


@dataclass(frozen=True, kw_only=True)
class Use:
    """Some instances of one type for a time; `max_s` is None for what stands until it is removed."""

    what: str
    instance_type: str
    instances: int
    max_s: float | None = None

    @property
    def price_usd(self) -> float | None:
        """Return the price of the whole time, or of an hour; None where the table lacks the type."""
        price = price_usd_per_hour(self.instance_type)
        hours = 1.0 if self.max_s is None else self.max_s / SECONDS_PER_HOUR
        return None if price is None else price * self.instances * hours


def describe_use(use: Use) -> str:
    """Return one part of the estimate in words."""
    amount = f"{use.instances} x {use.instance_type}"
    amount += " by the hour" if use.max_s is None else f" for {use.max_s / SECONDS_PER_HOUR:.2f} h at most"
    price = use.price_usd
    return f"{use.what} {amount}: " + (f"${price:.2f}" if price is not None else "price unknown")


def describe_estimate(uses: Iterable[Use]) -> str:
    """Return the estimate as one line: each part, the known sum of those that end, and where it is from."""
    listed = list(uses)
    known = [use.price_usd for use in listed if use.max_s is not None]
    prices = [price for price in known if price is not None]
    parts = "; ".join(map(describe_use, listed))
    if not prices:
        return f"{parts}. What the jobs cost is not known: no price is noted for their instances"
    bound = "at most" if None not in known else "at least, as prices are missing,"
    return (
        f"{parts}. Jobs cost {bound} ${sum(prices):.2f} if each used its whole time limit "
        f"(on-demand prices of {REGION}, noted {NOTED_ON})"
    )
