"""What one instance does with a request: measured service times, and how many at once."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from hdrh.histogram import HdrHistogram

from musher.errors import ScalingError
from musher.scaling.queueing import Floats

MAX_START_S = MAX_SERVICE_S = 3600.0

QUANTILES = 400
"""Equally likely service times that stand for a measured distribution."""


@dataclass(frozen=True, kw_only=True)
class ServiceTimes:
    """A distribution of service times in seconds, as quantiles in order."""

    quantiles_s: Floats
    mean_s: float = field(init=False)
    cv2: float = field(init=False)
    """Variance over mean squared: 0 for a constant, 1 for an exponential distribution."""

    def __post_init__(self) -> None:
        """Refuse what no measurement gives."""
        times = np.asarray(self.quantiles_s, dtype=np.float64)
        check_times(times)
        object.__setattr__(self, "mean_s", float(times.mean()))
        object.__setattr__(self, "cv2", float(times.var() / times.mean() ** 2))


def check_times(times_s: Floats) -> None:
    """Raise ScalingError unless each is a time that a request can take."""
    if not len(times_s) or not np.all((times_s > 0) & (times_s <= MAX_SERVICE_S)):
        raise ScalingError(
            f"Service times are missing, or not above 0, {MAX_SERVICE_S:.0f} s at most. Give measured ones."
        )


def from_samples(samples_s: Sequence[float] | Floats) -> ServiceTimes:
    """Return the distribution of single measurements, in seconds."""
    check_times(np.asarray(samples_s, dtype=np.float64))
    shares = (np.arange(QUANTILES) + 0.5) / QUANTILES
    return ServiceTimes(quantiles_s=np.quantile(np.asarray(samples_s, dtype=np.float64), shares))


def from_load_test(result: Mapping[str, Any]) -> ServiceTimes:
    """Return the distribution that a load test measured (`service_histogram` of its JSON result).

    The load must have been so low that no request waited on the instance.
    """
    try:
        histogram = HdrHistogram.decode(result["service_histogram"])
    except (KeyError, ValueError, TypeError) as error:
        raise ScalingError(f"This is no result of a load test: {error!r}. Give its JSON.") from None
    if not histogram.get_total_count():
        raise ScalingError("The load test measured no success. Give one that did.")
    percents = [(number + 0.5) * 100 / QUANTILES for number in range(QUANTILES)]
    return ServiceTimes(
        quantiles_s=np.array([histogram.get_value_at_percentile(percent) / 1e6 for percent in percents])
    )


@dataclass(frozen=True, kw_only=True)
class Instance:
    """An instance type with what was measured on it."""

    instance_type: str
    service: ServiceTimes
    """With `slots` requests at work."""
    price_usd_per_hour: float
    slots: int = 1
    """Requests that it works on at once."""
    room: int = 1000
    """Requests that wait on it before it refuses more."""
    start_s: float = 240.0
    """From asking for it to its first request; measure yours."""

    def __post_init__(self) -> None:
        """Refuse what no instance has."""
        if self.slots < 1 or self.room < 0 or not 0 <= self.start_s <= MAX_START_S:
            raise ScalingError(
                f"{self.instance_type} has {self.slots} slots, room for {self.room} and starts in "
                f"{self.start_s} s. Give one slot or more, no negative numbers, and an hour at most."
            )
        if not 0 <= self.price_usd_per_hour < math.inf:
            raise ScalingError(
                f"{self.instance_type} costs {self.price_usd_per_hour} USD an hour. Correct it."
            )

    @property
    def rate(self) -> float:
        """Return the requests per second that it does without a pause."""
        return self.slots / self.service.mean_s
