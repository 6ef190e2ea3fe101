"""TorchServe and multi-model-server: a handler of batches, in a worker for each core."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from benchmarks.peers.work import Work

_loaded: list[Work] = []


def handle(data: Sequence[dict[str, Any]] | None, context: Any) -> list[list[list[float]]]:
    """Classify a batch; the first call, without data, loads the model."""
    if not _loaded:
        _loaded.append(Work())
    if data is None:
        return []
    work = _loaded[0]
    images = [work.decode(bytes(row.get("body") or row["data"])) for row in data]
    return [[logits] for logits in work.predict(images)]
