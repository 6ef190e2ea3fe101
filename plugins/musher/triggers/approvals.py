"""Wait for a person's verdict in the model registry."""

from musher.hooks.sagemaker import MusherSageMakerHook
from musher.triggers.waits import WaitTrigger


class ApprovalTrigger(WaitTrigger):
    """Wait until a version is approved or rejected; a person's cancel leaves it as it is."""

    aws_hook_class = MusherSageMakerHook
    waiter = "ModelPackageJudged"
