"""Stages of roll_back and retire_deployment: what the live endpoint and function do after a run."""

import logging
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from airflow.sdk import task

from musher import names
from musher.errors import EndpointError, TeardownError
from musher.hooks.alarms import remove_alarms
from musher.hooks.autoscaling import stop_scaling
from musher.hooks.concurrency import bring_live, read_concurrency
from musher.hooks.connection import (
    autoscaling_hook,
    cloudwatch_hook,
    lambda_hook,
    logs_hook,
    s3_hook,
    sagemaker_hook,
)
from musher.hooks.endpoints import IN_SERVICE, remove_endpoint
from musher.hooks.function_scaling import stop_scaling_function
from musher.hooks.functions import MusherLambdaHook, remove_function, weights_of
from musher.hooks.log_groups import remove_log_group
from musher.hooks.objects import has_objects
from musher.hooks.release_notes import ReleaseNote, find_note, write_note
from musher.hooks.releases import (
    Endpoint,
    comes_after,
    confirm_alias,
    confirm_endpoint,
    read_endpoint,
    restore,
    see_release,
    wait_until_settled,
)
from musher.hooks.sagemaker import MusherSageMakerHook
from musher.operators.base import fail_without_retry
from musher.payloads.alarms import alarm_names
from musher.payloads.tags import LIFETIME_TAG, LIVE, PROJECT_TAG
from musher.results import RollBack
from musher.settings import Settings
from musher.stages.removal import Removal, check_account, removal, removals_of_versions, remove_all
from musher.stages.run import current_run

logger = logging.getLogger(__name__)


@task(multiple_outputs=False)
def choose_target() -> RollBack:
    """Return the configuration and the function's version to go back to; nothing is changed.

    It is a task of its own, so that a retry of those that change something goes back no further.
    """
    with fail_without_retry():
        run = current_run()
        hook, name = sagemaker_hook(run.settings), names.live_endpoint(run.settings)
        wait_until_settled(hook, name=name, delay_s=run.settings.poll_interval_s)
        endpoint, asked = find_live(hook, name=name), run.params["version"]
        release = see_release(hook, endpoint)
        # By name, a shadow's own release may be gone back to: that ends the shadow.
        wanted = choose_version(endpoint if asked else release, asked=asked)
        if hook.find_endpoint_config(wanted) is None:
            raise EndpointError(f"There is no endpoint configuration {wanted}: it cannot serve on {name}.")
        current, previous = find_function_versions(lambda_hook(run.settings), run.settings)
        if wanted == release.config_name:
            logger.info("%s answers users already: only the comparison ends, the function stays", wanted)
            previous = None
        is_forward = comes_after(hook, config_name=wanted, other=endpoint.config_name)
        if not is_forward and is_newer(previous, than=current):
            logger.warning(
                "the function stays at version %s: it has gone back from %s before", current, previous
            )
            previous = None
        return RollBack(config_name=wanted, function_version=previous, replaced_version=current)


def is_newer(version: str | None, *, than: str | None) -> bool:
    """Return whether a function's version was published after another; not where one is no number."""
    return bool(version and than and version.isdigit() and than.isdigit() and int(version) > int(than))


@task(multiple_outputs=False)
def roll_back_endpoint(target: RollBack) -> str:
    """Bring the live endpoint to the chosen configuration; return its name."""
    with fail_without_retry(target=target):
        run = current_run()
        name, hook = names.live_endpoint(run.settings), sagemaker_hook(run.settings)
        wait_until_settled(hook, name=name, delay_s=run.settings.poll_interval_s)
        endpoint, wanted = find_live(hook, name=name), target["config_name"]
        if endpoint.config_name != wanted:
            scaler, delay_s = autoscaling_hook(run.settings), run.settings.poll_interval_s
            restore(hook, scaler, endpoint=endpoint, config_name=wanted, delay_s=delay_s)
        confirm_endpoint(hook, name=name, versions=wanted)
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
def roll_back_function(target: RollBack) -> str | None:
    """Let the live function's alias stand for the chosen version; return it, None where there is none.

    Its concurrency stays, and the version is warm before users go over to it. Where a new version has a share
    of the calls, that ends. Where the function itself has not changed with the model, there is no other
    version to go back to.
    """
    with fail_without_retry(target=target):
        run = current_run()
        name, hook = names.live_function(run.settings), lambda_hook(run.settings)
        current, previous = target["replaced_version"], target["function_version"]
        function = hook.find_function(name)
        if function is None or current is None or previous is None:
            return None
        arn = function["FunctionArn"]
        last_run, note = find_note(hook, arn=arn)
        note = note or ReleaseNote(run=last_run, previous=previous, next=current, concurrency=None)
        is_noted = note.previous == current and note.next == previous  # by an earlier try
        is_shared = bool(weights_of(hook.find_alias(name, alias=names.LIVE_ALIAS))) and note.next == current
        has = note.concurrency if is_noted or is_shared else None
        has = has or read_concurrency(hook, name=name, version=current)
        write_note(hook, arn=arn, note=replace(note, previous=current, next=previous, concurrency=has))
        stop_scaling_function(autoscaling_hook(run.settings), name=name)
        bring_live(hook, name=name, version=previous, wanted=has, delay_s=run.settings.poll_interval_s)
        remove_alarms(cloudwatch_hook(run.settings), names=names.function_alarms(name))
        confirm_alias(hook, name=name)
        return previous


def find_function_versions(hook: MusherLambdaHook, settings: Settings) -> tuple[str | None, str | None]:
    """Return the version that the live function's alias stands for and the one before, None where none is.

    Of two that share the calls, the new one is gone back from.
    """
    name = names.live_function(settings)
    function, alias = hook.find_function(name), hook.find_alias(name, alias=names.LIVE_ALIAS)
    if function is None or alias is None:
        logger.warning("there is no function %s with an alias %s", name, names.LIVE_ALIAS)
        return None, None
    current = str(alias["FunctionVersion"])
    for further in weights_of(alias):
        return further, current
    _, note = find_note(hook, arn=function["FunctionArn"])
    if note is None or note.next != current:
        logger.info("%s: version %s answered before, too", name, current)
        return current, None
    return current, note.previous


@task(multiple_outputs=False)
def retire() -> list[str]:
    """Remove the live endpoint, function, alarms, all versions and logs; return what there was.

    Everything is tried, the dearest first, and what fails is reported together.
    """
    with fail_without_retry():
        settings = current_run().settings
        endpoint = sagemaker_hook(settings).find_endpoint(names.live_endpoint(settings))
        if endpoint is not None:
            check_account(settings, arn=endpoint["EndpointArn"])
        removed = remove_all(live_deployment(settings))
        for uri in list_kept(settings):
            if has_objects(s3_hook(settings).get_conn(), uri=uri):
                logger.warning("what there is of users' requests and answers stays: %s", uri)
        return removed


def live_versions(hook: MusherSageMakerHook, settings: Settings) -> list[Removal]:
    """Return how the live configurations and models are removed: none while the endpoint is there."""
    endpoint, tags = names.live_endpoint(settings), {PROJECT_TAG: settings.project, LIFETIME_TAG: LIVE}

    def unless_needed(remove: Callable[[], list[str]]) -> list[str]:
        if hook.find_endpoint(endpoint) is not None:
            raise TeardownError(f"endpoint {endpoint} is still there, and needs what it serves")
        return remove()

    versions = removals_of_versions(hook, prefix=f"{settings.project}-", tags=tags)
    return [replace(version, remove=partial(unless_needed, version.remove)) for version in versions]


def list_kept(settings: Settings) -> list[str]:
    """Return the s3:// addresses below which lies what users have sent, and were answered."""
    name = names.live_endpoint(settings)
    keys = (names.async_key(settings, folder=folder, endpoint_name=name) for folder in ("inputs", "answers"))
    return [
        names.captures_uri(settings, endpoint_name=name),
        *(f"{names.s3_uri(settings, key=key)}/" for key in keys),
    ]


def live_deployment(settings: Settings) -> list[Removal]:
    """Return how all that stays in operation is removed, in the order in which AWS lets it go."""
    endpoint, function = names.live_endpoint(settings), names.live_function(settings)
    hook, functions, logs = sagemaker_hook(settings), lambda_hook(settings), logs_hook(settings)
    scaler = autoscaling_hook(settings)
    alarms = [*alarm_names(settings), *names.function_alarms(function)]
    delay_s = settings.poll_interval_s
    groups = (names.endpoint_log_group(endpoint), names.function_log_group(function))
    return [
        removal("scaling of", endpoint, partial(stop_scaling, scaler, endpoint_name=endpoint)),
        removal("endpoint", endpoint, partial(remove_endpoint, hook, name=endpoint, delay_s=delay_s)),
        removal("scaling of", function, partial(stop_scaling_function, scaler, name=function)),
        removal("function", function, partial(remove_function, functions, name=function)),
        Removal(what="alarms", remove=partial(remove_alarms, cloudwatch_hook(settings), names=alarms)),
        *live_versions(hook, settings),
        *(removal("log group", group, partial(remove_log_group, logs, group=group)) for group in groups),
    ]
