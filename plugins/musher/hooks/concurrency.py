"""Give the version that goes live its concurrency, and take it from the one before.

What is provisioned belongs to published versions, not to the alias: an alias that moves would take it along
only after users have moved, and AWS refuses to change it while an alias shares its traffic.
https://docs.aws.amazon.com/lambda/latest/dg/provisioned-concurrency.html
"""

import logging
from dataclasses import replace
from typing import Any

from botocore.exceptions import ClientError, WaiterError

from musher import names
from musher.errors import LambdaError
from musher.hooks.functions import MusherLambdaHook, move_alias, weights_of
from musher.hooks.waits import wait_until
from musher.payloads.concurrency import AccountRoom, Concurrency, while_released
from musher.payloads.function_scaling import FunctionScaling, first_number

logger = logging.getLogger(__name__)

READY, FAILED = "READY", "FAILED"
REASONS = {
    "FUNCTION_ERROR_INIT_FAILURE": "the function fails when it is loaded, before its first event",
}
"""What AWS's reasons mean, as far as it documents them."""


def read_reserved(hook: MusherLambdaHook, *, name: str) -> int | None:
    """Return what a function has reserved; None where it shares the account's."""
    found = hook.conn.get_function_concurrency(FunctionName=name).get("ReservedConcurrentExecutions")
    return None if found is None else int(found)


def list_provisioned(hook: MusherLambdaHook, *, name: str) -> dict[str, dict[str, Any]]:
    """Return version or alias -> what is provisioned for it, as AWS describes it."""
    pages = hook.conn.get_paginator("list_provisioned_concurrency_configs").paginate(FunctionName=name)
    configs = [config for page in pages for config in page["ProvisionedConcurrencyConfigs"]]
    return {str(config["FunctionArn"]).rpartition(":")[2]: config for config in configs}


def requested(config: dict[str, Any]) -> int:
    """Return how many environments were asked for; none of those that failed is kept."""
    return 0 if config["Status"] == FAILED else int(config["RequestedProvisionedConcurrentExecutions"])


def read_concurrency(hook: MusherLambdaHook, *, name: str, version: str | None = None) -> Concurrency:
    """Return what a function has reserved, and has provisioned for `version`; without it, for all."""
    configs = list_provisioned(hook, name=name)
    counted = [requested(config) for known, config in configs.items() if version in (None, known)]
    return Concurrency(reserved=read_reserved(hook, name=name), provisioned=sum(counted))


def read_room(client: Any) -> AccountRoom:
    """Return what the account has in the client's region."""
    limits = client.get_account_settings()["AccountLimit"]
    return AccountRoom(
        limit=int(limits["ConcurrentExecutions"]), unreserved=int(limits["UnreservedConcurrentExecutions"])
    )


def reserve(hook: MusherLambdaHook, *, name: str, count: int | None) -> None:
    """Reserve so much, unless it is so already; None gives it back to the account."""
    if read_reserved(hook, name=name) == count:
        return
    if count is None:
        hook.conn.delete_function_concurrency(FunctionName=name)
    else:
        hook.conn.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=count)
    logger.info("%s: reserved concurrency is %s", name, "none" if count is None else count)


def start_provisioning(hook: MusherLambdaHook, *, name: str, version: str, wanted: Concurrency) -> bool:
    """Reserve enough for two warm versions, and ask for the environments of one; return whether to wait."""
    configs = list_provisioned(hook, name=name)
    own = configs.get(version)
    others = sum(requested(config) for known, config in configs.items() if known != version)
    # A version that is to keep fewer has the more until AWS has taken the request.
    now = max(wanted.provisioned, requested(own) if own else 0)
    most = while_released(Concurrency(reserved=wanted.reserved, provisioned=now), provisioned=others)
    reserve(hook, name=name, count=most.reserved)
    if not wanted.provisioned:
        return False
    if own is None or requested(own) != wanted.provisioned:
        hook.conn.put_provisioned_concurrency_config(
            FunctionName=name, Qualifier=version, ProvisionedConcurrentExecutions=wanted.provisioned
        )
        logger.info("%s: version %s is to have %d environments", name, version, wanted.provisioned)
    return True


def begin_with(
    hook: MusherLambdaHook, *, name: str, wanted: Concurrency, scaling: FunctionScaling | None
) -> Concurrency:
    """Return what a new version begins with: where it scales, as many environments as users have now."""
    if scaling is None:
        return wanted
    has = [requested(config) for config in list_provisioned(hook, name=name).values()]
    return replace(wanted, provisioned=first_number(scaling, wanted=wanted.provisioned, has=has))


def come_to(
    hook: MusherLambdaHook,
    *,
    name: str,
    version: str,
    wanted: Concurrency,
    scaling: FunctionScaling | None,
) -> Concurrency:
    """Return what a version is to have: where it has scaled meanwhile, the number that it has come to."""
    own = list_provisioned(hook, name=name).get(version) if scaling else None
    return replace(wanted, provisioned=requested(own)) if own and requested(own) else wanted


def stop_provisioning(hook: MusherLambdaHook, *, name: str, version: str) -> None:
    """Keep no environments of a version, or of an alias, started any longer."""
    hook.conn.delete_provisioned_concurrency_config(FunctionName=name, Qualifier=version)
    logger.info("%s: nothing is provisioned for version %s any longer", name, version)


def settle(hook: MusherLambdaHook, *, name: str, version: str, wanted: Concurrency) -> None:
    """Take from all other versions what they have, reserve what is wanted; LambdaError unless it is so."""
    for known in list_provisioned(hook, name=name):
        if known != version or not wanted.provisioned:
            stop_provisioning(hook, name=name, version=known)
    reserve(hook, name=name, count=wanted.reserved)
    ready = count_ready(hook, name=name, version=version) if wanted.provisioned else 0
    found = Concurrency(reserved=read_reserved(hook, name=name), provisioned=ready)
    if found != wanted:
        raise LambdaError(
            f"Function {name} was to have {wanted} with version {version}, and has {found}. Somebody else "
            "changes it, or AWS could not start environments: read its log group, then clear this task."
        )


def count_ready(hook: MusherLambdaHook, *, name: str, version: str) -> int:
    """Return how many environments of a version can take events at once, 0 while some are missing."""
    try:
        config = hook.conn.get_provisioned_concurrency_config(FunctionName=name, Qualifier=version)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ProvisionedConcurrencyConfigNotFoundException":
            raise
        return 0
    return int(config["AllocatedProvisionedConcurrentExecutions"]) if config["Status"] == READY else 0


def explain_failure(hook: MusherLambdaHook, *, name: str, version: str) -> str:
    """Return AWS's status and reason of what was not provisioned, in words."""
    config = list_provisioned(hook, name=name).get(version)
    if config is None:
        return "it was removed meanwhile"
    reason = str(config.get("StatusReason") or "AWS gives no reason")
    said = f"{reason}, {REASONS[reason]}" if reason in REASONS else reason
    return f"it is {config['Status']}: {said}"


def bring_live(
    hook: MusherLambdaHook, *, name: str, version: str, wanted: Concurrency, delay_s: float
) -> None:
    """Let the live alias stand for an earlier version, and give that its concurrency.

    Users come first: where the version cannot be warmed, they go over to it all the same, and LambdaError
    says so then. A version that has answered a part of them all along gets the others back at once.
    """
    alias = hook.find_alias(name, alias=names.LIVE_ALIAS)
    if alias is not None and alias["FunctionVersion"] == version and weights_of(alias):
        move_alias(hook, function_name=name, alias=names.LIVE_ALIAS, version=version)
    try:
        if start_provisioning(hook, name=name, version=version, wanted=wanted):
            arguments = {"FunctionName": name, "Qualifier": version}
            wait_until(hook.get_waiter("FunctionProvisioned"), arguments=arguments, delay_s=delay_s)
    except (ClientError, WaiterError, TimeoutError) as error:
        logger.warning("%s: version %s is not warm: %s", name, version, error)
    move_alias(hook, function_name=name, alias=names.LIVE_ALIAS, version=version)
    settle(hook, name=name, version=version, wanted=wanted)
