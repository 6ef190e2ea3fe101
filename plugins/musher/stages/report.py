"""Stage: write the run's report, whatever became of the run."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import cast

from airflow.sdk import get_current_context, task

from musher import names
from musher.ec2_results import Ec2TrainingResult
from musher.hooks.connection import s3_hook
from musher.hooks.objects import upload
from musher.operators.base import fail_without_retry
from musher.payloads.tags import TRIAL
from musher.results import STEPS_KEY, LoadTestResult, RunResults, StagedDataset
from musher.stages.failures import failures_of_run, reason_to_rest, states_of_run
from musher.stages.run import current_run

TASK_OF = {
    "dataset": "stage_dataset",
    "features": "embed.run_job",
    "tuning": "tune.gather_trials",
    "job": "train.run_job",
    "ec2": "train_on_ec2.read_figures",
    "evaluation": "evaluate",
    "verdict": "gate.await_approval",
    "batch": "batch.run_job",
    "shadow": "deploy.watch_shadow",
    "endpoint": "deploy.run_endpoint",
    "scaling": "autoscale",
    "function": "deploy_lambda.run_function",
    "answers": "smoke_test",
    "load": "load_test",
}
"""The task that makes each result."""


@task(task_id="report", multiple_outputs=False)
def report(results: RunResults) -> dict[str, str]:
    """Store report.html and summary.json; return their S3 addresses.

    A run that failed or was refused has a report, too: of what it came to, and of what stopped it. For that,
    DAGs make this task a teardown, which runs even where somebody marks the run as failed.
    """
    from musher.console import find_console
    from musher.report.page import render  # the template engine is no business of the DAG's parse
    from musher.report.summary import RunFacts, build_summary
    from musher.stages.report_inputs import load_run_outputs
    from musher.stages.report_timeline import find_endpoint_of, read_happenings

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
        deploying = TASK_OF["endpoint"]
        has_failed = states.get(deploying) == "failed"
        if endpoint_name := find_endpoint_of(run, results, has_failed=has_failed):
            steps = instance.xcom_pull(task_ids=deploying, key=STEPS_KEY) if deploying in states else None
            happenings = read_happenings(
                run, endpoint_name=endpoint_name, steps=steps or [], function=results["function"]
            )
            outputs = replace(outputs, happenings=happenings)
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


def nothing_but(*, load: LoadTestResult | None) -> RunResults:
    """Return the results of a DAG that makes a load test and nothing else."""
    return cast(RunResults, {**dict.fromkeys(TASK_OF), "load": load})


def nothing_but_ec2(*, dataset: StagedDataset, ec2: Ec2TrainingResult | None) -> RunResults:
    """Return the results of a DAG that trains on an EC2 instance and nothing else."""
    return cast(RunResults, {**dict.fromkeys(TASK_OF), "dataset": dataset, "ec2": ec2})


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
