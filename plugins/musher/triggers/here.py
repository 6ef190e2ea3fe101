"""Run a trigger in the worker, where waits are not deferred."""

import asyncio
from collections.abc import Callable
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

GLANCE_S = 0.5
"""How soon a wait ends after its worker was told to: well within the 5 s and 30 s that Airflow and Kubernetes
give a process between SIGTERM and SIGKILL."""


class WaitLeftError(Exception):
    """Tell that a wait was left because its worker goes away; what was waited for goes on."""


def run_here(trigger: BaseTrigger, *, must_leave: Callable[[], bool]) -> dict[str, Any]:
    """Return the payload of the trigger's event; raise WaitLeftError once `must_leave` says so."""
    return asyncio.run(_first_event(trigger, must_leave))


async def _first_event(trigger: BaseTrigger, must_leave: Callable[[], bool]) -> dict[str, Any]:
    waiting = asyncio.create_task(_next_event(trigger))
    while not waiting.done():
        await asyncio.wait({waiting}, timeout=GLANCE_S)
        if must_leave() and not waiting.done():
            waiting.cancel()
            await asyncio.wait({waiting})
            raise WaitLeftError
    payload: dict[str, Any] = waiting.result().payload
    return payload


async def _next_event(trigger: BaseTrigger) -> TriggerEvent:
    return await anext(aiter(trigger.run()))
