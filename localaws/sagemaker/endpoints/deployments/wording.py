"""What AWS says of deployments, word for word where it is published; refusals are ours.

Source of the statuses: "Endpoint deployment state change" in
https://docs.aws.amazon.com/sagemaker/latest/dg/automating-sagemaker-with-eventbridge.html
"""


def launching(count: int) -> str:
    """Return the message of Creating."""
    return f"Launching {count} instance(s)."


def scaling_out(count: int) -> str:
    """Return the message of Updating, where the instance count grows to `count`."""
    return f"Scaling out desired instance count to {count}."


def activating(count: int, *, is_full: bool) -> str:
    """Return the message of ActivatingTraffic."""
    return f"Activating traffic on {_capacity(is_full)} capacity of {count} instance(s)."


def baking(count: int, *, seconds: float, member: str, is_full: bool) -> str:
    """Return the message of Baking; `member` of the DeploymentConfig says how long."""
    return (
        f"Baking for {seconds:g} seconds ({member}) with traffic enabled on {_capacity(is_full)} capacity "
        f"of {count} instance(s)."
    )


def _capacity(is_full: bool) -> str:
    return "full" if is_full else "canary"


def terminating(count: int) -> str:
    """Return the message of Deleting."""
    return f"Terminating {count} instance(s)."


def timed_out() -> str:
    """Return why a deployment that takes too long is taken back."""
    return "The deployment took longer than MaximumExecutionTimeoutInSeconds."
