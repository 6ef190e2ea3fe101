"""The links of a task: stored as soon as there is something to link to, and found again."""

from types import SimpleNamespace
from typing import Any

import pytest

from tests.isolated_airflow import isolate_airflow

isolate_airflow()

from musher import links  # noqa: E402  # nothing of Airflow may be imported earlier
from musher.console import TRAINING_JOB, AwsConsole, Console, OtherConsole  # noqa: E402
from musher.links import LINKS, show_links  # noqa: E402
from musher.operators.endpoints import DeployEndpointOperator  # noqa: E402
from musher.operators.functions import DeployFunctionOperator  # noqa: E402
from musher.operators.training import RunTrainingJobOperator  # noqa: E402
from musher.operators.tuning import RunTuningJobOperator  # noqa: E402

AWS, LOCAL = AwsConsole(region="us-east-1"), OtherConsole(url="http://127.0.0.1:4566/_localaws/")
OPERATORS = (RunTrainingJobOperator, RunTuningJobOperator, DeployEndpointOperator, DeployFunctionOperator)


def store(console: Console | None, push: Any) -> None:
    """Store the links of a training job that this console shows."""
    show_links(
        {"ti": SimpleNamespace(xcom_push=push)},  # type: ignore[typeddict-item,typeddict-unknown-key]  # a context's part
        find_console=lambda: console,
        kind=TRAINING_JOB,
        name="musher-train-0123abcd",
        log=("/aws/sagemaker/TrainingJobs", "musher-train-0123abcd/"),
    )


def test_links_are_stored_under_the_keys_that_the_ui_reads() -> None:
    stored: dict[str, str] = {}
    store(AWS, lambda key, value: stored.update({key: value}))
    assert list(stored) == ["_link_ResourceLink", "_link_LogLink"] == [link.xcom_key for link in LINKS]
    assert stored["_link_ResourceLink"].endswith("#/jobs/musher-train-0123abcd")
    assert "TrainingJobs$3FlogStreamNameFilter$3Dmusher-train-0123abcd$252F" in stored["_link_LogLink"]


def test_another_console_s_links_open_the_job_and_its_log() -> None:
    stored: dict[str, str] = {}
    store(LOCAL, lambda key, value: stored.update({key: value}))
    assert stored == {
        "_link_ResourceLink": f"{LOCAL.url}#job/musher-train-0123abcd",
        "_link_LogLink": f"{LOCAL.url}#log/%2Faws%2Fsagemaker%2FTrainingJobs/musher-train-0123abcd%2F",
    }


def test_what_no_console_shows_has_empty_links() -> None:
    """Without them Airflow looks for both at the task's end, and logs an error for each."""
    stored: dict[str, str] = {}
    store(None, lambda key, value: stored.update({key: value}))
    assert stored == {"_link_ResourceLink": "", "_link_LogLink": ""}


def test_a_link_that_cannot_be_stored_fails_nothing(caplog: pytest.LogCaptureFixture) -> None:
    def refuse(key: str, value: str) -> None:
        raise ConnectionError("no database")

    store(AWS, refuse)
    assert "the links to the console are not stored" in caplog.text


def test_a_console_that_cannot_be_found_fails_nothing(caplog: pytest.LogCaptureFixture) -> None:
    def fail() -> Console | None:
        raise ConnectionError("no connection")

    show_links({}, find_console=fail, kind=TRAINING_JOB, name="job", log=("group", ""))
    assert "job: the links to the console are not stored" in caplog.text


@pytest.mark.parametrize("operator", OPERATORS)
def test_every_operator_that_makes_something_has_the_links(operator: Any) -> None:
    assert operator.operator_extra_links == LINKS


def test_airflow_s_own_storing_at_the_end_finds_what_was_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def get_value(*, key: str, ti_key: object) -> str | None:
        asked.append(key)
        return "https://console" if key == "_link_ResourceLink" else None

    monkeypatch.setattr(links.XCom, "get_value", get_value)
    operator, key = SimpleNamespace(), SimpleNamespace()
    assert [link.get_link(operator, ti_key=key) for link in LINKS] == ["https://console", ""]  # type: ignore[arg-type]
    assert asked == ["_link_ResourceLink", "_link_LogLink"]
