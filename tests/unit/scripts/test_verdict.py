"""What makes a demo good or bad, and what is said of it."""

from typing import Any

import pytest

from scripts.verdict import check, check_load, describe, describe_failures, wanted_accuracy


def test_a_run_that_is_not_good_enough_has_a_reason() -> None:
    answer = {"status": 200, "classes": 10, "image": "a.png"}
    finished = {"status": "Completed", "objective": 0.4}
    good = {
        "accuracy": 0.97,
        "instances": 2,
        "dataset": {"classes": 10, "images": {"test": 278}},
        "tuning": {"trials": [finished] * 4},
        "lambda": {"function_name": "f", "status": 200, "answers": [answer, answer, answer]},
    }
    assert check(good, conf={}, min_accuracy=0.95) is None
    stopped = {"status": "Stopped", "objective": 0.9}
    assert (
        check(good | {"tuning": {"trials": [finished] * 3 + [stopped]}}, conf={}, min_accuracy=0.95) is None
    )
    assert (
        check(
            good | {"tuning": {"trials": [finished] * 3}}, conf={"tuning_strategy": "Grid"}, min_accuracy=0.95
        )
        is None
    )
    few = {
        "dataset": {"classes": 10, "images": {"test": 2}},
        "lambda": {"function_name": "f", "status": 200, "answers": [answer] * 2},
    }
    assert check(good | few, conf={}, min_accuracy=0.95) is None
    assert (
        check(good | {"accuracy": 0.9}, conf={}, min_accuracy=0.95) == "test accuracy is 0.9000, below 0.95"
    )
    assert check(good | {"instances": 1}, conf={}, min_accuracy=0.95) == "1 instances trained, not 2"
    for trials in ([finished] * 3, [finished] * 3 + [{"status": "Failed", "objective": None}]):
        assert (
            check(good | {"tuning": {"trials": trials}}, conf={}, min_accuracy=0.95)
            == "3 trials finished, not 4"
        )
    for wrong, reason in (
        ({"status": 502}, "the Lambda answered 502 for a.png"),
        ({"classes": 9}, "the Lambda answered 9 numbers for 10 classes"),
    ):
        answers = [answer, answer, answer | wrong]
        assert (
            check(
                good | {"lambda": {"function_name": "f", "status": 200, "answers": answers}},
                conf={},
                min_accuracy=0.95,
            )
            == reason
        )
    assert (
        check(
            good | {"lambda": {"function_name": "f", "status": 200, "answers": []}},
            conf={},
            min_accuracy=0.95,
        )
        == "the Lambda answered 0 images, not 3"
    )


def test_params_of_the_run_change_what_is_asked() -> None:
    answer = {"status": 200, "classes": 3, "image": "a.png"}
    summary = {
        "accuracy": 0.5,
        "instances": 1,
        "dataset": {"classes": 3, "images": {"test": 6}},
        "tuning": {"trials": []},
        "lambda": {"function_name": "f", "status": 200, "answers": [answer] * 3},
    }
    conf = {"instance_count": 1, "tuning_strategy": "none"}
    assert check(summary, conf=conf, min_accuracy=0.4) is None
    assert check(summary, conf=conf, min_accuracy=0.6) == "test accuracy is 0.5000, below 0.6"
    assert check(summary, conf={"instance_count": 1, "tuning_trials": 2}, min_accuracy=0.4) == (
        "0 trials finished, not 2"
    )


@pytest.mark.parametrize(
    ("conf", "wanted"),
    [
        ({}, 0.95),
        ({"source": "digits"}, 0.95),
        ({"min_accuracy": 0.2}, 0.2),
        ({"source": "/data/dogs.zip"}, 0.0),
        ({"source": "/data/dogs.zip", "min_accuracy": 0.5}, 0.5),
    ],
)
def test_the_accuracy_asked_for_follows_the_conf_and_the_data(conf: dict[str, Any], wanted: float) -> None:
    assert wanted_accuracy(conf) == wanted


FAILED: dict[str, Any] = {
    "failures": {"evaluate": "The model has test accuracy 0.5; min_accuracy is 0.9. Train longer."},
    "dataset": {"name": "dogs", "images": {"train": 3, "test": 2}, "classes": 2},
    "tuning": {"trials": [], "best": None},
    "accuracy": 0.5,
    "instances": 2,
    "stages": {"train": {"seconds": 12.34567, "billed_seconds": 24.0}},
    "lambda": None,
}


def test_a_run_that_failed_says_why_in_whole_sentences() -> None:
    reason = check(FAILED, conf={}, min_accuracy=0.95)
    assert reason == "evaluate: The model has test accuracy 0.5; min_accuracy is 0.9. Train longer."
    assert check(FAILED | {"failures": {"train": None}}, conf={}, min_accuracy=0) == "train: see the log"


def test_what_a_run_did_not_come_to_is_left_out() -> None:
    shown = describe(FAILED)
    assert "dogs: 5 images of 2 classes" in shown
    assert "12.3   24.0" in shown
    assert "0.5000 on the test split's 2 images" in shown
    assert "Lambda" not in shown
    assert "Warning" not in shown
    nothing = FAILED | {"dataset": None, "accuracy": None, "stages": {}}
    assert "Accuracy" not in describe(nothing)


def test_what_staging_warned_of_stands_below_the_data() -> None:
    found = {"warnings": ["cat has 3 test images"], "notes": ["1 file left out"]}
    shown = describe(FAILED | {"dataset": {**FAILED["dataset"], "found": found}})
    assert "Warning    cat has 3 test images" in shown
    assert "left out" not in shown


def test_a_task_without_a_reason_has_the_log_s() -> None:
    assert describe_failures({"train": None}, logged="OSError: disk full") == "train: OSError: disk full"
    assert describe_failures({}, logged="OSError: disk full") == "OSError: disk full"
    assert describe_failures({}) == "Airflow gives no reason"


@pytest.mark.parametrize(
    ("p50_ms", "told"),
    [(12.3, "50 requests to e, 3 failed or never sent; p50 12 ms, p99 40 ms"), (None, "no answer")],
)
def test_a_load_test_has_a_line(p50_ms: float | None, told: str) -> None:
    latency = {"p50_ms": p50_ms, "p99_ms": 40.4}
    load: dict[str, Any] = {
        "target": "e",
        "sent": 50,
        "failed": 2,
        "dropped": 1,
        "latency": latency,
        "instances": [],
    }
    load["predicted"] = {"highest": None}
    assert told in describe(FAILED | {"load": load})
    assert "instances" not in describe(FAILED | {"load": load}).split("Load ")[1]


def make_load(*seen: tuple[int, int], failed: int = 0) -> dict[str, Any]:
    points = [{"at_s": 0.0, "current": current, "desired": desired} for current, desired in seen]
    latency = {"p50_ms": 1.0, "p99_ms": 2.0}
    load: dict[str, Any] = {
        "target": "e",
        "sent": 9,
        "failed": failed,
        "dropped": 1,
        "instances": points,
        "latency": latency,
    }
    load["predicted"] = {"highest": 1}
    return {"load": load if failed else load | {"dropped": 0}}


def test_the_instances_that_served_are_told_change_by_change() -> None:
    seen = make_load((1, 1), (1, 3), (2, 3), (3, 3), (3, 3), (1, 1))
    shown = describe(FAILED | seen)
    assert "instances 1 -> 2 -> 3 -> 1 (at AWS's own pace, the simulator expects 1 instance)" in shown
    assert "simulator" not in describe(FAILED | make_load((1, 1)))


def test_a_load_test_may_lose_nothing_and_must_have_the_endpoint_grow_where_it_is_to() -> None:
    assert check_load({"load": None}, must_grow=True) is None
    assert check_load(make_load((1, 1)), must_grow=False) is None
    assert check_load(make_load((1, 1), (1, 2)), must_grow=True) is None
    assert check_load(make_load((1, 1), (1, 2), failed=2), must_grow=True) == (
        "3 of the load test's 10 requests failed or were never sent"
    )
    for seen in (make_load((1, 1), (1, 1)), make_load()):
        told = check_load(seen, must_grow=True)
        assert told is not None
        assert told.startswith("the endpoint was not given more instances under load")
