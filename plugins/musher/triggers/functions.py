"""Wait for Lambda functions."""

from musher.hooks.functions import MusherLambdaHook
from musher.triggers.waits import WaitTrigger


class FunctionReadyTrigger(WaitTrigger):
    """Wait until a function is active and its last update is through."""

    aws_hook_class = MusherLambdaHook
    waiter = "FunctionReady"
