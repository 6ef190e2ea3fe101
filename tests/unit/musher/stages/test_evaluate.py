"""The gate's task: its figures are handed on also where it refuses."""

from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException

from musher.settings import Settings
from musher.stages import evaluate
from tests.unit.musher.stages.test_stages import EVALUATION, make_run

JOB: Any = {"job_name": "job", "output_uri": "s3://b/output.tar.gz", "model_uri": "s3://b/model.tar.gz"}


class FakeInstance:
    """A task instance that remembers what it was told to hand on."""

    def __init__(self) -> None:
        self.pushed: dict[str, Any] = {}

    def xcom_push(self, *, key: str, value: Any) -> None:
        self.pushed[key] = value


@pytest.fixture
def instance(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> FakeInstance:
    """A run whose job reached an accuracy of 0.91, with a minimum of 0.95."""
    found = FakeInstance()
    monkeypatch.setattr(evaluate, "current_run", lambda: make_run(settings, min_accuracy=0.95))
    monkeypatch.setattr(evaluate, "get_current_context", lambda: {"ti": found})
    monkeypatch.setattr(evaluate, "load_outputs", lambda settings, output_uri, names: [EVALUATION])
    return found


def test_a_refused_model_leaves_its_figures_for_the_report(instance: FakeInstance) -> None:
    with pytest.raises(AirflowFailException, match=r"accuracy 0\.9100 on 100 images; min_accuracy is 0\.95"):
        evaluate.evaluate.function(JOB)
    figures = instance.pushed["return_value"]
    assert (figures["accuracy"], figures["images"]) == (0.91, 100)
    assert figures["model_uri"] == "s3://b/model.tar.gz"
