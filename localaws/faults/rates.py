"""AWS's rates of requests, as buckets of tokens that fill up with AWS's time.

A bucket holds one second of its rate, unless AWS publishes another size. What is not in the table has no
rate here: AWS throttles it too, but does not say when. Where regions differ, it is us-east-1's rate.
"""

from collections.abc import Sequence
from typing import Any

from localaws.faults.spec import Rate

MAX_BUCKETS = 4096
"""Accounts and regions are what clients say they are."""

AWS_RATES: tuple[dict[str, Any], ...] = (
    # https://docs.aws.amazon.com/general/latest/gr/sagemaker.html
    {"service": "sagemaker", "actions": ["ListTrainingJobs"], "per_s": 2},
    # https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html#api-requests
    {"service": "lambda", "actions": ["GetFunction"], "per_s": 100},
    {"service": "lambda", "actions": ["GetPolicy"], "per_s": 15},
    {
        "service": "lambda",
        "actions": [
            *("Add*", "Create*", "Delete*", "Get*", "List*", "Publish*"),
            *("Put*", "Remove*", "Tag*", "Untag*", "Update*"),
        ],
        "per_s": 15,
        "shared": True,
    },
    # https://docs.aws.amazon.com/general/latest/gr/cw_region.html
    {"service": "cloudwatch", "actions": ["DescribeAlarms", "DescribeAlarmsForMetric"], "per_s": 9},
    {"service": "cloudwatch", "actions": ["DescribeAlarmHistory", "*agResource"], "per_s": 20},
    {
        "service": "cloudwatch",
        "actions": ["Delete*Alarms", "Disable*Actions", "Enable*Actions", "Put*Alarm", "SetAlarmState"],
        "per_s": 3,
    },
    {"service": "cloudwatch", "actions": ["GetMetricStatistics"], "per_s": 400},
    {"service": "cloudwatch", "actions": ["ListMetrics"], "per_s": 25},
    {"service": "cloudwatch", "actions": ["ListTagsForResource"], "per_s": 10},
    {"service": "cloudwatch", "actions": ["GetMetricData", "PutMetricData"], "per_s": 500},
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html
    {"service": "logs", "actions": ["DeleteLogGroup", "DescribeLogGroups"], "per_s": 10},
    {"service": "logs", "actions": ["DeleteLogStream"], "per_s": 15},
    {"service": "logs", "actions": ["DescribeLogStreams", "GetLogEvents", "FilterLogEvents"], "per_s": 25},
    {"service": "logs", "actions": ["CreateLogStream"], "per_s": 50},
    {"service": "logs", "actions": ["PutLogEvents"], "per_s": 5000},
    {"service": "logs", "actions": ["*RetentionPolicy", "*agResource", "ListTags*"], "per_s": 5},
    # https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html (non-mutating actions)
    {"service": "ec2", "actions": ["Describe*"], "per_s": 20, "burst": 100},
)
"""Rates of an account in a region, as they are put in JSON; the first that concerns a call counts."""


class Buckets:
    """The tokens that are left of each rate."""

    def __init__(self, rates: Sequence[Rate] = ()) -> None:
        self.rates = rates
        self._left: dict[tuple[object, ...], tuple[float, float]] = {}
        """Bucket -> its tokens, and when there were so many."""

    def take(self, *, account: str, region: str, service: str, action: str, now_s: float) -> Rate | None:
        """Take the token of a call; return the rate that has none left, or None."""
        for number, rate in enumerate(self.rates):
            if rate.concerns(service=service, action=action):
                key = (number, account, region, "" if rate.is_shared else action)
                return None if self._take(key, rate, now_s=now_s) else rate
        return None

    def _take(self, key: tuple[object, ...], rate: Rate, *, now_s: float) -> bool:
        tokens, since_s = self._left.get(key, (rate.burst, now_s))
        tokens = min(rate.burst, tokens + max(0.0, now_s - since_s) * rate.per_s)
        has_token = tokens >= 1 - 1e-9  # as many as came back in time, rounded
        if key not in self._left and len(self._left) >= MAX_BUCKETS:
            self._left.clear()
        self._left[key] = (tokens - 1 if has_token else tokens, now_s)
        return has_token
