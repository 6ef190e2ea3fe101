"""Answer the actions of EC2's instances for which moto's own answers are not true."""

import base64
from collections.abc import Callable
from typing import Any

from moto.core.responses import ActionResult, EmptyResult
from moto.core.types import Base64EncodedString
from moto.ec2.exceptions import EC2ClientError
from moto.ec2.responses.general import General
from moto.ec2.responses.instances import InstanceResponse
from moto.ec2.responses.spot_instances import SpotInstances

from localaws import context
from localaws.clock import naive_utc
from localaws.ec2 import wording
from localaws.ec2.backend import LocalInstance
from localaws.ec2.choices import check_choice
from localaws.ec2.launching import run_instances
from localaws.ec2.spot_requests import install as install_spot_requests
from localaws.ec2.validation import NoCapacityError

CHANGES = {
    "start_instances": "StartingInstances",
    "stop_instances": "StoppingInstances",
    "terminate_instances": "TerminatingInstances",
}
"""Actions that change states, and the members of their answers."""
CHECKS = {
    "start_instances": LocalInstance.check_start,
    "stop_instances": LocalInstance.check_stop,
    "reboot_instances": LocalInstance.check_reboot,
}
"""Actions that are done to all the instances that a request names, or to none, and who refuses them."""
FIXED_WHILE_ON = ("InstanceType", "UserData", "Kernel", "Ramdisk", "EbsOptimized")
"""Attributes that only a stopped instance may get."""
BEHAVIOR = "InstanceInitiatedShutdownBehavior"

LAUNCHES = (
    (InstanceResponse, "run_instances"),
    (InstanceResponse, "start_instances"),
    (SpotInstances, "request_spot_instances"),
)
"""Actions that AWS may have no capacity for."""

stock_modify = InstanceResponse.modify_instance_attribute


def tell_states(stock: Callable[[InstanceResponse], ActionResult], member: str) -> Any:
    """Return an action that answers with the states that the instances have; moto names the usual ones."""

    def answer(response: InstanceResponse) -> ActionResult:
        if response._get_param("Hibernate") and not response._get_param("DryRun", False):
            plan_hibernation(response)
        found: Any = stock(response).result
        for change in found[member]:
            state = response.ec2_backend.get_instance(change["InstanceId"]).instance_state
            change["CurrentState"] = {"Code": state.code, "Name": state.name}
        return ActionResult(found)

    return answer


def plan_hibernation(response: InstanceResponse) -> None:
    """Let the next stop of the instances that a request names hibernate them; all must be made for that."""
    named = response._get_param("InstanceIds", [])
    instances: list[LocalInstance] = response.ec2_backend.get_multi_instances_by_id(named)
    for instance in instances:
        instance.check_hibernation()
    for instance in instances:
        instance.is_to_hibernate = True


def all_or_none(stock: Callable[[InstanceResponse], Any], check: Callable[[LocalInstance], None]) -> Any:
    """Return an action that changes no instance where one of those named cannot be changed."""

    def answer(response: InstanceResponse) -> Any:
        if not response._get_param("DryRun", False):
            for instance in response.ec2_backend.get_multi_instances_by_id(
                response._get_param("InstanceIds", [])
            ):
                check(instance)
        return stock(response)

    return answer


def as_failure(action: Callable[[Any], Any]) -> Any:
    """Return an action that answers a lack of capacity as AWS does, with status 500; moto knows 400 only."""

    def answer(response: Any) -> Any:
        try:
            return action(response)
        except NoCapacityError as error:
            _, headers, body = response.serialized(ActionResult(error))
            return body, headers | {"status": 500}

    return answer


def get_console_output(response: General) -> ActionResult:
    """Answer GetConsoleOutput: what the instance has said."""
    instance: LocalInstance = response.ec2_backend.get_instance(response._get_param("InstanceId"))
    output = Base64EncodedString(base64.b64encode(instance.console.read()).decode())
    now = naive_utc(context.current().clock.now())
    return ActionResult({"InstanceId": instance.id, "Timestamp": now, "Output": output})


def modify_instance_attribute(response: InstanceResponse) -> ActionResult:
    """Answer ModifyInstanceAttribute: some attributes only of a stopped instance, and one that moto lacks."""
    instance: LocalInstance = response.ec2_backend.get_instance(response._get_param("InstanceId"))
    named = str(response._get_param("Attribute", "")).lower()
    fixed = [
        name
        for name in FIXED_WHILE_ON
        if response._get_param(f"{name}.Value") is not None or named == name.lower()
    ]
    if fixed and instance.state != "stopped":
        raise EC2ClientError("IncorrectInstanceState", wording.not_stopped(instance.id))
    behavior = response._get_param(f"{BEHAVIOR}.Value")
    if named == BEHAVIOR.lower():
        behavior = response._get_param("Value")
    if behavior is None:
        return stock_modify(response)
    check_choice(BEHAVIOR, behavior)
    response.error_on_dryrun()
    instance.instance_initiated_shutdown_behavior = behavior
    return EmptyResult()


def add_actions() -> None:
    """Put these in the place of moto's, once."""
    if InstanceResponse.modify_instance_attribute is modify_instance_attribute:
        return
    for name, member in CHANGES.items():
        setattr(InstanceResponse, name, tell_states(getattr(InstanceResponse, name), member))
    for name, check in CHECKS.items():
        setattr(InstanceResponse, name, all_or_none(getattr(InstanceResponse, name), check))
    for action in (run_instances, modify_instance_attribute):
        setattr(InstanceResponse, action.__name__, action)
    install_spot_requests()
    for answers, name in LAUNCHES:
        setattr(answers, name, as_failure(getattr(answers, name)))
    setattr(General, get_console_output.__name__, get_console_output)
