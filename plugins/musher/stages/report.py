"""Stage: write the run's report, whatever became of the run."""

import json
import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, TypeVar, cast

from airflow.sdk import get_current_context, task
from botocore.exceptions import BotoCoreError, ClientError

from musher import names
from musher.console import find_console
from musher.errors import MusherError
from musher.hooks.connection import s3_hook
from musher.hooks.objects import download, upload
from musher.operators.base import fail_without_retry
from musher.payloads.features import MARKER
from musher.payloads.tags import TRIAL
from musher.report.summary import RunFacts, build_summary
from musher.results import LoadTestResult, RunResults, SmokeTestResult, TrainingJobResult
from musher.settings import Settings
from musher.stages.failures import failures_of_run, reason_to_rest, states_of_run
from musher.stages.outputs import EVALUATION, HISTORY, load_outputs
from musher.stages.run import Run, current_run

if TYPE_CHECKING:
    from musher.report.page import Outputs

logger = logging.getLogger(__name__)

Loaded = TypeVar("Loaded")

TASK_OF = {
    "dataset": "stage_dataset",
    "features": "embed.run_job",
    "tuning": "tune.gather_trials",
    "job": "train.run_job",
    "evaluation": "evaluate",
    "verdict": "gate.await_approval",
    "endpoint": "deploy.run_endpoint",
    "scaling": "autoscale",
    "function": "deploy_lambda.run_function",
    "answers": "smoke_test",
    "load": "load_test",
}
"""The task that makes each result."""

MAX_PICTURE_BYTES = 1_000_000
"""Larger images are named in the report, not shown."""


@task(task_id="report", multiple_outputs=False)
def report(results: RunResults) -> dict[str, str]:
    """Store report.html and summary.json; return their S3 addresses.

    A run that failed or was refused has a report, too: of what it came to, and of what stopped it. For that,
    DAGs make this task a teardown, which runs even where somebody marks the run as failed.
    """
    from musher.report.page import render  # the template engine is no business of the DAG's parse

    with fail_without_retry():
        run, instance = current_run(), get_current_context()["ti"]
        states = states_of_run(instance)
        results = drop_old_results(results, states)
        facts = RunFacts(
            dag_id=run.dag_id,
            run_id=run.run_id,
            started_at=run.started_at,
            failures=failures_of_run(instance),
            reason_to_rest=reason_to_rest(instance),
            lifetime=run.params.get("lifetime", TRIAL),
            console=find_console(run.settings, client=s3_hook(run.settings).get_conn()),
        )
        summary = build_summary(facts, results)
        was_loaded = results["load"] is not None or states.get(TASK_OF["load"]) == "failed"
        outputs = load_run_outputs(run, results, was_loaded=was_loaded)
        page = render(summary=summary, outputs=outputs)
        files = {
            "report.html": (page, "text/html; charset=utf-8"),
            "summary.json": (json.dumps(summary, indent=1, allow_nan=False), "application/json"),
        }
        hook = s3_hook(run.settings)
        prefix = names.report_prefix(run.settings, dag_id=run.dag_id, run_id=run.run_id)
        return {
            name: upload(hook, run.settings, key=f"{prefix}/{name}", data=text.encode(), content_type=kind)
            for name, (text, kind) in files.items()
        }


def load_run_outputs(run: Run, results: RunResults, *, was_loaded: bool) -> "Outputs":
    """Return what the stages have stored, and the pictures that the function was asked about.

    `was_loaded`: there may be a load test's figures, also of one that was stopped before its end.
    """
    from musher.report.page import Outputs

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
        load=tolerate(lambda: load_load_test(run)) if was_loaded else None,
        pictures=(tolerate(lambda: load_pictures(settings, answers)) if answers else None) or {},
    )


def nothing_but(*, load: LoadTestResult | None) -> RunResults:
    """Return the results of a DAG that makes a load test and nothing else."""
    return cast(RunResults, {**dict.fromkeys(TASK_OF), "load": load})


def drop_old_results(results: RunResults, states: Mapping[str, str | None]) -> RunResults:
    """Return without what an earlier attempt made: a task that did not run again keeps its old result.

    A stage that failed may have left figures, as a gate that refuses does.
    """
    return cast(
        RunResults,
        {
            name: value if states.get(TASK_OF[name], "success") in ("success", "failed") else None
            for name, value in results.items()
        },
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
    found: dict[str, object] = json.loads(download(s3_hook(settings), uri=features["model_uri"] + MARKER))
    return found


def load_load_test(run: Run) -> dict[str, object]:
    """Return all that the run's load test has measured."""
    key = names.load_test_key(run.settings, dag_id=run.dag_id, run_id=run.run_id)
    uri = names.s3_uri(run.settings, key=key)
    found: dict[str, object] = json.loads(download(s3_hook(run.settings), uri=uri))
    return found


def load_pictures(settings: Settings, answers: SmokeTestResult) -> dict[str, str]:
    """Return the images that the function was asked about, as addresses that hold them."""
    from musher.report.page import data_address

    s3, found = s3_hook(settings).get_conn(), {}
    for image in (answer["image"] for answer in answers["answers"]):
        stored = s3.get_object(Bucket=names.bucket(settings), Key=image)
        if stored["ContentLength"] <= MAX_PICTURE_BYTES:
            found[image] = data_address(body=stored["Body"].read(), content_type=stored["ContentType"])
    return found
