"""The backend of Application Auto Scaling."""

from localaws.autoscaling.backend import ScalingMixin


class LocalAutoscalingBackend(ScalingMixin):
    """moto's backend, with targets that really scale."""
