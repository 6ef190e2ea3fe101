"""The CloudWatch actions; each mix-in overrides those of one part."""

from moto.cloudwatch.responses import CloudWatchResponse

from localaws.cloudwatch.actions import MetricActions
from localaws.cloudwatch.alarms.actions import AlarmActions


class LocalCloudWatchResponse(AlarmActions, MetricActions, CloudWatchResponse):
    """moto's CloudWatch actions and ours."""
