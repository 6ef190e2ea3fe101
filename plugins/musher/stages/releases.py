"""Stages of roll_back and retire_deployment: what the live endpoint and function do after a run."""

import logging
from dataclasses import replace
from functools import partial

from airflow.sdk import task

from musher import names
from musher.errors import EndpointError
from musher.hooks.alarms import remove_alarms
from musher.hooks.autoscaling import stop_scaling
from musher.hooks.concurrency import bring_live, read_concurrency
from musher.hooks.connection import autoscaling_hook, cloudwatch_hook, lambda_hook, logs_hook, sagemaker_hook
from musher.hooks.endpoints import IN_SERVICE, remove_endpoint
from musher.hooks.functions import remove_function
from musher.hooks.log_groups import remove_log_group
from musher.hooks.release_notes import find_note, write_note
from musher.hooks.releases import Endpoint, read_endpoint, remove_live_versions, restore, wait_until_settled
from musher.hooks.sagemaker import MusherSageMakerHook
from musher.operators.base import fail_without_retry
from musher.payloads.alarms import KINDS
from musher.settings import Settings
from musher.stages.removal import Removal, removal, remove_all
from musher.stages.run import current_run

logger = logging.getLogger(__name__)


@task(multiple_outputs=False)
def roll_back_endpoint() -> str:
    """Bring the live endpoint to the configuration before, or to the one named; return its name."""
    with fail_without_retry():
        run = current_run()
        name, hook = names.live_endpoint(run.settings), sagemaker_hook(run.settings)
        wait_until_settled(hook, name=name, delay_s=run.settings.poll_interval_s)
        endpoint = find_live(hook, name=name)
        wanted = choose_version(endpoint, asked=run.params["version"])
        if hook.find_endpoint_config(wanted) is None:
            raise EndpointError(f"There is no endpoint configuration {wanted}: it cannot serve on {name}.")
        restore(hook, endpoint=endpoint, config_name=wanted, delay_s=run.settings.poll_interval_s)
        return wanted


def find_live(hook: MusherSageMakerHook, *, name: str) -> Endpoint:
    """Return the live endpoint; raise EndpointError where there is none that AWS would update."""
    endpoint = read_endpoint(hook, name=name)
    if endpoint is None:
        raise EndpointError(f"There is no endpoint {name}: nothing is live. Run operationalize_model.")
    if endpoint.status != IN_SERVICE:
        raise EndpointError(
            f"Endpoint {name} is {endpoint.status}, and AWS updates none in that state. Run the DAG "
            "retire_deployment, then operationalize_model."
        )
    return endpoint


def choose_version(endpoint: Endpoint, *, asked: str | None) -> str:
    """Return the configuration to go back to; raise EndpointError where there is none."""
    name, wanted = endpoint.name, asked or endpoint.previous
    if wanted is None:
        raise EndpointError(
            f"{endpoint.config_name} is the first that serves on {name}: there is none before it. Name a "
            "configuration in `version`."
        )
    if wanted == endpoint.config_name:
        raise EndpointError(f"{wanted} serves on {name} already. Name another configuration in `version`.")
    return wanted


@task(multiple_outputs=False)
def roll_back_function() -> str | None:
    """Let the live function's alias stand for the version before; return it, None where there is none.

    Its concurrency stays, and the version is warm before users go over to it. Where the function itself has
    not changed with the model, there is no other version to go back to.
    """
    with fail_without_retry():
        run = current_run()
        name, hook = names.live_function(run.settings), lambda_hook(run.settings)
        function = hook.find_function(name)
        alias = hook.find_alias(name, alias=names.LIVE_ALIAS)
        if function is None or alias is None:
            logger.warning("there is no function %s with an alias %s", name, names.LIVE_ALIAS)
            return None
        arn, current = function["FunctionArn"], str(alias["FunctionVersion"])
        _, note = find_note(hook, arn=arn)
        if note is None or note.next != current or note.previous == current:
            logger.info("%s: version %s answered before, too", name, current)
            return None
        has = read_concurrency(hook, name=name, version=current)
        swapped = replace(note, previous=current, next=note.previous, concurrency=has)
        write_note(hook, arn=arn, note=swapped)
        delay_s = run.settings.poll_interval_s
        bring_live(hook, name=name, version=note.previous, wanted=has, delay_s=delay_s)
        return note.previous


@task(multiple_outputs=False)
def retire() -> list[str]:
    """Remove the live endpoint, function, alarms, all versions and logs; return what there was.

    Everything is tried, the dearest first, and what fails is reported together.
    """
    with fail_without_retry():
        return remove_all(live_deployment(current_run().settings))


def live_deployment(settings: Settings) -> list[Removal]:
    """Return how all that stays in operation is removed, in the order in which AWS lets it go."""
    endpoint, function = names.live_endpoint(settings), names.live_function(settings)
    hook, functions, logs = sagemaker_hook(settings), lambda_hook(settings), logs_hook(settings)
    scaler = autoscaling_hook(settings)
    alarms = [names.live_alarm(settings, what=kind) for kind in KINDS]
    delay_s = settings.poll_interval_s
    groups = (names.endpoint_log_group(endpoint), names.function_log_group(function))
    return [
        removal("scaling of", endpoint, partial(stop_scaling, scaler, endpoint_name=endpoint)),
        removal("endpoint", endpoint, partial(remove_endpoint, hook, name=endpoint, delay_s=delay_s)),
        removal("function", function, partial(remove_function, functions, name=function)),
        Removal(what="alarms", remove=partial(remove_alarms, cloudwatch_hook(settings), names=alarms)),
        Removal(what="versions", remove=partial(remove_live_versions, hook, prefix=f"{settings.project}-")),
        *(removal("log group", group, partial(remove_log_group, logs, group=group)) for group in groups),
    ]
