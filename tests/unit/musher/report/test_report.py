"""The report: numbers gathered from the stages, and a page that needs nothing else."""

import re
from typing import Any

import pytest

from musher.report.page import data_address, heat_map, render, worst_recalls
from musher.report.summary import StageResults, build_summary

RESULTS = StageResults(
    dataset={
        "dataset_id": "0123456789abcdef",
        "name": "pets & <friends>",
        "classes": 3,
        "images": {"train": 1200, "valid": 60, "test": 6},
        "seconds": 2.5,
    },
    job={
        "job_name": "musher-train-0123abcd",
        "status": "Completed",
        "instance_type": "ml.m5.xlarge",
        "instances": 2,
        "billable_seconds": 30,
        "training_seconds": 31,
        "seconds": 42.0,
        "metrics": {"test:accuracy": 0.8333},
    },
    approved={"accuracy": 0.8333, "loss": 0.21, "seconds": 0.1},
    endpoint={"name": "musher-0123abcd", "instance_type": "ml.m5.large", "instances": 1, "seconds": 9.0},
    function={"function_name": "musher-0123abcd", "seconds": 1.0},
    answers={
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
)
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


def summary() -> dict[str, Any]:
    """Return the summary of RESULTS."""
    return build_summary(dag_id="operationalize_model", run_id="manual__1", results=RESULTS)


def test_the_summary_holds_what_its_readers_expect() -> None:
    assert summary() == {
        "run_id": "manual__1",
        "dag_id": "operationalize_model",
        "dataset": {
            "id": "0123456789abcdef",
            "name": "pets & <friends>",
            "classes": 3,
            "images": {"train": 1200, "valid": 60, "test": 6},
        },
        "accuracy": 0.8333,
        "loss": 0.21,
        "instances": 2,
        "training": {
            "job_name": "musher-train-0123abcd",
            "status": "Completed",
            "instance_type": "ml.m5.xlarge",
            "billable_seconds": 30,
            "training_seconds": 31,
            "metrics": {"test:accuracy": 0.8333},
        },
        "endpoint": {"name": "musher-0123abcd", "instance_type": "ml.m5.large", "instances": 1},
        "lambda": {
            "function_name": "musher-0123abcd",
            "status": 200,
            "answers": RESULTS.answers["answers"],
        },
        "stages": {
            "stage_dataset": {"seconds": 2.5, "billed_seconds": None},
            "train": {"seconds": 42.0, "billed_seconds": 60},
            "evaluate": {"seconds": 0.1, "billed_seconds": None},
            "deploy": {"seconds": 9.0, "billed_seconds": None},
            "deploy_lambda": {"seconds": 1.0, "billed_seconds": None},
            "smoke_test": {"seconds": 1.5, "billed_seconds": 0.3},
        },
    }


def test_the_page_shows_the_numbers_and_escapes_names() -> None:
    page = render(summary=summary(), evaluation=EVALUATION)
    assert "83.3 %" in page
    assert "60.0 s" in page
    assert "pets &amp; &lt;friends&gt;" in page
    assert "<friends>" not in page
    assert '<td class="right">cat</td>' in page
    assert '<td class="wrong">owl</td>' in page
    assert "<title>dog taken for owl: 1</title>" in page


def test_the_page_needs_nothing_else() -> None:
    page = render(summary=summary(), evaluation=EVALUATION)
    assert not re.findall(r"https?://|<script|<link|<img|@import|url\(", page)


def test_the_page_holds_the_pictures_it_shows() -> None:
    address = data_address(body=b"png", content_type="image/png")
    page = render(summary=summary(), evaluation=EVALUATION, pictures={"samples/cat/a.png": address})
    assert '<img alt="" src="data:image/png;base64,cG5n">' in page
    assert page.count("<img") == 1


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
    page = render(
        summary=summary() | {"dataset": {**summary()["dataset"], "classes": 133}}, evaluation=evaluation
    )
    assert len(page) < 150_000
    assert "the worst 20" in page
    assert page.count("<title>") == 1 + 133 + 132
