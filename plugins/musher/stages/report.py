"""Stage: write the run's report, whatever became of the run."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

from airflow.sdk import get_current_context, task

from musher import console, names
from musher.hooks.connection import s3_hook
from musher.hooks.objects import download, upload
from musher.operators.base import fail_without_retry
from musher.payloads.features import MARKER
from musher.report.summary import RunFacts, build_summary
from musher.results import RunResults, SmokeTestResult, TrainingJobResult
from musher.settings import Settings
from musher.stages.failures import failures_of_run
from musher.stages.outputs import EVALUATION, HISTORY, load_outputs
from musher.stages.run import current_run

if TYPE_CHECKING:
    from musher.report.page import Outputs

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
        run = current_run()
        facts = RunFacts(
            dag_id=run.dag_id,
            run_id=run.run_id,
            started_at=run.started_at,
            failures=failures_of_run(get_current_context()["ti"]),
            console_region=find_console_region(run.settings),
        )
        summary = build_summary(facts, results)
        page = render(summary=summary, outputs=load_run_outputs(run.settings, results))
        files = {
            "report.html": (page, "text/html; charset=utf-8"),
            "summary.json": (json.dumps(summary, indent=1), "application/json"),
        }
        hook, prefix = s3_hook(run.settings), names.report_prefix(run.settings, slug=run.slug)
        return {
            name: upload(hook, run.settings, key=f"{prefix}/{name}", data=text.encode(), content_type=kind)
            for name, (text, kind) in files.items()
        }


def find_console_region(settings: Settings) -> str | None:
    """Return the region whose console shows what the run made; None where that is not AWS."""
    is_aws = console.is_aws(s3_hook(settings).get_conn().meta.endpoint_url)
    return settings.region if is_aws else None


def load_run_outputs(settings: Settings, results: RunResults) -> "Outputs":
    """Return what the jobs wrote about themselves, and the pictures that the function was asked about."""
    from musher.report.page import Outputs

    evaluation, history = load_job_outputs(settings, results["job"])
    features, answers = results["features"], results["answers"]
    return Outputs(
        evaluation=evaluation,
        history=history,
        features=json.loads(download(s3_hook(settings), uri=features["model_uri"] + MARKER))
        if features
        else None,
        pictures=load_pictures(settings, answers) if answers else {},
    )


def load_job_outputs(
    settings: Settings, job: TrainingJobResult | None
) -> tuple[Mapping[str, object] | None, Mapping[str, object] | None]:
    """Return evaluation.json and history.json of the training job; None for what it did not come to."""
    if job is None:
        return None, None
    evaluation, history = load_outputs(settings, output_uri=job["output_uri"], names=[EVALUATION, HISTORY])
    return evaluation, history


def load_pictures(settings: Settings, answers: SmokeTestResult) -> dict[str, str]:
    """Return the images that the function was asked about, as addresses that hold them."""
    from musher.report.page import data_address

    s3, found = s3_hook(settings).get_conn(), {}
    for image in (answer["image"] for answer in answers["answers"]):
        stored = s3.get_object(Bucket=names.bucket(settings), Key=image)
        if stored["ContentLength"] <= MAX_PICTURE_BYTES:
            found[image] = data_address(body=stored["Body"].read(), content_type=stored["ContentType"])
    return found
