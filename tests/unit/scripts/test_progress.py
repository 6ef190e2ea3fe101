"""A line at each task's start and end, and the true reason of a failure."""

import pytest

from musher.traffic.watched import tell_load
from scripts.progress import Progress

START = "2026-01-01T00:00:00Z [info     ] [DAG TEST] starting task_id={} map_index=-1 [airflow.sdk]"
END = "2026-01-01T00:00:09Z [info     ] [DAG TEST] end task task_id={} map_index=-1 [airflow.sdk]"
STATE = "2026-01-01T00:00:08Z [info     ] Task instance state updated    [x] new_state={} rows_affected=1"


def test_a_task_has_a_line_at_its_start_and_one_at_its_end() -> None:
    told: list[str] = []
    times = iter([0.0, 1.0, 3.5, 4.0, 4.2])
    progress = Progress(lambda line: None, tell=told.append, now=lambda: next(times))
    for line in (
        START.format("tune.run_trials"),
        STATE.format("running"),
        STATE.format("success"),
        END.format("tune.run_trials"),
        START.format("embed"),
        STATE.format("skipped"),
        END.format("embed"),
    ):
        progress(line)
    assert [" ".join(line.split()) for line in told] == [
        "1.0 s tune.run_trials started",
        "3.5 s tune.run_trials done in 2.5 s",
        "4.0 s embed started",
        "4.2 s embed skipped",
    ]


LOAD = (
    "2026-01-01T00:00:03Z [info     ] load test: 3 of 30 s: 4.7 requests a second, p99 21 ms, 1 instance "
    "(2 wanted) [musher.stages.load_measurement] loc=load_measurement.py:80"
)


def test_a_load_test_has_a_line_whenever_its_log_has_one() -> None:
    told: list[str] = []
    progress = Progress(lambda line: None, tell=told.append, now=lambda: 7.0)
    progress(LOAD)
    [line] = told
    assert line.split(maxsplit=3)[2:] == [
        "load_test",
        "3 of 30 s: 4.7 requests a second, p99 21 ms, 1 instance (2 wanted)",
    ]


def test_the_line_is_the_one_that_the_stage_logs(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO"):
        tell_load([{"at_s": 0.0, "current": 2, "desired": 2}], "3 of 30 s: no answer")
    told: list[str] = []
    Progress(lambda line: None, tell=told.append)(f"2026-01-01T00:00:03Z [info     ] {caplog.messages[0]}")
    assert told[0].endswith("3 of 30 s: no answer, 2 instances")


def test_observers_are_told_of_each_task_s_start_and_end() -> None:
    seen: list[tuple[str, str]] = []
    progress = Progress(lambda line: None, tell=lambda line: None)
    progress.observers = (lambda event, task: seen.append((event, task)),)
    for line in (START.format("load_test"), STATE.format("success"), END.format("load_test")):
        progress(line)
    assert seen == [("starting", "load_test"), ("end", "load_test")]


def test_a_second_run_in_the_same_log_does_not_end_as_the_first_did() -> None:
    progress = Progress(lambda line: None)
    progress("2026-01-01 [info] DagRun Finished: dag_id=x, run_id=y, state=success, a=b")
    progress("2026-01-01 [error] Task failed: ValueError: old")
    progress.begin_again()
    assert (progress.run_state, progress.reason) == (None, None)


def test_a_failed_task_says_so() -> None:
    told: list[str] = []
    progress = Progress(lambda line: None, tell=told.append, now=lambda: 0.0)
    for state in ("failed", "up_for_retry"):
        for line in (START.format("train"), STATE.format(state), END.format("train")):
            progress(line)
    assert "FAILED after 0.0 s" in told[1]
    assert "will be tried again" in told[3]


def test_the_run_s_state_is_what_airflow_says_at_its_end() -> None:
    progress = Progress(lambda line: None)
    progress("2026-01-01 [info] DagRun Finished: dag_id=x, run_id=y, run_duration=79.0, state=failed, a=b")
    assert progress.run_state == "failed"


def test_every_line_goes_to_the_log() -> None:
    written: list[str] = []
    progress = Progress(written.append, tell=lambda line: None)
    progress("anything")
    assert written == ["anything"]


def test_the_reason_is_what_airflow_was_told_to_its_end() -> None:
    progress = Progress(lambda line: None)
    for line in (
        "[2026-01-01T00:00:00] {task.py:1} ERROR - Task failed",
        "airflow.sdk.exceptions.AirflowFailException: 2 things are wrong:",
        "the first, and the second",
        "[2026-01-01T00:00:01] {task.py:1} INFO - [algo-1] error: ValueError: from a job's log",
    ):
        progress(line)
    assert progress.reason == "2 things are wrong: the first, and the second"
    assert Progress(lambda line: None).reason is None


def test_a_long_reason_is_not_cut() -> None:
    progress = Progress(lambda line: None)
    progress(f"airflow.sdk.exceptions.AirflowFailException: {'word ' * 300}end.")
    assert progress.reason is not None
    assert progress.reason.endswith("word end.")


def test_a_param_s_value_that_airflow_refuses_is_named_without_the_schema() -> None:
    progress = Progress(lambda line: None)
    for line in (
        "ParamValidationError: Invalid input for param epochs: 'five' is not of type 'integer'",
        "",
        "Failed validating 'type' in schema:",
        "    {'title': 'Epochs', 'type': 'integer'}",
    ):
        progress(line)
    assert progress.reason == (
        "Invalid input for param epochs: 'five' is not of type 'integer': correct it in the conf."
    )
