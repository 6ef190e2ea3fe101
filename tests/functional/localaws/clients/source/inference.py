"""The four functions of a model that says what it was given."""

import json
from pathlib import Path
from typing import Any


def model_fn(folder: str) -> Any:
    """Read the weights."""
    return json.loads(Path(folder, "model.json").read_text())


def input_fn(body: Any, content_type: str) -> str:
    """Take a text."""
    return body.decode() if isinstance(body, bytes) else str(body)


def predict_fn(data: str, model: Any) -> dict[str, Any]:
    """Return the text and the weights."""
    return {"got": data, "rate": model["rate"]}


def output_fn(result: Any, accept: str) -> str:
    """Return JSON."""
    return json.dumps(result)
