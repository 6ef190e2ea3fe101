"""Render a run's report: one HTML page that needs nothing else."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from musher.ec2_results import EC2_TASKS
from musher.payloads.choices import (
    ASYNC,
    BACKLOG,
    CONCURRENCY,
    CUSTOM,
    INVOCATIONS,
    REALTIME,
    SERVERLESS,
)
from musher.payloads.happenings import Happenings
from musher.report.curves import draw_curves
from musher.report.load import draw_load
from musher.report.strict import replace_surrogates
from musher.report.timeline import draw_timeline

TEMPLATES = Path(__file__).parent
LABELLED_CLASSES = 40
"""Up to so many classes, the heat map names them and prints its counts."""

MAP_PX = 480
"""Width that a map of few classes fills, in pixels."""

LABEL_CHARACTERS = 20

QUALITY = (
    ("macro_f1", "Macro F1", "mean over classes: rare ones count as much as frequent ones"),
    ("nll", "Negative log likelihood", "0 is a sure and right answer for each image"),
    ("ece", "Calibration error (ECE)", "mean gap between how sure the model is and how often it is right"),
    ("temperature", "Temperature", "divide logits by it to calibrate; above 1: too sure of itself"),
    ("calibrated_nll", "Negative log likelihood, calibrated", "after that division"),
    ("calibrated_ece", "Calibration error, calibrated", "after that division"),
)
"""Figures of evaluation.json, what they are called, and what they mean."""

AFTERWARDS = frozenset({"report", "teardown", *EC2_TASKS})
"""Tasks whose failure takes back nothing that the run has released."""

UNITS = {
    INVOCATIONS: "invocations a minute",
    CONCURRENCY: "requests at the same time",
    BACKLOG: "requests that wait or are under way",
    CUSTOM: "of a metric of the run's own",
}
"""What the target of the scaling counts."""

KINDS = {
    REALTIME: "real-time",
    SERVERLESS: "serverless: it costs by the request",
    ASYNC: "asynchronous: it answers into S3, and has no function",
}

WORST_CLASSES = 20
"""With more classes than are labelled, the recall table shows the worst so many."""


@dataclass(frozen=True, kw_only=True)
class Outputs:
    """What the stages of a run stored: evaluation, history, features and load test, where there are any.

    `pictures` maps an answer's image to a data: address that shows it.
    """

    evaluation: Mapping[str, Any] | None = None
    history: Mapping[str, Any] | None = None
    features: Mapping[str, Any] | None = None
    load: Mapping[str, Any] | None = None
    happenings: Happenings | None = None
    pictures: Mapping[str, str] = field(default_factory=dict)


def render(*, summary: Mapping[str, Any], outputs: Outputs) -> str:
    """Return the page for summary.json and the jobs' outputs."""
    evaluation = outputs.evaluation
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    page = environment.get_template("page.html.j2").render(
        summary=summary,
        evaluation=evaluation,
        features=outputs.features,
        pictures=outputs.pictures,
        load=draw_load(outputs.load) if outputs.load else None,
        timeline=draw_timeline(outputs.happenings, load=outputs.load) if outputs.happenings else None,
        charts=draw_curves(outputs.history) if outputs.history else [],
        quality=quality(evaluation) if evaluation else [],
        release=release(summary),
        is_taken_back=bool(set(summary["failures"]) - AFTERWARDS),
        trials=rank_trials(summary["tuning"]),
        map=heat_map(evaluation["confusion_matrix"], classes=evaluation["classes"]) if evaluation else None,
        recalls=worst_recalls(evaluation) if evaluation else [],
        total_seconds=sum(stage["seconds"] or 0 for stage in summary["stages"].values()),
        slowest_seconds=max((stage["seconds"] or 0 for stage in summary["stages"].values()), default=0) or 1,
    )
    return replace_surrogates(page)


def quality(evaluation: Mapping[str, Any]) -> list[tuple[str, float, str]]:
    """Return name, value and meaning of the figures beyond accuracy that evaluation.json holds."""
    return [
        (label, evaluation[key], meaning)
        for key, label, meaning in QUALITY
        if evaluation.get(key) is not None
    ]


def release(summary: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return name and value of what is known of how the model came into operation, as far as it came."""
    gate, endpoint, scaling = summary["gate"], summary["endpoint"], summary["scaling"]
    rows = []
    if gate:
        group, version = gate["package_arn"].split("/")[-2:]
        rows.append(("Version in the registry", f"{version} of {group}, approved"))
        rows.append(("Held against", _describe_champion(gate)))
    if endpoint:
        rows.append(("Endpoint configuration", endpoint["config_name"]))
        rows.append(("Kind of endpoint", KINDS[endpoint["kind"]]))
        rows.append(("Served before", endpoint["previous_config_name"] or "nothing"))
        if endpoint["captures_uri"]:
            rows.append(("Captured requests and answers", endpoint["captures_uri"]))
    if batch := summary["batch"]:
        rows.append(("Classified in one go", f"{batch['images']:,} images: {batch['output_uri']}"))
    if scaling:
        rows.append(("Scaling", _describe_scaling(scaling)))
    return rows


def _describe_champion(gate: Mapping[str, Any]) -> str:
    if gate["champion"] is None:
        return "the minimums alone: no live model was known"
    share = 100 * gate["champion_accuracy"]
    return f"the live model of {gate['champion']}, {share:.1f} % of the same images right"


def _describe_scaling(scaling: Mapping[str, Any]) -> str:
    least, most = scaling["min_instances"], scaling["max_instances"]
    if least == most:
        told = f"{least} to {most} instances, until its schedule says otherwise"
        return told if scaling["alarms"] else "none"
    return f"{least} to {most} instances, for {scaling['target']:g} {UNITS[scaling['metric']]} each"


def rank_trials(tuning: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the trials, the best first, those without an objective last."""
    best = tuning["best"]["name"] if tuning["best"] else None
    trials = [{**trial, "is_best": trial["name"] == best} for trial in tuning["trials"]]
    return sorted(
        trials,
        key=lambda trial: (not trial["is_best"], trial["objective"] is None, trial["objective"] or 0.0),
    )


def heat_map(matrix: Sequence[Sequence[int]], *, classes: Sequence[str]) -> dict[str, Any]:
    """Return cells (row, column, count, share of the row, 0 to 1) of a confusion matrix, and its size.

    Only cells that hold something are listed: a matrix of 133 classes has 17,689, nearly all empty.
    """
    cells = []
    for row, counts in enumerate(matrix):
        total = sum(counts) or 1
        cells += [
            {"row": row, "column": column, "count": count, "share": count / total, "hit": row == column}
            for column, count in enumerate(counts)
            if count
        ]
    is_labelled = len(classes) <= LABELLED_CLASSES
    label_px = 10 + 6 * min(LABEL_CHARACTERS, max(len(name) for name in classes))
    return {
        "cells": cells,
        "classes": classes,
        "is_labelled": is_labelled,
        "size": max(16, min(40, MAP_PX // len(classes))) if is_labelled else 6,
        "margin": label_px if is_labelled else 4,
    }


def data_address(*, body: bytes, content_type: str) -> str:
    """Return a picture as an address that holds it."""
    return f"data:{content_type};base64,{base64.b64encode(body).decode()}"


def worst_recalls(evaluation: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return name, recall (0 to 1) and images of each class that has test images, lowest recall first."""
    rows = [
        {"name": name, "recall": recall, "images": sum(counts)}
        for name, recall, counts in zip(
            evaluation["classes"], evaluation["per_class_recall"], evaluation["confusion_matrix"], strict=True
        )
        if recall is not None
    ]
    rows.sort(key=lambda row: (row["recall"], row["name"]))
    return rows if len(rows) <= LABELLED_CLASSES else rows[:WORST_CLASSES]
