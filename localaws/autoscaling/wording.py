"""AWS's sentences about scaling, as accounts show them in DescribeScalingActivities and in alarms. Pure."""

from localaws.autoscaling.spec import INSTANCE_COUNT, PROVISIONED_CONCURRENCY

NOUNS = {INSTANCE_COUNT: "instance count", PROVISIONED_CONCURRENCY: "concurrency"}
NOT_SCALED = "Attempting to scale due to alarm triggered"
UNSCALABLE = "TargetServicePutResourceAsUnscalable"
AT_MAX, AT_MIN, AT_DESIRED = "AlreadyAtMaxCapacity", "AlreadyAtMinCapacity", "AlreadyAtDesiredCapacity"


def setting(count: int, *, dimension: str) -> str:
    """Return the Description of a change of capacity."""
    return f"Setting desired {NOUNS[dimension]} to {count}."


def waiting(count: int, *, dimension: str) -> str:
    """Return the StatusMessage while the service changes the capacity."""
    return f"{_was_set(count, dimension)} Waiting for change to be fulfilled by {_service(dimension)}."


def fulfilled(count: int, *, dimension: str) -> str:
    """Return the StatusMessage once the capacity is there."""
    return f"{_was_set(count, dimension)} Change successfully fulfilled by {_service(dimension)}."


def failed(count: int, *, dimension: str, reason: str) -> str:
    """Return the StatusMessage of a change that the service refused, or could not make."""
    return f"Failed to set desired {NOUNS[dimension]} to {count}. Reason: {reason}"


def overridden(count: int, *, dimension: str) -> str:
    """Return the StatusMessage of a change behind which somebody has asked for another."""
    return f"{_was_set(count, dimension)} Another change was asked for before it was fulfilled."


def _was_set(count: int, dimension: str) -> str:
    return f"Successfully set desired {NOUNS[dimension]} to {count}."


def _service(dimension: str) -> str:
    return dimension.split(":", 1)[0]


def triggered(*, alarm: str, policy: str, state: str = "ALARM") -> str:
    """Return the Cause of what an alarm brings about."""
    return f"monitor alarm {alarm} in state {state} triggered policy {policy}"


def bounded(*, low: int | None = None, high: int | None = None) -> str:
    """Return the Cause of a change that a new bound brings about."""
    return f"minimum capacity was set to {low}" if high is None else f"maximum capacity was set to {high}"


def scheduled(action: str) -> str:
    """Return the Cause of what a scheduled action brings about."""
    return f"scheduled action name {action} was triggered"


def bounds(*, low: int | None, high: int | None) -> str:
    """Return which bounds a scheduled action sets, as its Description and StatusMessage say."""
    given = (("min", low), ("max", high))
    return " and ".join(f"{name} capacity to {value}" for name, value in given if value is not None)


def describe_alarm(policy_arn: str) -> str:
    """Return the description of an alarm of a target tracking policy."""
    return f"DO NOT EDIT OR DELETE. For TargetTrackingScaling policy {policy_arn}."
