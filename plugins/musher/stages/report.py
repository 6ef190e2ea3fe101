"""Stage: write the run's report."""

import json
from collections.abc import Mapping
from typing import Any

from airflow.sdk import task

from musher import names
from musher.hooks.connection import s3_hook
from musher.hooks.objects import download, upload
from musher.operators.base import fail_without_retry
from musher.payloads.features import MARKER
from musher.report.summary import StageResults, build_summary
from musher.settings import Settings
from musher.stages.outputs import EVALUATION, HISTORY, load_outputs
from musher.stages.run import current_run

MAX_PICTURE_BYTES = 1_000_000
"""Larger images are named in the report, not shown."""


@task(task_id="report", multiple_outputs=False)
def report(
    *,
    dataset: dict[str, Any],
    job: dict[str, Any],
    approved: dict[str, Any],
    endpoint: dict[str, Any],
    function: dict[str, Any],
    answers: dict[str, Any],
) -> dict[str, str]:
    """Store report.html and summary.json; return their S3 addresses."""
    from musher.report.page import render  # the template engine is no business of the DAG's parse

    with fail_without_retry():
        run = current_run()
        found = StageResults(
            dataset=dataset, job=job, approved=approved, endpoint=endpoint, function=function, answers=answers
        )
        summary = build_summary(
            dag_id=run.dag_id, run_id=run.run_id, started_at=run.started_at, results=found
        )
        page = render(summary=summary, outputs=load_job_outputs(run.settings, found))
        files = {
            "report.html": (page, "text/html; charset=utf-8"),
            "summary.json": (json.dumps(summary, indent=1), "application/json"),
        }
        hook, prefix = s3_hook(run.settings), names.report_prefix(run.settings, slug=run.slug)
        return {
            name: upload(hook, run.settings, key=f"{prefix}/{name}", data=text.encode(), content_type=kind)
            for name, (text, kind) in files.items()
        }


def load_job_outputs(settings: Settings, results: StageResults) -> Any:
    """Return what the jobs wrote about themselves, and the pictures that the function was asked about."""
    from musher.report.page import Outputs

    output_uri, features = results.job["output_uri"], results.features
    evaluation, history = load_outputs(settings, output_uri=output_uri, names=[EVALUATION, HISTORY])
    return Outputs(
        evaluation=evaluation,
        history=history,
        features=json.loads(download(s3_hook(settings), uri=features["model_uri"] + MARKER))
        if features
        else None,
        pictures=load_pictures(settings, results.answers),
    )


def load_pictures(settings: Settings, answers: Mapping[str, Any]) -> dict[str, str]:
    """Return the images that the function was asked about, as addresses that hold them."""
    from musher.report.page import data_address

    s3, found = s3_hook(settings).get_conn(), {}
    for image in (answer["image"] for answer in answers["answers"]):
        stored = s3.get_object(Bucket=names.bucket(settings), Key=image)
        if stored["ContentLength"] <= MAX_PICTURE_BYTES:
            found[image] = data_address(body=stored["Body"].read(), content_type=stored["ContentType"])
    return found
