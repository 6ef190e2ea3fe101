"""stage_dataset: what it hands on, and what the asset's event says."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from musher.datasets import staging
from musher.stages import dataset
from musher.stages.run import Run

STAGED = {"dataset_id": "d1", "data_hash": "d1d1", "name": "dogs", "manifest_uri": "s3://b/m", "classes": 2}


def test_the_asset_s_event_names_the_data(
    form_run: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    events: dict[Any, Any] = {dataset.STAGED: SimpleNamespace()}
    hook = SimpleNamespace(get_conn=lambda: None, get_session=lambda: None, verify=None)
    monkeypatch.setattr(dataset, "current_run", lambda: form_run(source="/photos", max_unreadable=2))
    monkeypatch.setattr(dataset, "s3_hook", lambda settings: hook)
    monkeypatch.setattr(dataset, "get_current_context", lambda: {"outlet_events": events})
    asked: dict[str, Any] = {}

    def stage(**arguments: Any) -> dict[str, Any]:
        asked.update(arguments)
        return STAGED

    monkeypatch.setattr(staging, "stage", stage)
    assert dataset.stage_dataset.function() == STAGED
    assert (asked["source"], asked["rules"].max_unreadable) == ("/photos", 2)
    [event] = events.values()
    assert event.extra == {name: STAGED[name] for name in ("dataset_id", "data_hash", "name", "manifest_uri")}
