"""Stage: let the endpoint grow and shrink with its load."""

import logging
import time

from airflow.sdk import task

from musher.hooks.connection import autoscaling_hook, cloudwatch_hook, sagemaker_hook
from musher.operators.base import fail_without_retry
from musher.results import EndpointResult, ScalingResult
from musher.stages.run import current_run

logger = logging.getLogger(__name__)


@task(multiple_outputs=False)
def autoscale(endpoint: EndpointResult) -> ScalingResult | None:
    """Register the endpoint's instances and their policy; return bounds, target and the alarms' names.

    None where the endpoint is serverless: it has no instances.

    Where both bounds are the same, and no schedule changes them, nothing scales: what an earlier run has
    registered is removed, and the endpoint gets so many instances as the bounds say.
    """
    from musher.hooks.alarms import remove_alarms  # no business of the DAG's parse
    from musher.hooks.autoscaling import let_wake, scale, scale_by_steps, stop_scaling
    from musher.hooks.instances import keep_instances
    from musher.payloads.autoscaling import (
        build_policy,
        build_target,
        plan_scaling,
        resource_id,
        scaling_alarms,
    )
    from musher.payloads.choices import SERVERLESS
    from musher.payloads.schedules import build_actions
    from musher.payloads.step_scaling import read_steps

    started = time.monotonic()
    with fail_without_retry(endpoint=endpoint):
        run = current_run()
        if run.params["endpoint_kind"] == SERVERLESS:
            logger.info(
                "%s is serverless: AWS starts and stops what answers, nothing is to scale", endpoint["name"]
            )
            return None
        plan, hook = plan_scaling(run.params, endpoint_name=endpoint["name"]), autoscaling_hook(run.settings)
        watcher, steps = cloudwatch_hook(run.settings), read_steps(run.params["autoscale_steps"])
        actions = build_actions(run.params["autoscale_schedule"], endpoint_name=endpoint["name"])
        if plan.min_instances == plan.max_instances and not actions:
            stop_scaling(hook, endpoint_name=endpoint["name"])
            remove_alarms(watcher, names=scaling_alarms(endpoint["name"]))
            logger.info("%s: autoscale_min is autoscale_max: nothing scales", endpoint["name"])
            delay_s, count = run.settings.poll_interval_s, plan.min_instances
            keep_instances(sagemaker_hook(run.settings), name=endpoint["name"], count=count, delay_s=delay_s)
            alarms = []
        else:
            alarms = scale(hook, target=build_target(plan), policy=build_policy(plan), actions=actions)
            alarms += scale_by_steps(hook, watcher, plan=plan, steps=steps)
            alarms += let_wake(hook, watcher, plan=plan)
    return ScalingResult(
        resource_id=resource_id(endpoint["name"]),
        min_instances=plan.min_instances,
        max_instances=plan.max_instances,
        metric=plan.metric,
        target=plan.target,
        alarms=alarms,
        seconds=round(time.monotonic() - started, 3),
    )
