"""Watch CloudWatch alarms."""

from musher.hooks.alarms import MusherCloudWatchHook
from musher.triggers.waits import WaitTrigger


class AlarmTrigger(WaitTrigger):
    """Wait until one of a shift's alarms rings, or is gone; the deadline is the good end."""

    aws_hook_class = MusherCloudWatchHook
    waiter = "AlarmRings"
