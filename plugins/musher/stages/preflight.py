"""Stage: refuse what cannot succeed, before the first thing is paid for.

All findings come in one error, each with its value and its remedy. What the account does not let us look at
(no permission, no such service) is a warning: a run must not need more rights for the look than for the work.
"""

import logging

from airflow.sdk import task

from musher.errors import PreflightError
from musher.operators.base import fail_without_retry
from musher.results import Preflight, StagedDataset
from musher.stages.run import current_run

logger = logging.getLogger(__name__)


@task(multiple_outputs=False)
def preflight(dataset: StagedDataset) -> Preflight:
    """Raise PreflightError with everything that was found; return the warnings and the estimate."""
    from musher.costs.instances import advise_instances  # what looks is no business of the DAG's parse
    from musher.costs.prices import describe_estimate
    from musher.stages.checks import describe_problems, look_at_all
    from musher.stages.run_checks import describe_waiting, list_checks, list_uses

    with fail_without_retry(dataset=dataset):
        run = current_run()
        problems, warnings = look_at_all(list_checks(run, dataset=dataset))
        if warnings:
            logger.warning("not checked: %s", "; ".join(warnings))
        if problems:
            raise PreflightError(describe_problems(problems))
        estimate = describe_estimate(list_uses(run.params))
        logger.info("%s", estimate)
        advice = advise_instances(instances=run.params["instance_count"], images=dataset["images"]["train"])
        if advice:
            logger.info("%s", advice)
        if waiting := describe_waiting(run.params):
            logger.warning("%s", waiting)
    return {"warnings": warnings, "estimate": estimate}
