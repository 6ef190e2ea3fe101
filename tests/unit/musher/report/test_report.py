"""The report: numbers gathered from the stages, and a page that needs nothing else."""

import dataclasses
import html
import json
import math
import re
from datetime import UTC, datetime
from typing import Any

import pytest

from musher.console import AwsConsole, Console, OtherConsole
from musher.report.curves import HEIGHT, WIDTH, best_place, draw_curves
from musher.report.page import Outputs, data_address, heat_map, quality, rank_trials, render, worst_recalls
from musher.report.strict import make_strict
from musher.report.summary import RunFacts, build_summary, spot_savings

RESULTS: Any = {
    "dataset": {
        "dataset_id": "0123456789abcdef",
        "name": "pets & <friends>",
        "classes": 3,
        "images": {"train": 1200, "valid": 60, "test": 6},
        "seconds": 2.5,
    },
    "features": None,
    "tuning": None,
    "job": {
        "job_name": "musher-train-0123abcd",
        "status": "Completed",
        "instance_type": "ml.m5.xlarge",
        "instances": 2,
        "created_at": "2026-01-01T00:01:00+00:00",
        "is_spot": False,
        "billable_seconds": 30,
        "training_seconds": 31,
        "seconds": 42.0,
        "metrics": {"test:accuracy": 0.8333},
    },
    "ec2": None,
    "evaluation": {"accuracy": 0.8333, "loss": 0.21, "seconds": 0.1},
    "endpoint": {
        "name": "musher-live",
        "kind": "realtime",
        "config_name": "musher-0123abcd-89abcdef",
        "previous_config_name": None,
        "instance_type": "ml.m5.large",
        "instances": 1,
        "captures_uri": "s3://b/musher/captures/musher-live/",
        "seconds": 9.0,
    },
    "verdict": {
        "package_arn": "arn:aws:sagemaker:us-east-1:123456789012:model-package/musher/7",
        "model_uri": "s3://b/model.tar.gz",
        "accuracy": 0.8333,
        "champion": "musher-0123abcd-01234567",
        "champion_accuracy": 0.8,
        "seconds": 0.2,
    },
    "shadow": {
        "role": "shadow",
        "reason": "",
        "release": "musher-00000000-1",
        "percent": 50,
        "production": {"requests": 4000, "errors_4xx": 1, "errors_5xx": 0, "p50_ms": 21.0, "p99_ms": 60.5},
        "shadow": {"requests": 2001, "errors_4xx": 0, "errors_5xx": 2, "p50_ms": 20.0, "p99_ms": None},
        "faults": [],
        "seconds": 700.0,
    },
    "batch": {
        "job_name": "musher-batch-0123abcd",
        "output_uri": "s3://b/musher/jobs/musher-batch-0123abcd/output/",
        "images": 1836,
        "instance_type": "ml.m5.large",
        "instances": 2,
        "seconds": 50.0,
        "billed_seconds": 60.0,
    },
    "scaling": {
        "resource_id": "endpoint/musher-live/variant/AllTraffic",
        "min_instances": 1,
        "max_instances": 3,
        "metric": "invocations",
        "target": 100,
        "alarms": ["TargetTracking-1"],
        "seconds": 0.4,
    },
    "function": {"function_name": "musher-0123abcd", "seconds": 1.0},
    "answers": {
        "status": 200,
        "answers": [
            {
                "image": "samples/cat/a.png",
                "truth": "cat",
                "predicted": "cat",
                "probability": 0.97,
                "status": 200,
            },
            {
                "image": "samples/dog/b.png",
                "truth": "dog",
                "predicted": "owl",
                "probability": 0.51,
                "status": 200,
            },
        ],
        "seconds": 1.5,
        "billed_seconds": 0.3,
    },
    "load": None,
}
EVALUATION: dict[str, Any] = {
    "split": "test",
    "images": 6,
    "accuracy": 0.8333,
    "top5_accuracy": 1.0,
    "loss": 0.21,
    "classes": ["cat", "dog", "owl"],
    "confusion_matrix": [[3, 0, 0], [0, 2, 1], [0, 0, 0]],
    "per_class_recall": [1.0, 0.6667, None],
}


HISTORY: dict[str, Any] = {
    "epochs": [
        {"phase": "head", "epoch": 1, "train_loss": 2.0, "valid_loss": 1.0, "valid_accuracy": 0.5},
        {"phase": "head", "epoch": 2, "train_loss": 1.0, "valid_loss": 0.5, "valid_accuracy": 1.0},
        {"phase": "all", "epoch": 1, "train_loss": 0.5, "valid_loss": 0.4, "valid_accuracy": 1.0},
    ],
    "best_epoch": 1,
    "best_phase": "all",
}
TRIALS = [
    {"name": "t-1", "status": "Completed", "hyperparameters": {"batch_size": 32, "learning_rate": 0.01}},
    {"name": "t-2", "status": "Failed", "hyperparameters": {"batch_size": 32, "learning_rate": 0.1}},
    {"name": "t-3", "status": "Completed", "hyperparameters": {"batch_size": 64, "learning_rate": 0.02}},
]
for _trial, _objective in zip(TRIALS, (0.5, None, 0.25), strict=True):
    _trial |= {"objective": _objective, "seconds": 9.0}
TUNING: dict[str, Any] = {
    "strategy": "Random",
    "job_name": "musher-t-0123abcd",
    "objective": "best:valid_loss",
    "trials": TRIALS,
    "best": TRIALS[2],
    "seconds": 20.0,
    "billed_seconds": 18.0,
}
EMBED: dict[str, Any] = {
    "job_name": "musher-embed-0123456789abcdef",
    "instances": 2,
    "billable_seconds": 40,
    "seconds": 50.0,
    "created_at": "2026-01-01T00:00:30+00:00",
}
FEATURES: dict[str, Any] = {
    "engine": {"name": "onnxruntime", "img_per_s": 21.0, "measured": {"eager": 11.0, "onnxruntime": 22.0}},
    "dim": 2048,
    "views": 1,
}
STARTED_AT = datetime(2026, 1, 1, 0, 0, 10, 500_000, tzinfo=UTC)


NOTHING: Any = dict.fromkeys(RESULTS)


def facts(**failures: str | None) -> RunFacts:
    """Return which run it is, and what failed in it."""
    return RunFacts(
        dag_id="operationalize_model",
        run_id="manual__1",
        started_at=STARTED_AT,
        failures=failures,
        lifetime="live",
    )


def summary(*, features: Any = None, tuning: Any = None, **changes: Any) -> dict[str, Any]:
    """Return the summary of RESULTS with features, tuning, and changes to its job."""
    job = {**RESULTS["job"], **changes}
    return build_summary(facts(), {**RESULTS, "features": features, "tuning": tuning, "job": job})


def page(found: dict[str, Any] | None = None, **outputs: Any) -> str:
    """Return the page of a summary, by default that of RESULTS, and of changed outputs."""
    given = {"evaluation": EVALUATION, "history": HISTORY, **outputs}
    return render(summary=found or summary(), outputs=Outputs(**given))


def test_the_summary_holds_what_its_readers_expect() -> None:
    assert summary() == {
        "run_id": "manual__1",
        "dag_id": "operationalize_model",
        "status": "success",
        "failures": {},
        "reason_to_rest": None,
        "dataset": {
            "id": "0123456789abcdef",
            "name": "pets & <friends>",
            "classes": 3,
            "images": {"train": 1200, "valid": 60, "test": 6},
        },
        "accuracy": 0.8333,
        "loss": 0.21,
        "instances": 2,
        "features": None,
        "tuning": {"strategy": "none", "job_name": None, "objective": None, "trials": [], "best": None},
        "training": {
            "job_name": "musher-train-0123abcd",
            "status": "Completed",
            "instance_type": "ml.m5.xlarge",
            "is_spot": False,
            "billable_seconds": 30,
            "training_seconds": 31,
            "metrics": {"test:accuracy": 0.8333},
            "spot_savings": None,
        },
        "ec2": None,
        "endpoint": {
            "name": "musher-live",
            "kind": "realtime",
            "config_name": "musher-0123abcd-89abcdef",
            "previous_config_name": None,
            "instance_type": "ml.m5.large",
            "instances": 1,
            "captures_uri": "s3://b/musher/captures/musher-live/",
        },
        "lifetime": "live",
        "gate": {
            "package_arn": "arn:aws:sagemaker:us-east-1:123456789012:model-package/musher/7",
            "champion": "musher-0123abcd-01234567",
            "champion_accuracy": 0.8,
        },
        "shadow": {name: value for name, value in RESULTS["shadow"].items() if name != "seconds"},
        "batch": {
            "job_name": "musher-batch-0123abcd",
            "output_uri": "s3://b/musher/jobs/musher-batch-0123abcd/output/",
            "images": 1836,
            "instance_type": "ml.m5.large",
            "instances": 2,
        },
        "scaling": {
            "min_instances": 1,
            "max_instances": 3,
            "metric": "invocations",
            "target": 100,
            "alarms": ["TargetTracking-1"],
        },
        "lambda": {
            "function_name": "musher-0123abcd",
            "status": 200,
            "answers": RESULTS["answers"]["answers"],
        },
        "load": None,
        "stages": {
            "stage_dataset": {"seconds": 2.5, "billed_seconds": None},
            "train": {"seconds": 42.0, "billed_seconds": 60},
            "evaluate": {"seconds": 0.1, "billed_seconds": None},
            "gate": {"seconds": 0.2, "billed_seconds": None},
            "batch": {"seconds": 50.0, "billed_seconds": 60.0},
            "shadow": {"seconds": 700.0, "billed_seconds": None},
            "deploy": {"seconds": 9.0, "billed_seconds": None},
            "autoscale": {"seconds": 0.4, "billed_seconds": None},
            "deploy_lambda": {"seconds": 1.0, "billed_seconds": None},
            "smoke_test": {"seconds": 1.5, "billed_seconds": 0.3},
        },
        "links": {},
    }


def test_the_page_shows_the_numbers_and_escapes_names() -> None:
    shown = page()
    assert "83.3 %" in shown
    assert "60.0 s" in shown
    assert "s3://b/musher/captures/musher-live/" in shown
    assert "1,836 images: s3://b/musher/jobs/musher-batch-0123abcd/output/" in shown
    assert "pets &amp; &lt;friends&gt;" in shown
    assert "<friends>" not in shown
    assert '<td class="right">cat</td>' in shown
    assert '<td class="wrong">owl</td>' in shown
    assert "<title>dog taken for owl: 1</title>" in shown
    assert "Tuning" not in shown
    assert "Features of" not in shown
    assert "on demand" in shown


def test_an_instance_s_training_stands_beside_sagemaker_s() -> None:
    ec2 = {
        "job_name": "musher-ec2-0123abcd",
        "model_uri": "s3://b/musher/jobs/musher-ec2-0123abcd/output/model.tar.gz",
        "model_sha256": "ab" * 32,
        "output_uri": "s3://b/o",
        "instance_id": "i-1",
        "instance_type": "m5.xlarge",
        "is_spot": False,
        "training_seconds": 200.0,
        "seconds": 300.0,
        "accuracy": 0.7777,
        "loss": 0.5,
        "images": 6,
        "price_usd": 0.016,
    }
    found = build_summary(facts(), {**RESULTS, "ec2": ec2})
    assert found["stages"]["train_on_ec2"] == {"seconds": 300.0, "billed_seconds": 300.0}
    shown = page(found)
    for text in (
        "Trained on EC2, beside SageMaker",
        "77.8 %",
        "$0.0160",
        "1 x m5.xlarge",
        "abababab…",
    ):
        assert text in shown
    alone = build_summary(facts(), {**NOTHING, "ec2": {**ec2, "price_usd": None}})
    assert "beside SageMaker" not in render(summary=alone, outputs=Outputs())
    assert "Trained on EC2" not in page()


def test_a_refused_run_shows_its_figures_and_what_refused_them() -> None:
    reached = {**NOTHING, **{name: RESULTS[name] for name in ("dataset", "job", "evaluation")}}
    found = build_summary(facts(evaluate="min_accuracy is 0.9 <now>"), reached)
    assert (found["status"], found["accuracy"], found["endpoint"]) == ("failed", 0.8333, None)
    assert list(found["stages"]) == ["stage_dataset", "train", "evaluate"]
    shown = page(found)
    assert "The run failed" in shown
    assert "min_accuracy is 0.9 &lt;now&gt;" in shown
    assert "83.3 %" in shown
    assert "What the function answered" not in shown


def test_a_run_that_came_to_nothing_still_has_a_page() -> None:
    found = build_summary(facts(stage_dataset=None), NOTHING)
    assert found["stages"] == {}
    shown = render(summary=found, outputs=Outputs())
    assert "No data set" in shown
    assert "<td>stage_dataset</td><td>see the task&#39;s log</td>" in shown


def test_the_page_needs_nothing_else() -> None:
    shown = page(summary(features=EMBED, tuning=TUNING), features=FEATURES)
    assert not re.findall(r"https?://|<script|<link|<img|@import|url\(", shown)


def test_the_page_holds_the_pictures_it_shows() -> None:
    address = data_address(body=b"png", content_type="image/png")
    shown = page(pictures={"samples/cat/a.png": address})
    assert '<img alt="" src="data:image/png;base64,cG5n">' in shown
    assert shown.count("<img") == 1


def test_the_heat_map_lists_only_what_holds_something() -> None:
    found = heat_map(EVALUATION["confusion_matrix"], classes=EVALUATION["classes"])
    assert [(cell["row"], cell["column"], cell["count"], cell["hit"]) for cell in found["cells"]] == [
        (0, 0, 3, True),
        (1, 1, 2, True),
        (1, 2, 1, False),
    ]
    assert found["cells"][2]["share"] == pytest.approx(1 / 3)
    assert found["is_labelled"]


def test_the_worst_recall_comes_first_and_unseen_classes_not_at_all() -> None:
    assert worst_recalls(EVALUATION) == [
        {"name": "dog", "recall": 0.6667, "images": 3},
        {"name": "cat", "recall": 1.0, "images": 3},
    ]


def test_133_classes_make_a_page_of_bearable_size() -> None:
    classes = [f"{n:03}.Breed_{n}" for n in range(133)]
    matrix = [[6 if row == column else int(column == 0) for column in range(133)] for row in range(133)]
    evaluation = {
        **EVALUATION,
        "classes": classes,
        "confusion_matrix": matrix,
        "per_class_recall": [0.8] * 133,
    }
    found = summary() | {"dataset": {**summary()["dataset"], "classes": 133}}
    shown = page(found, evaluation=evaluation)
    assert len(shown) < 150_000
    assert "the worst 20" in shown
    assert shown.count("taken for") == 133 + 132


def test_stages_that_a_run_went_through_have_their_times() -> None:
    stages = summary(features=EMBED, tuning=TUNING)["stages"]
    assert list(stages)[:4] == ["stage_dataset", "embed", "tune", "train"]
    assert stages["embed"] == {"seconds": 50.0, "billed_seconds": 80.0}
    assert stages["tune"] == {"seconds": 20.0, "billed_seconds": 18.0}


def test_features_of_an_earlier_run_cost_nothing() -> None:
    found = summary(features={**EMBED, "created_at": "2026-01-01T00:00:09+00:00"})
    assert found["features"] == {"job_name": EMBED["job_name"], "is_adopted": True}
    assert found["stages"]["embed"] == {"seconds": 0.0, "billed_seconds": 0.0}
    assert not summary(features=EMBED)["features"]["is_adopted"]


def test_the_tuning_is_part_of_the_summary() -> None:
    assert summary(tuning=TUNING)["tuning"] == {
        "strategy": "Random",
        "job_name": "musher-t-0123abcd",
        "objective": "best:valid_loss",
        "trials": TRIALS,
        "best": TRIALS[2],
    }


@pytest.mark.parametrize(
    ("change", "savings"),
    [
        ({"is_spot": True, "billable_seconds": 30, "training_seconds": 100}, 0.7),
        ({"is_spot": True, "billable_seconds": 31, "training_seconds": 30}, 0.0),
        ({"is_spot": True, "billable_seconds": None}, None),
        ({"is_spot": False}, None),
    ],
)
def test_spot_capacity_saves_what_is_not_billed(change: dict[str, Any], savings: float | None) -> None:
    assert spot_savings({**RESULTS["job"], **change}) == savings


def test_the_page_shows_the_savings() -> None:
    job = {**RESULTS["job"], "is_spot": True, "billable_seconds": 30, "training_seconds": 100}
    assert "spot, 70.0 % saved" in page(summary(**job))


def test_the_best_trial_is_marked_and_comes_first() -> None:
    assert [(trial["name"], trial["is_best"]) for trial in rank_trials(TUNING)] == [
        ("t-3", True),
        ("t-1", False),
        ("t-2", False),
    ]
    shown = page(summary(tuning=TUNING))
    assert "Tuning: 3 trials, Random" in shown
    assert '<td class="right">t-3, best</td>' in shown
    assert shown.count(", best<") == 1


def test_the_page_names_the_engine_of_the_features() -> None:
    shown = page(summary(features=EMBED), features=FEATURES)
    assert "onnxruntime, 21.0 images/s" in shown
    assert "measured: eager" in shown
    assert "2048 in 1 view" in shown


def test_figures_beyond_accuracy_are_shown_where_there_are_any() -> None:
    assert quality(EVALUATION) == []
    evaluation = {**EVALUATION, "macro_f1": 0.8, "ece": 0.05, "temperature": 1.2}
    assert [(name, value) for name, value, _ in quality(evaluation)] == [
        ("Macro F1", 0.8),
        ("Calibration error (ECE)", 0.05),
        ("Temperature", 1.2),
    ]
    assert "Calibration error (ECE)" in page(evaluation=evaluation)


def test_curves_go_from_edge_to_edge_and_mark_the_epoch_that_was_kept() -> None:
    loss, accuracy = draw_curves(HISTORY)
    assert [line["name"] for line in loss["lines"]] == ["training", "validation"]
    assert loss["lines"][0]["points"] == [(0.0, 0.0), (WIDTH / 2, HEIGHT / 2), (WIDTH, HEIGHT * 0.75)]
    assert accuracy["lines"][0]["points"][-1] == (WIDTH, 0.0)
    assert best_place(HISTORY) == 2
    assert loss["best_x"] == WIDTH
    assert [label["text"] for label in loss["labels"]] == [1, 2, 3]
    assert page().count("<polyline") == 3


def test_one_epoch_is_a_dot_in_the_middle_and_many_have_few_labels() -> None:
    one = {**HISTORY, "epochs": HISTORY["epochs"][2:]}
    assert draw_curves(one)[0]["lines"][0]["points"] == [(WIDTH / 2, 0.0)]
    epoch = HISTORY["epochs"][2]
    many = {**HISTORY, "epochs": [{**epoch, "epoch": number} for number in range(1, 101)]}
    assert len(draw_curves(many)[0]["labels"]) == 10


def linked_summary(console: Console | None) -> dict[str, Any]:
    """Return the summary of a whole run that this console shows."""
    run = dataclasses.replace(facts(), console=console)
    return build_summary(run, {**RESULTS, "features": EMBED, "tuning": TUNING})


def test_resources_link_to_their_pages_where_there_is_a_console() -> None:
    found = linked_summary(AwsConsole(region="eu-west-1"))
    assert set(found["links"]) == {
        EMBED["job_name"],
        TUNING["job_name"],
        RESULTS["job"]["job_name"],
        RESULTS["batch"]["job_name"],
        RESULTS["endpoint"]["name"],
        f"function {RESULTS['function']['function_name']}",
    }
    shown = page(found, features=FEATURES)
    assert shown.count('target="_blank" rel="noopener noreferrer"') == 5
    assert "https://eu-west-1.console.aws.amazon.com/lambda/home?region=eu-west-1#/functions/" in shown
    assert linked_summary(None)["links"] == {}
    assert "<a " not in page(linked_summary(None), features=FEATURES)


def test_another_console_s_pages_are_linked_to_as_well() -> None:
    found = linked_summary(OtherConsole(url="http://127.0.0.1:4566/_localaws/"))
    assert found["links"][TUNING["job_name"]].endswith(f"/_localaws/#job/{TUNING['job_name']}")
    assert 'href="http://127.0.0.1:4566/_localaws/#endpoint/' in page(found, features=FEATURES)


def test_trials_in_one_job_have_no_tuning_job_to_link_to() -> None:
    results: Any = {**RESULTS, "tuning": {**TUNING, "strategy": "in_job"}}
    found = build_summary(dataclasses.replace(facts(), console=AwsConsole(region="eu-west-1")), results)
    assert TUNING["job_name"] not in found["links"]


def test_numbers_have_six_digits_at_most() -> None:
    assert make_strict({"a": [0.6675000190734863, (1.0, 3)], "b": 0.00008123456789}) == {
        "a": [0.6675, [1.0, 3]],
        "b": 8.12346e-05,
    }


def test_what_is_no_number_is_none_and_half_a_character_is_replaced() -> None:
    values = {"a\udcff": ["\ud83d", math.nan, math.inf, -math.inf, True, None, "\U0001f600"]}
    assert make_strict(values) == {"a\ufffd": ["\ufffd", None, None, None, True, None, "\U0001f600"]}


def test_the_report_of_a_training_that_diverged_on_oddly_named_photos_is_strict() -> None:
    results = {
        **RESULTS,
        "dataset": {**RESULTS["dataset"], "title": "caf\udce9"},
        "tuning": {**TUNING, "best": {**TRIALS[0], "objective": math.nan}},
        "evaluation": {"accuracy": 0.1, "loss": math.nan, "seconds": 0.1},
    }
    found = build_summary(facts(evaluate="class \udce9 is worst"), results)
    json.dumps(found, allow_nan=False, ensure_ascii=False).encode()
    assert (found["loss"], found["tuning"]["best"]["objective"]) == (None, None)
    evaluation = {**EVALUATION, "loss": math.nan, "classes": ["cat\udce9", "dog", "owl"]}
    assert "<h1>caf\ufffd: 83.3 %" in page(found, evaluation=evaluation).encode().decode()


def test_top_5_is_shown_only_where_it_says_something() -> None:
    assert "top-5" not in page()
    many = {**EVALUATION, "classes": [str(n) for n in range(6)], "per_class_recall": [None] * 6}
    many["confusion_matrix"] = [[1] * 6] * 6
    assert "top-5" in page(evaluation=many)


def test_the_data_set_is_called_as_its_owner_calls_it() -> None:
    results: Any = {**RESULTS, "dataset": {**RESULTS["dataset"], "title": "Fotos Müller"}}
    assert build_summary(facts(), results)["dataset"]["name"] == "Fotos Müller"


def test_what_staging_found_is_shown_as_text() -> None:
    found = {
        "warnings": ["1 image(s) are in <two> splits."],
        "notes": ["2 file(s) were left out."],
        "cut": None,
    }
    results: Any = {**RESULTS, "dataset": {**RESULTS["dataset"], "found": found}}
    built = build_summary(facts(), results)
    assert built["dataset"]["found"] == {"warnings": found["warnings"], "notes": found["notes"]}
    shown = page(built)
    assert "<h2>What staging found</h2>" in shown
    assert "<b>1 image(s) are in &lt;two&gt; splits.</b>" in shown
    assert "2 file(s) were left out." in shown


def test_a_data_set_of_an_older_version_has_no_findings() -> None:
    results: Any = {**RESULTS, "dataset": {**RESULTS["dataset"], "found": None}}
    built = build_summary(facts(), results)
    assert "found" not in built["dataset"]
    assert "What staging found" not in page(built)


def test_a_class_name_of_html_is_text() -> None:
    evil = "<img src=x onerror=alert(1)>"
    answers = [{**RESULTS["answers"]["answers"][0], "predicted": evil, "truth": evil}]
    results: Any = {**RESULTS, "answers": {**RESULTS["answers"], "answers": answers}}
    evaluation = {**EVALUATION, "classes": [evil, "</svg><script>", "owl"]}
    shown = page(build_summary(facts(train=evil), results), evaluation=evaluation)
    assert "<img" not in shown
    assert "<script" not in shown
    assert "&lt;img src=x onerror=alert(1)&gt;" in shown


@pytest.mark.parametrize(
    ("lifetime", "told"),
    [
        ("trial", "is billed until the run&#39;s teardown has removed it."),
        ("live", "is billed until <code>retire_deployment</code> removes it."),
    ],
)
def test_the_report_says_how_long_the_endpoint_costs(lifetime: str, told: str) -> None:
    shown = page({**summary(), "lifetime": lifetime}).replace("'", "&#39;")
    assert told in shown


@pytest.mark.parametrize(
    ("failed", "before", "told"),
    [
        ("smoke_test", "musher-0-1", "its teardown brings musher-0-1 back"),
        (
            "smoke_test",
            None,
            "until the run's teardown has removed it: the run failed, and nothing served before",
        ),
        ("teardown", "musher-0-1", "until <code>retire_deployment</code> removes it."),
    ],
)
def test_a_live_run_that_failed_does_not_say_that_its_model_stays(
    failed: str, before: str | None, told: str
) -> None:
    endpoint = {**RESULTS["endpoint"], "previous_config_name": before}
    found = build_summary(facts(**{failed: "why"}), {**RESULTS, "endpoint": endpoint})
    assert told in page(found)


def test_the_page_says_what_was_released_over_what() -> None:
    shown = re.sub(r"<[^>]+>", "", page())
    for told in (
        "7 of musher, approved",
        "the live model of musher-0123abcd-01234567, 80.0 % of the same images right",
        "musher-0123abcd-89abcdef",
        "Served beforenothing",
        "1 to 3 instances, for 100 invocations a minute each",
    ):
        assert told in shown


def test_what_was_held_against_nothing_and_does_not_scale_is_said_to_be_so() -> None:
    scaling = {**RESULTS["scaling"], "max_instances": 1, "alarms": []}
    verdict = {**RESULTS["verdict"], "champion": None, "champion_accuracy": None}
    shown = re.sub(
        r"<[^>]+>", "", page(build_summary(facts(), {**RESULTS, "scaling": scaling, "verdict": verdict}))
    )
    assert "the minimums alone: no live model was known" in shown
    assert "Scalingnone" in shown


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"metric": "concurrency"}, "1 to 3 instances, for 100 requests at the same time each"),
        ({"metric": "custom"}, "1 to 3 instances, for 100 of a metric of the run's own each"),
        ({"max_instances": 1}, "1 to 1 instances, until its schedule says otherwise"),
    ],
)
def test_each_way_to_scale_has_its_words(changes: dict[str, object], told: str) -> None:
    scaling = {**RESULTS["scaling"], **changes}
    shown = re.sub(r"<[^>]+>", "", page(build_summary(facts(), {**RESULTS, "scaling": scaling})))
    assert told in html.unescape(shown)


def test_nothing_is_said_of_training_that_did_not_happen() -> None:
    assert "Training is billed" not in page({**summary(), "training": None})


@pytest.mark.parametrize(
    ("changes", "shown"),
    [
        ({}, "It kept all limits."),
        ({"faults": ["9.0 % of its answers are 5XX"]}, '<p class="wrong">9.0 % of its answers are 5XX</p>'),
        ({"reason": "3 requests reached it"}, "Not judged: 3 requests reached it."),
        ({"shadow": None, "reason": "nothing serves yet"}, "No shadow: nothing serves yet."),
    ],
)
def test_a_shadow_is_shown_beside_what_served(changes: dict[str, Any], shown: str) -> None:
    found = page({**summary(), "shadow": {**RESULTS["shadow"], **changes}})
    assert "In the shadow of musher-00000000-1" in found
    assert ("2,001" in found) == ("shadow" not in changes)
    assert shown in found


def test_a_challenger_is_called_one() -> None:
    found = page({**summary(), "shadow": {**RESULTS["shadow"], "role": "challenger"}})
    assert "As the challenger of musher-00000000-1" in found
    assert "% of the requests got its answers" in found
    assert "mirrored" not in found


def test_a_run_that_asked_for_no_shadow_says_nothing_of_one() -> None:
    found = build_summary(facts(), {**RESULTS, "shadow": {**RESULTS["shadow"], "percent": 0}})
    assert "shadow" not in found["stages"]
    assert "In the shadow" not in page(found)
