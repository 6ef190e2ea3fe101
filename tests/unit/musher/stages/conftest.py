"""What the tests of stages share: runs with the form's defaults."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from musher.params.form import SECTIONS
from musher.settings import Settings
from musher.stages.run import Run

DEFAULTS: Mapping[str, Any] = {name: param.value for section in SECTIONS for name, param in section.items()}


@pytest.fixture
def form_run(settings: Settings) -> Callable[..., Run]:
    """Return runs with changed Params."""

    def make(*, installation: Settings = settings, **changes: Any) -> Run:
        return Run(
            settings=installation,
            dag_id="operationalize_model",
            run_id="manual__1",
            started_at=datetime(2026, 1, 1, tzinfo=UTC),
            params={**DEFAULTS, **changes},
        )

    return make
