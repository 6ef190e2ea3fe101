"""What is told where a function could not be deployed."""

from typing import Any

from musher import names
from musher.errors import LambdaError


def interfered(name: str, *, alias: str, version: str, percent: int) -> LambdaError:
    """Return that an alias is not what the shift has made of it."""
    return LambdaError(
        f"Alias {alias} of {name} no longer gives {percent} % of its calls to version {version}: somebody "
        "else has changed it (the DAGs roll_back and retire_deployment do). It stays as they left it. Clear "
        "this task to begin again."
    )


def cold(name: str, *, version: str, asked: int, count: Any, why: str) -> LambdaError:
    """Return that a version's environments did not start."""
    return LambdaError(
        f"function_provisioned is {asked}, and AWS has not started {count} environments of version {version} "
        f"of {name}: {why}. See log group {names.function_log_group(name)}, then clear this task; 0 "
        "provisions none."
    )
