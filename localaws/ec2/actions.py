"""Answer the actions of EC2's instances for which moto's own answers are not true."""

import base64
from collections.abc import Callable
from typing import Any

from moto.core.responses import ActionResult
from moto.core.types import Base64EncodedString
from moto.ec2.responses.general import General
from moto.ec2.responses.instances import InstanceResponse

from localaws import context
from localaws.clock import naive_utc
from localaws.ec2.backend import LocalInstance

stock_run_instances = InstanceResponse.run_instances
CHANGES = {
    "start_instances": "StartingInstances",
    "stop_instances": "StoppingInstances",
    "terminate_instances": "TerminatingInstances",
}
"""Actions that change states, and the members of their answers."""


def run_instances(response: InstanceResponse) -> ActionResult:
    """Answer RunInstances: as many instances as may be, all with the profile; moto makes the fewest."""
    response.params["MinCount"] = response._get_param("MaxCount", "1")
    answer = stock_run_instances(response)
    reservation: Any = answer.result
    first, *others = reservation.instances
    backend: Any = response.ec2_backend
    association = backend.iam_instance_profile_associations.get(first.id)
    for instance in others if association else ():
        arn = association.iam_instance_profile.arn
        backend.associate_iam_instance_profile(instance_id=instance.id, iam_instance_profile_arn=arn)
    return answer


def tell_states(stock: Callable[[InstanceResponse], ActionResult], member: str) -> Any:
    """Return an action that answers with the states that the instances have; moto names the usual ones."""

    def answer(response: InstanceResponse) -> ActionResult:
        found: Any = stock(response).result
        for change in found[member]:
            state = response.ec2_backend.get_instance(change["InstanceId"]).instance_state
            change["CurrentState"] = {"Code": state.code, "Name": state.name}
        return ActionResult(found)

    return answer


def get_console_output(response: General) -> ActionResult:
    """Answer GetConsoleOutput: what the instance has said."""
    instance: LocalInstance = response.ec2_backend.get_instance(response._get_param("InstanceId"))
    output = Base64EncodedString(base64.b64encode(instance.console.read()).decode())
    now = naive_utc(context.current().clock.now())
    return ActionResult({"InstanceId": instance.id, "Timestamp": now, "Output": output})


def add_actions() -> None:
    """Put these in the place of moto's, once."""
    if InstanceResponse.run_instances is run_instances:
        return
    for name, member in CHANGES.items():
        setattr(InstanceResponse, name, tell_states(getattr(InstanceResponse, name), member))
    setattr(InstanceResponse, "run_instances", run_instances)  # noqa: B010 - mypy refuses to assign a method
    setattr(General, "get_console_output", get_console_output)  # noqa: B010
