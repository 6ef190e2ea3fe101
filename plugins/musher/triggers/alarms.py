"""Watch CloudWatch alarms."""

from musher.hooks.alarms import MusherCloudWatchHook
from musher.triggers.waits import WaitTrigger


class AlarmTrigger(WaitTrigger):
    """Wait until an alarm rings, or is gone; a wait that lasts until its deadline is the good end."""

    aws_hook_class = MusherCloudWatchHook
    waiter = "AlarmRings"
