"""Load what a run's report shows: what the stages have stored, and the pictures that were asked about."""

import json
import logging
from collections.abc import Callable
from typing import Any, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from musher import names
from musher.errors import MusherError
from musher.hooks.connection import s3_hook
from musher.hooks.objects import download
from musher.report.page import Outputs, data_address
from musher.results import RunResults, SmokeTestResult, TrainingJobResult
from musher.settings import Settings
from musher.stages.outputs import EVALUATION, HISTORY, load_outputs
from musher.stages.run import Run

logger = logging.getLogger(__name__)

Loaded = TypeVar("Loaded")

MAX_PICTURE_BYTES = 1_000_000
"""Larger images are named in the report, not shown."""


def load_run_outputs(run: Run, results: RunResults, *, was_loaded: bool) -> Outputs:
    """Return what the stages have stored, and the pictures that the function was asked about.

    `was_loaded`: there may be a load test's figures, also of one that was stopped before its end.
    """
    settings = run.settings
    job, features, answers = results["job"], results["features"], results["answers"]
    evaluation, history = (
        tolerate(lambda: load_outputs(settings, output_uri=job["output_uri"], names=[EVALUATION, HISTORY]))
        if job
        else None
    ) or (None, None)
    return Outputs(
        evaluation=evaluation,
        history=history,
        features=tolerate(lambda: load_features(settings, features)) if features else None,
        load=tolerate(lambda: load_load_test(run, is_stopped=results["load"] is None))
        if was_loaded
        else None,
        pictures=(tolerate(lambda: load_pictures(settings, answers)) if answers else None) or {},
    )


def tolerate(load: Callable[[], Loaded]) -> Loaded | None:
    """Return what is loaded; None where that cannot be had: the report shows what there is."""
    try:
        return load()
    except (MusherError, BotoCoreError, ClientError, ValueError) as error:
        logger.warning("the report lacks a part: %s", error)
        return None


def load_features(settings: Settings, features: TrainingJobResult) -> dict[str, object]:
    """Return what the features' job wrote about them."""
    uri = features["model_uri"] + names.FEATURES_MARKER
    found: dict[str, object] = json.loads(download(s3_hook(settings), uri=uri))
    return found


def load_load_test(run: Run, *, is_stopped: bool) -> dict[str, Any] | None:
    """Return all that the run's load test has measured, None where that is not of its last attempt.

    A load test without a result was stopped, and has stored that, or failed before it stored anything.
    """
    key = names.load_test_key(run.settings, dag_id=run.dag_id, run_id=run.run_id)
    uri = names.s3_uri(run.settings, key=key)
    found: dict[str, Any] = json.loads(download(s3_hook(run.settings), uri=uri))
    return None if is_stopped and found["measured"]["is_complete"] else found


def load_pictures(settings: Settings, answers: SmokeTestResult) -> dict[str, str]:
    """Return the images that the function was asked about, as addresses that hold them."""
    s3, found = s3_hook(settings).get_conn(), {}
    for image in (answer["image"] for answer in answers["answers"]):
        stored = s3.get_object(Bucket=names.bucket(settings), Key=image)
        if stored["ContentLength"] <= MAX_PICTURE_BYTES:
            found[image] = data_address(body=stored["Body"].read(), content_type=stored["ContentType"])
    return found
