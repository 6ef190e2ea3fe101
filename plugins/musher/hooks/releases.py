"""Put back what served before a run, by what endpoint and function say of themselves.

Nothing of it needs what the run's tasks have returned: their processes may be lost.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from airflow.providers.amazon.aws.hooks.base_aws import AwsBaseHook

from musher import names
from musher.errors import TeardownError
from musher.hooks.autoscaling import stop_scaling_for_other_type
from musher.hooks.concurrency import bring_live, read_concurrency
from musher.hooks.endpoints import (
    BUSY,
    IN_SERVICE,
    has_other_type,
    remove_endpoint,
    retention_of,
    tags_of,
    tags_of_config,
)
from musher.hooks.functions import MusherLambdaHook, remove_function, tags_of_function, weights_of
from musher.hooks.release_notes import ReleaseNote, find_note
from musher.hooks.sagemaker import MusherSageMakerHook
from musher.hooks.waits import StatusLog, wait_until
from musher.payloads.tags import CONFIRMED_TAG, PREVIOUS_TAG, SHADOW_TAG, as_list

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """What serves on an endpoint, and what served before; `previous` is None where nothing did."""

    name: str
    status: str
    config_name: str
    previous: str | None
    config_arn: str | None = None
    """None where the configuration is gone; the endpoint serves on."""
    is_confirmed: bool = False
    """Whether a run that was good to its end has left it, or a person has chosen it."""
    shadow_of: str | None = None
    """The release that the configuration only adds a shadow to; None where it is a release itself."""


def read_endpoint(hook: MusherSageMakerHook, *, name: str) -> Endpoint | None:
    """Return what an endpoint serves; None where there is none."""
    found = hook.find_endpoint(name)
    if found is None:
        return None
    return _with_config(hook, str(found["EndpointConfigName"]), name=name, status=found["EndpointStatus"])


def _with_config(hook: MusherSageMakerHook, config_name: str, *, name: str, status: str) -> Endpoint:
    """Return an endpoint with what a configuration's tags say."""
    config = hook.find_endpoint_config(config_name)
    tags = tags_of(hook, arn=config["EndpointConfigArn"]) if config else {}
    return Endpoint(
        name=name,
        status=status,
        config_name=config_name,
        previous=tags.get(PREVIOUS_TAG),
        config_arn=config["EndpointConfigArn"] if config else None,
        is_confirmed=CONFIRMED_TAG in tags,
        shadow_of=tags.get(SHADOW_TAG),
    )


def see_release(hook: MusherSageMakerHook, endpoint: Endpoint) -> Endpoint:
    """Return an endpoint with the release that answers its users, and the one before that."""
    if endpoint.shadow_of is None:
        return endpoint
    return _with_config(hook, endpoint.shadow_of, name=endpoint.name, status=endpoint.status)


def find_own(hook: MusherSageMakerHook, *, name: str, versions: str) -> Endpoint | None:
    """Return what a run has in operation on an endpoint; None where it has nothing there.

    `versions` is what the names of its configurations begin with. That is what the endpoint serves, or the
    release to which another run adds a model for a comparison: the release answers users all the same.
    """
    endpoint = read_endpoint(hook, name=name)
    if endpoint is None or endpoint.config_name.startswith(versions):
        return endpoint
    release = see_release(hook, endpoint)
    is_own = release.config_name.startswith(versions) and release.config_arn is not None
    return release if is_own else None


def comes_after(hook: MusherSageMakerHook, *, config_name: str, other: str) -> bool:
    """Return whether a configuration took the place of another, at once or with others in between."""
    seen: set[str] = set()
    found: str | None = config_name
    while found is not None and found not in seen:
        seen.add(found)
        found = tags_of_config(hook, found).get(PREVIOUS_TAG)
        if found == other:
            return True
    return False


def confirm_endpoint(hook: MusherSageMakerHook, *, name: str, versions: str) -> None:
    """Keep what an endpoint serves from being taken back, where its name begins with `versions`.

    A run that is cleared after its success, and fails then, must not take away what has served since.
    """
    endpoint = find_own(hook, name=name, versions=versions)
    if endpoint is None or endpoint.config_arn is None or endpoint.shadow_of is not None:
        return
    hook.conn.add_tags(ResourceArn=endpoint.config_arn, Tags=as_list({CONFIRMED_TAG: "true"}))
    logger.info("%s: confirmed on %s", endpoint.config_name, name)


def confirm_alias(hook: MusherLambdaHook, *, name: str) -> None:
    """Keep the version that a function's alias stands for from being taken back, or removed.

    While another run lets two versions share the calls, neither is confirmed.
    """
    found, alias = hook.find_function(name), hook.find_alias(name, alias=names.LIVE_ALIAS)
    if found is None or alias is None:
        return
    if shares := weights_of(alias):
        logger.warning("%s: not confirmed, as it shares its calls: %s", name, shares)
        return
    version = str(alias["FunctionVersion"])
    hook.conn.tag_resource(Resource=found["FunctionArn"], Tags={CONFIRMED_TAG: version})
    logger.info("%s: version %s confirmed", name, version)


def put_endpoint_back(
    hook: MusherSageMakerHook,
    *,
    name: str,
    versions: str,
    delay_s: float,
    end_watch: Callable[[], object],
    scaler: AwsBaseHook,
) -> list[str]:
    """Undo a run's deployment to an endpoint: what served before serves again, or the endpoint is removed.

    `versions` is what the names of the run's configurations begin with: one of another run stays untouched,
    and so does one that is confirmed. One that another run compares its model with is undone all the same,
    which ends the comparison. `end_watch` ends scaling and alarms before an endpoint is removed.
    Returns what was done; raises TeardownError.
    """
    wait_until_settled(hook, name=name, delay_s=delay_s)
    endpoint = find_own(hook, name=name, versions=versions)
    if endpoint is None:
        logger.info("%s: the run has nothing in operation here: nothing to put back", name)
        return []
    if endpoint.is_confirmed:
        logger.warning("%s: %s was good before: it serves on", name, endpoint.config_name)
        return []
    if endpoint.previous is None:
        end_watch()
        remove_endpoint(hook, name=name, delay_s=delay_s)
        return [f"endpoint {name}, before which nothing served"]
    restore(hook, scaler, endpoint=endpoint, config_name=endpoint.previous, delay_s=delay_s)
    return [f"{endpoint.config_name} from {name}: {endpoint.previous} serves again"]


def restore(
    hook: MusherSageMakerHook,
    scaler: AwsBaseHook,
    *,
    endpoint: Endpoint,
    config_name: str,
    delay_s: float,
) -> None:
    """Bring an endpoint to an earlier configuration, all at once; raises TeardownError.

    Where that has instances of another type, the endpoint does not scale any longer.
    """
    if has_other_type(hook, current=endpoint.config_name, wanted=config_name):
        stop_scaling_for_other_type(scaler, endpoint_name=endpoint.name)
    kept = retention_of(hook.find_endpoint(endpoint.name) or {})
    hook.conn.update_endpoint(EndpointName=endpoint.name, EndpointConfigName=config_name, **kept)
    logger.info("%s: putting %s back", endpoint.name, config_name)
    wait_until_settled(hook, name=endpoint.name, delay_s=delay_s)
    found = hook.conn.describe_endpoint(EndpointName=endpoint.name)
    if (found["EndpointStatus"], found["EndpointConfigName"]) != (IN_SERVICE, config_name):
        raise TeardownError(
            f"{endpoint.name} is {found['EndpointStatus']} with {found['EndpointConfigName']}, not with "
            f"{config_name}: {found.get('FailureReason') or 'AWS gives no reason'}"
        )


def wait_until_settled(hook: MusherSageMakerHook, *, name: str, delay_s: float) -> None:
    """Wait for the end of what an endpoint is busy with; TeardownError where that takes too long."""
    found = hook.find_endpoint(name)
    if found is None or found["EndpointStatus"] not in BUSY:
        return
    status = StatusLog(subject=f"endpoint {name}")

    def show(answer: dict[str, str]) -> None:
        if "Error" not in answer:
            status.show(answer["EndpointStatus"])

    try:
        wait_until(
            hook.get_waiter("EndpointReady"),
            arguments={"EndpointName": name},
            delay_s=delay_s,
            on_response=show,
        )
    except TimeoutError as error:
        raise TeardownError(f"{error}: it is {status.last}, and costs by the hour") from None


def put_alias_back(
    hook: MusherLambdaHook,
    *,
    name: str,
    slug: str,
    delay_s: float,
    end_watch: Callable[[], object],
    end_scaling: Callable[[], object],
) -> list[str]:
    """Undo a run's release of a function: version and concurrency are those before it, or the function goes.

    `slug` is the run's; a function that another run has released since stays untouched, and so does a version
    that is confirmed. `end_watch` removes the alarms of a shift that is not through. `end_scaling` comes
    before anything is changed: what is put back keeps its number until the next good run lets it scale again.
    """
    found = hook.find_function(name)
    if found is None:
        return []
    last_run, note = find_note(hook, arn=found["FunctionArn"])
    alias = hook.find_alias(name, alias=names.LIVE_ALIAS)
    stands_for = alias and str(alias["FunctionVersion"])
    confirmed = tags_of_function(hook, arn=found["FunctionArn"]).get(CONFIRMED_TAG)
    is_confirmed = confirmed is not None and confirmed == stands_for
    if last_run != slug or (is_confirmed and (note is None or note.next == confirmed)):
        return []
    try:
        return _undo(hook, name=name, alias=alias, note=note, delay_s=delay_s, end_scaling=end_scaling)
    finally:
        end_watch()


def _undo(
    hook: MusherLambdaHook,
    *,
    name: str,
    alias: dict[str, Any] | None,
    note: ReleaseNote | None,
    delay_s: float,
    end_scaling: Callable[[], object],
) -> list[str]:
    """Put back what a note says; return what was done."""
    if note is None:
        end_scaling()
        remove_function(hook, name=name)
        return [f"function {name}, which the run had made"]
    if alias is None or alias["FunctionVersion"] not in (note.previous, note.next):
        return []
    version, is_shared = str(alias["FunctionVersion"]), bool(weights_of(alias))
    had = note.concurrency or read_concurrency(hook, name=name, version=version)
    has_moved = is_shared or version != note.previous
    if not has_moved and read_concurrency(hook, name=name) == had:
        return []
    end_scaling()
    bring_live(hook, name=name, version=note.previous, wanted=had, delay_s=delay_s)
    if not has_moved:
        return [f"concurrency of {name}, which it had before"]
    return [f"version {note.next} from {name}: {note.previous} answers again"]
