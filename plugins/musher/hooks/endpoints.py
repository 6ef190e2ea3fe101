"""Remove an endpoint and what belongs to it; what is missing already is fine."""

import logging
from typing import Any

from musher.hooks.sagemaker import MusherSageMakerHook, found_or_none
from musher.hooks.waits import wait_until

logger = logging.getLogger(__name__)

BUSY = ("Creating", "Updating", "SystemUpdating", "RollingBack")
"""States in which DeleteEndpoint is refused, with the same error code as for a missing endpoint."""


def remove_endpoint_and_model(hook: MusherSageMakerHook, *, name: str, delay_s: float) -> list[str]:
    """Delete endpoint, configuration and model `name`, wait for the end; return what was there."""
    is_removed = {
        "endpoint": remove_endpoint(hook, name=name, delay_s=delay_s),
        "endpoint configuration": remove_endpoint_config(hook, name=name),
        "model": remove_model(hook, name=name),
    }
    return [kind for kind, was_there in is_removed.items() if was_there]


def remove_endpoint(hook: MusherSageMakerHook, *, name: str, delay_s: float) -> bool:
    """Delete an endpoint, after it has settled, and wait until it is gone; return whether there was one."""
    arguments: dict[str, Any] = {"arguments": {"EndpointName": name}, "delay_s": delay_s}
    endpoint = hook.find_endpoint(name)
    if endpoint is None:
        return False
    if endpoint["EndpointStatus"] in BUSY:
        wait_until(hook.get_waiter("EndpointReady"), **arguments)
    found_or_none(hook.conn.delete_endpoint, EndpointName=name)
    wait_until(hook.get_waiter("EndpointGone"), **arguments)
    logger.info("%s: removed endpoint", name)
    return True


def remove_endpoint_config(hook: MusherSageMakerHook, *, name: str) -> bool:
    """Delete an endpoint configuration; return whether there was one."""
    if hook.find_endpoint_config(name) is None:
        return False
    found_or_none(hook.conn.delete_endpoint_config, EndpointConfigName=name)
    logger.info("%s: removed endpoint configuration", name)
    return True


def remove_model(hook: MusherSageMakerHook, *, name: str) -> bool:
    """Delete a model; return whether there was one."""
    if hook.find_model(name) is None:
        return False
    found_or_none(hook.conn.delete_model, ModelName=name)
    logger.info("%s: removed model", name)
    return True
