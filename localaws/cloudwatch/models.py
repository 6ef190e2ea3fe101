"""The CloudWatch backend: each mix-in overrides one part of moto's."""

from moto.cloudwatch.models import CloudWatchBackend

from localaws.cloudwatch.alarms.backend import AlarmsMixin


class LocalCloudWatchBackend(AlarmsMixin, CloudWatchBackend):
    """moto's CloudWatch, with a store of metrics (below AlarmsMixin) and alarms that are evaluated."""
