"""Answer the actions of Systems Manager's commands, of which moto says that they succeeded.

https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_SendCommand.html
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from moto.core.responses import ActionResult, EmptyResult
from moto.ssm.exceptions import SSMException
from moto.ssm.models import SimpleSystemManagerBackend
from moto.ssm.responses import SimpleSystemManagerResponse as Answers

from localaws import context
from localaws.ec2.backend import LocalInstance
from localaws.paging import cut_page
from localaws.ssm import nodes, wording
from localaws.ssm.command import Command
from localaws.ssm.output import PLUGIN
from localaws.ssm.service import CommandService
from localaws.ssm.spec import read_order
from localaws.ssm.validation import check_command

PAGE = 50
MEMBERS = {
    "InstanceIds": "InstanceId",
    "PlatformTypes": "PlatformType",
    "PingStatus": "PingStatus",
    "ResourceType": "ResourceType",
    "IamRole": "IamRole",
    "AgentVersion": "AgentVersion",
}
"""Filters of DescribeInstanceInformation, and the members that they look at."""

MAX_COMMANDS = 1_000
"""Commands of a region that are remembered, the newest (AWS forgets them after 30 days)."""

stock_reset = SimpleSystemManagerBackend.reset


def read(response: Answers) -> dict[str, Any]:
    """Return the members of a request."""
    return dict(json.loads(response.body or "{}"))


def send_command(response: Answers) -> ActionResult:
    """Answer SendCommand."""
    request = read(response)
    check_command(request, documents=response.ssm_backend._documents)
    instances = find_instances(response, request)
    command = Command(context.current(), order=read_order(request), instances=instances)
    answer = {"Command": command.answer()}
    keep(response.ssm_backend, command)
    runners = [each.runner for each in command.invocations]
    context.current().find_service(CommandService).start(runners)
    return ActionResult(answer)


def kept(backend: SimpleSystemManagerBackend) -> list[Command]:
    """Return the commands that moto's backend keeps, the newest first: all are ours."""
    commands: list[Any] = backend._commands
    return commands[::-1]


def keep(backend: SimpleSystemManagerBackend, command: Command) -> None:
    """Keep a command, and in its place, where there are many, the oldest that is over no longer."""
    commands: list[Any] = backend._commands
    commands.append(command)
    if len(commands) > MAX_COMMANDS and commands[0].state.is_over:
        del commands[0]


def find_instances(response: Answers, request: Mapping[str, Any]) -> list[LocalInstance]:
    """Return the instances that a command is for; all that it names by their ids must be there."""
    known = nodes.find_nodes(account_id=response.current_account, region=response.region)
    if request.get("Targets"):
        return nodes.select(known, request["Targets"])
    named = request["InstanceIds"]
    wrong = [each for each in named if each not in known or known[each][1] != nodes.ONLINE]
    if wrong:
        message = wording.invalid_instances(wrong, account_id=response.current_account)
        raise SSMException("InvalidInstanceId", message)
    return [known[each][0] for each in named]


def find_command(response: Answers, request: Mapping[str, Any]) -> Command | None:
    """Return the command that a request names."""
    commands = kept(response.ssm_backend)
    return next((each for each in commands if each.id == request["CommandId"]), None)


def get_command_invocation(response: Answers) -> ActionResult:
    """Answer GetCommandInvocation."""
    request = read(response)
    command = find_command(response, request)
    found = command.find(request["InstanceId"]) if command else None
    if found is None:
        raise SSMException("InvocationDoesNotExist", "")
    if request.get("PluginName") not in (None, "", PLUGIN):
        raise SSMException("InvalidPluginName", "")
    return ActionResult(found.answer())


def cancel_command(response: Answers) -> EmptyResult:
    """Answer CancelCommand."""
    request = read(response)
    command, named = find_command(response, request), request.get("InstanceIds") or []
    if command is None:
        raise SSMException("InvalidCommandId", "")
    if len(set(named)) < len(named):
        raise SSMException("DuplicateInstanceId", "")
    if any(command.find(each) is None for each in named):
        raise SSMException("InvalidInstanceId", "")
    command.cancel(named)
    return EmptyResult()


def list_commands(response: Answers) -> ActionResult:
    """Answer ListCommands."""
    request = read(response)
    wanted = [
        each
        for each in find_commands(response, request)
        if "InstanceId" not in request or each.find(request["InstanceId"])
    ]
    rows = [each for each in wanted if fits(request, each, status=each.state.status)]
    page, token = cut_rows(request, rows)
    return answer_page("Commands", [each.answer() for each in page], token)


def list_command_invocations(response: Answers) -> ActionResult:
    """Answer ListCommandInvocations."""
    request = read(response)
    rows = [
        found
        for command in find_commands(response, request)
        for found in command.invocations
        if request.get("InstanceId", found.instance.id) == found.instance.id
        and fits(request, command, status=found.state.status)
    ]
    page, token = cut_rows(request, rows)
    details = bool(request.get("Details"))
    return answer_page("CommandInvocations", [each.list_as(with_details=details) for each in page], token)


def find_commands(response: Answers, request: Mapping[str, Any]) -> Sequence[Command]:
    """Return the command that a list is about, or all."""
    if "CommandId" not in request:
        return kept(response.ssm_backend)
    command = find_command(response, request)
    return [command] if command else []


def fits(request: Mapping[str, Any], command: Command, *, status: str) -> bool:
    """Tell whether a row passes the filters; raises SSMException for one that is none."""
    return all(fits_one(each["key"], each["value"], command, status) for each in request.get("Filters") or [])


def fits_one(key: str, value: str, command: Command, status: str) -> bool:
    """Tell whether a row passes one filter."""
    if key == "Status":
        return status == value
    if key == "DocumentName":
        return command.order.document == value
    if key == "ExecutionStage":
        return command.state.is_over == (value == "Complete")
    try:
        moment = datetime.fromisoformat(value)
    except ValueError as error:
        raise SSMException("InvalidFilterKey", f"{key} is {value!r}, which is no time") from error
    moment = moment if moment.tzinfo else moment.replace(tzinfo=command.requested_at.tzinfo)
    is_later = command.requested_at >= moment
    return is_later if key == "InvokedAfter" else not is_later


def cut_rows(request: Mapping[str, Any], rows: Sequence[Any]) -> tuple[Sequence[Any], str | None]:
    """Return the page of a list that is asked for."""
    refusal = SSMException("InvalidNextToken", "The specified token is not valid.")
    return cut_page(
        rows, token=request.get("NextToken"), size=request.get("MaxResults") or PAGE, refusal=refusal
    )


def answer_page(member: str, rows: Sequence[Any], token: str | None) -> ActionResult:
    """Return a page of a list."""
    return ActionResult({member: list(rows)} | ({"NextToken": token} if token else {}))


def describe_instance_information(response: Answers) -> ActionResult:
    """Answer DescribeInstanceInformation."""
    request = read(response)
    known = nodes.find_nodes(account_id=response.current_account, region=response.region)
    rows = [nodes.describe_node(*each) for each in known.values()]
    older = request.get("InstanceInformationFilterList") or []
    filters = [(each["key"], each["valueSet"]) for each in older]
    filters += [(each["Key"], each.get("Values") or []) for each in request.get("Filters") or []]
    for key, values in filters:
        rows = [row for row in rows if passes(row, known[row["InstanceId"]][0], key=key, values=values)]
    page, token = cut_rows(request, rows)
    return answer_page("InstanceInformationList", page, token)


def passes(row: Mapping[str, Any], instance: LocalInstance, *, key: str, values: Sequence[str]) -> bool:
    """Tell whether an instance passes a filter; raises SSMException for one that is none."""
    if key in MEMBERS:
        return row.get(MEMBERS[key]) in values
    if key == "tag-key" or key.startswith("tag:"):
        return nodes.is_meant(instance, {"Key": key, "Values": values})
    raise SSMException("InvalidFilterKey", f"{key} is no filter of DescribeInstanceInformation")


def reset(backend: SimpleSystemManagerBackend) -> None:
    """Forget everything; commands end."""
    for command in kept(backend):
        for each in command.invocations:
            each.runner.abort()
    stock_reset(backend)


def add_actions() -> None:
    """Put these in the place of moto's."""
    for action in (
        send_command,
        get_command_invocation,
        cancel_command,
        list_commands,
        list_command_invocations,
        describe_instance_information,
    ):
        setattr(Answers, action.__name__, action)
    setattr(SimpleSystemManagerBackend, "reset", reset)  # noqa: B010 - mypy refuses to assign a method
