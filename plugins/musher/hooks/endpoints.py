"""Remove an endpoint and what belongs to it; what is missing already is fine."""

import logging
from functools import partial
from typing import Any

from botocore.exceptions import ClientError

from musher.errors import TeardownError
from musher.hooks.sagemaker import MISSING_CODES, MusherSageMakerHook, found_or_none
from musher.hooks.waits import StatusLog, wait_until

logger = logging.getLogger(__name__)

BUSY = ("Creating", "Updating", "SystemUpdating", "RollingBack")
"""States in which DeleteEndpoint is refused, with the same error code as for a missing endpoint: `Cannot
update in-progress endpoint`, by which AWS's own client for Kubernetes tells the two apart:
https://github.com/aws/amazon-sagemaker-operator-for-k8s/blob/master/controllers/sdkutil/clientwrapper/sagemaker_client.go"""

COSTS_UNTIL = (
    "it costs until the run's teardown removes it, which AWS allows once it has settled; "
    "keep_resources keeps it"
)
"""What becomes of an endpoint whose deployment a person cancels."""


def remove_endpoint(hook: MusherSageMakerHook, *, name: str, delay_s: float) -> bool:
    """Delete an endpoint and wait until it no longer exists; return whether there was one.

    DeleteEndpoint's answer alone says nothing: it is refused while the endpoint is busy, and one that was
    accepted may be overtaken by an update. So each look that finds the endpoint settled asks again.
    """
    if hook.find_endpoint(name) is None:
        return False
    status = StatusLog(subject=f"endpoint {name}")
    try:
        wait_until(
            hook.get_waiter("EndpointRemoved"),
            arguments={"EndpointName": name},
            delay_s=delay_s,
            on_response=partial(_ask_where_settled, hook, name, status),
        )
    except TimeoutError as error:
        raise TeardownError(f"{error}: it is {status.last}, and costs by the hour") from None
    logger.info("%s: removed endpoint", name)
    return True


def _ask_where_settled(
    hook: MusherSageMakerHook, name: str, status: StatusLog, answer: dict[str, Any]
) -> None:
    """Show an endpoint's status, and ask for its deletion unless that is refused now or under way."""
    if "Error" in answer:  # a throttled look, which the waiter's data takes for an answer
        return
    status.show(answer["EndpointStatus"])
    if answer["EndpointStatus"] not in (*BUSY, "Deleting"):
        ask_for_deletion(hook, name=name)


def ask_for_deletion(hook: MusherSageMakerHook, *, name: str) -> None:
    """Ask AWS to delete an endpoint: whether that happens, only its description tells."""
    try:
        hook.conn.delete_endpoint(EndpointName=name)
    except ClientError as error:
        if error.response["Error"]["Code"] not in MISSING_CODES:
            raise
        logger.warning("%s: AWS does not delete the endpoint now: %s", name, error)
    else:
        logger.info("%s: asked AWS to delete the endpoint", name)


def remove_endpoint_config(hook: MusherSageMakerHook, *, name: str) -> bool:
    """Delete an endpoint configuration; return whether there was one."""
    if hook.find_endpoint_config(name) is None:
        return False
    found_or_none(hook.conn.delete_endpoint_config, EndpointConfigName=name)
    logger.info("%s: removed endpoint configuration", name)
    return True


def remove_model(hook: MusherSageMakerHook, *, name: str) -> bool:
    """Delete a model; return whether there was one."""
    if hook.find_model(name) is None:
        return False
    found_or_none(hook.conn.delete_model, ModelName=name)
    logger.info("%s: removed model", name)
    return True
