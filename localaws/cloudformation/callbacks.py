"""Where the functions of custom resources answer, and what becomes of it.

They answer at localaws itself; moto names the host of its Docker, and heeds no answer but SUCCESS.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-requesttypes-create.html
"""

import json
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

from moto.cloudformation import custom_model
from moto.cloudformation.responses import CloudFormationResponse

from localaws.cloudformation.stacks import fail_answered, succeed_answered
from localaws.context import current

Answer = tuple[int, dict[str, int], str]

PORTS = {"http": 80, "https": 443}


def split(address: str) -> tuple[str, str]:
    """Return an address without its port, and the port."""
    parts = urlsplit(address)
    host = parts.netloc if parts.port is None else parts.netloc.rpartition(":")[0]
    return f"{parts.scheme}://{host}", str(parts.port or PORTS[parts.scheme])


def take_answer(response: CloudFormationResponse) -> Answer:
    """Take what a custom resource's function says of its work; what is about none there is gets 404."""
    sent = {name: response._get_param(name) for name in ("Status", "StackId", "LogicalResourceId")}
    backend = response.cloudformation_backend
    stack, logical_id = backend.stacks.get(str(sent["StackId"])), str(sent["LogicalResourceId"])
    if stack is None or logical_id not in stack.custom_resources:
        return (
            404,
            {"status": 404},
            json.dumps({"message": "no custom resource of a stack is waiting for it"}),
        )
    if sent["Status"] == "SUCCESS":
        succeed_answered(stack, logical_id, data=response._get_param("Data") or {})
    else:
        fail_answered(stack, logical_id, reason=str(response._get_param("Reason") or ""))
    return 200, {"status": 200}, json.dumps("{}")


def install() -> None:
    """Give moto's custom resources this address, of which they ask both halves, and this ear."""
    setattr(CloudFormationResponse, "process_cfn_response", take_answer)  # noqa: B010 - as add_actions does
    module: Any = custom_model
    module.settings = SimpleNamespace(
        moto_server_host=lambda: split(current().endpoint_url)[0],
        moto_server_port=lambda: split(current().endpoint_url)[1],
    )
