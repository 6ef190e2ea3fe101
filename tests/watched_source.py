"""What the watch of a source has announced and remembers, as Airflow's REST API shows it."""

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from scripts.airflow_api import AirflowApi

WAIT_S = 1200
LOOK_S = 2.0


def wait_until(happened: Callable[[], Any], *, what: str) -> Any:
    """Return what has happened; a busy machine's API that does not answer in time is asked again."""
    deadline = time.monotonic() + WAIT_S
    while True:
        with suppress(OSError):
            if found := happened():
                return found
        assert time.monotonic() < deadline, f"not within {WAIT_S} s: {what}"
        time.sleep(LOOK_S)


def count_events(api: AirflowApi) -> int:
    """Return how often new data were announced."""
    return int(api.get(f"/assets/events?asset_id={asset_id(api)}")["total_entries"])


def read_memory(api: AirflowApi) -> Any:
    """Return what the watch has stored for the next triggerer; empty where it has stored nothing."""
    return api.get(f"/assets/{asset_id(api)}/state-store")["asset_state_store"]


def asset_id(api: AirflowApi) -> int:
    """Return the id of the asset that the watch updates."""
    [asset] = api.get("/assets?name_pattern=musher-new-data")["assets"]
    return int(asset["id"])
