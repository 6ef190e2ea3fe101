"""The figures of a job's model, as its output holds them."""

from typing import Any

import pytest

from musher.settings import Settings
from musher.stages import evaluate, outputs
from tests.unit.musher.stages.test_stages import EVALUATION, make_run

JOB: Any = {"job_name": "job", "output_uri": "s3://b/output.tar.gz", "model_uri": "s3://b/model.tar.gz"}


def test_the_figures_and_where_they_are_from_are_handed_on(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evaluate, "current_run", lambda: make_run(settings))
    monkeypatch.setattr(outputs, "load_outputs", lambda settings, output_uri, names: [EVALUATION])
    figures = evaluate.evaluate.function(JOB)
    assert figures.pop("seconds") >= 0
    assert figures == {**JOB, **EVALUATION}
