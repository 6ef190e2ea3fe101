"""What a training job on an EC2 instance costs, from a small table of prices.

On-demand prices of Linux in us-east-1, USD per hour, noted from public tables, not from AWS's price list:
https://aws.amazon.com/ec2/pricing/on-demand/. A Spot Instance's price changes by the hour: it is not known.
"""

from collections.abc import Mapping

NOTED_ON = "2026-11-29"

EC2_PRICES_USD_PER_HOUR: Mapping[str, float] = {
    "c5.xlarge": 0.17,
    "g4dn.xlarge": 0.526,
    "m5.large": 0.096,
    "m5.xlarge": 0.192,
    "m5.2xlarge": 0.384,
    "m5.4xlarge": 0.768,
}

SECONDS_PER_HOUR = 3600
LEAST_S = 60.0
"""EC2 bills each second, and a minute at least."""


def price_usd(*, instance_type: str, seconds: float | None, is_spot: bool) -> float | None:
    """Return the price of the seconds that a job took; None where type or capacity have no known one.

    The seconds are the job's own: those in which an instance boots and ends are not in them, nor its disk.
    """
    price = None if is_spot else EC2_PRICES_USD_PER_HOUR.get(instance_type)
    if price is None or seconds is None:
        return None
    return round(price * max(seconds, LEAST_S) / SECONDS_PER_HOUR, 6)
