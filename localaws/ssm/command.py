"""One command, in all the instances that it is for."""

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from localaws.context import Context
from localaws.ec2.agent import Ran
from localaws.ec2.backend import LocalInstance
from localaws.ssm import states
from localaws.ssm.output import (
    CUT_STDERR,
    CUT_STDOUT,
    MAX_LISTED,
    MAX_STDERR,
    MAX_STDOUT,
    PLUGIN,
    Outlet,
    cut,
    read_stderr,
)
from localaws.ssm.runner import Runner, Turns
from localaws.ssm.spec import Order, read_share
from localaws.ssm.states import State, sum_up


class Invocation:
    """One command in one instance."""

    def __init__(
        self, context: Context, *, command: "Command", instance: LocalInstance, turns: Turns
    ) -> None:
        self._command = command
        self.instance = instance
        outlet = Outlet(context, order=command.order, command_id=command.id, instance=instance)
        self._stdout_url, self._stderr_url = outlet.find_urls()
        self.runner = Runner(
            command_id=command.id,
            order=command.order,
            node=instance,
            turns=turns,
            clock=context.clock,
            put=outlet.put,
        )

    @property
    def state(self) -> State:
        """Its state now."""
        return self.runner.record.state

    def answer(self) -> dict[str, Any]:
        """Return it as GetCommandInvocation answers."""
        record, order = self.runner.record, self._command.order
        stdout, stderr = read_outputs(record.ran)
        return {
            "CommandId": self._command.id,
            "InstanceId": self.instance.id,
            "Comment": order.comment,
            "DocumentName": order.document,
            "DocumentVersion": order.version,
            "PluginName": PLUGIN,
            "ResponseCode": record.code,
            "ExecutionStartDateTime": write_time(record.started_at),
            "ExecutionElapsedTime": write_duration(record.started_at, record.ended_at),
            "ExecutionEndDateTime": write_time(record.ended_at),
            **record.state.as_members(),
            "StandardOutputContent": cut(stdout, most=MAX_STDOUT, mark=CUT_STDOUT),
            "StandardOutputUrl": self._stdout_url,
            "StandardErrorContent": cut(stderr, most=MAX_STDERR, mark=CUT_STDERR),
            "StandardErrorUrl": self._stderr_url,
            "CloudWatchOutputConfig": read_logs(order),
        }

    def list_as(self, *, with_details: bool) -> dict[str, Any]:
        """Return it as ListCommandInvocations answers."""
        order, tags = self._command.order, self.instance.get_tags()
        return {
            "CommandId": self._command.id,
            "InstanceId": self.instance.id,
            "InstanceName": "".join(tag["value"] for tag in tags if tag["key"] == "Name"),
            "Comment": order.comment,
            "DocumentName": order.document,
            "DocumentVersion": order.version,
            "RequestedDateTime": self._command.requested_at,
            **self.state.as_members(),
            "StandardOutputUrl": self._stdout_url,
            "StandardErrorUrl": self._stderr_url,
            "CommandPlugins": [self._describe_plugin()] if with_details else [],
            "ServiceRole": "",
            "CloudWatchOutputConfig": read_logs(order),
        }

    def _describe_plugin(self) -> dict[str, Any]:
        record, bucket = self.runner.record, self._command.order.bucket
        stdout, stderr = read_outputs(record.ran)
        both = stdout + (f"\n----------ERROR-------\n{stderr}" if stderr else "")
        times = {"ResponseStartDateTime": record.started_at, "ResponseFinishDateTime": record.ended_at}
        return {
            "Name": PLUGIN,
            **record.state.as_members(),
            "ResponseCode": record.code,
            **{name: moment for name, moment in times.items() if moment},
            "Output": cut(both, most=MAX_LISTED, mark=CUT_STDOUT),
            "StandardOutputUrl": self._stdout_url,
            "StandardErrorUrl": self._stderr_url,
            "OutputS3Region": bucket.region if bucket else "",
            "OutputS3BucketName": bucket.name if bucket else "",
            "OutputS3KeyPrefix": bucket.prefix if bucket else "",
        }


class Command:
    """What SendCommand has made. moto's own kind of it is never made here."""

    def __init__(self, context: Context, *, order: Order, instances: Sequence[LocalInstance]) -> None:
        self.id = str(uuid.uuid4())
        self.order = order
        self.requested_at = context.clock.now()
        self._is_cancelled = False
        targets = len(instances)
        turns = Turns(
            at_a_time=max(1, read_share(order.concurrency, of=targets)),
            errors=read_share(order.errors, of=targets),
        )
        self.invocations = [
            Invocation(context, command=self, instance=each, turns=turns) for each in instances
        ]

    @property
    def state(self) -> State:
        """Its state now."""
        return sum_up([each.state for each in self.invocations], is_cancelled=self._is_cancelled)

    def find(self, instance_id: str) -> Invocation | None:
        """Return its invocation in an instance."""
        return next((each for each in self.invocations if each.instance.id == instance_id), None)

    def cancel(self, instance_ids: Sequence[str]) -> None:
        """End it in some instances, or in all where none is named."""
        self._is_cancelled = self._is_cancelled or not instance_ids
        for each in self.invocations:
            if not instance_ids or each.instance.id in instance_ids:
                each.runner.cancel()

    def answer(self) -> dict[str, Any]:
        """Return it as SendCommand and ListCommands answer."""
        order, found = self.order, [each.state for each in self.invocations]
        expires = self.requested_at + timedelta(seconds=order.timeout_s + order.execution_s)
        bucket = order.bucket
        return {
            "CommandId": self.id,
            "DocumentName": order.document,
            "DocumentVersion": order.version,
            "Comment": order.comment,
            "ExpiresAfter": expires,
            "Parameters": order.parameters,
            "InstanceIds": list(order.asked_ids),
            "Targets": list(order.targets),
            "RequestedDateTime": self.requested_at,
            **self.state.as_members(),
            "OutputS3Region": bucket.region if bucket else "",
            "OutputS3BucketName": bucket.name if bucket else "",
            "OutputS3KeyPrefix": bucket.prefix if bucket else "",
            "MaxConcurrency": order.concurrency,
            "MaxErrors": order.errors,
            "TargetCount": len(found),
            "CompletedCount": sum(each.is_over for each in found),
            "ErrorCount": sum(each.status in (states.FAILED, states.TIMED_OUT) for each in found),
            "DeliveryTimedOutCount": sum(each.details == states.DELIVERY_TIMED_OUT for each in found),
            "ServiceRole": "",
            "NotificationConfig": {"NotificationArn": "", "NotificationEvents": [], "NotificationType": ""},
            "CloudWatchOutputConfig": read_logs(order),
            "TimeoutSeconds": order.timeout_s,
        }


def read_outputs(ran: Ran | None) -> tuple[str, str]:
    """Return both outputs of what has ended by itself, else nothing."""
    return ("", "") if ran is None else (ran.stdout.decode(errors="replace"), read_stderr(ran))


def read_logs(order: Order) -> dict[str, Any]:
    """Return where outputs are logged."""
    is_on = bool(order.log_group)
    return {"CloudWatchLogGroupName": order.log_group, "CloudWatchOutputEnabled": is_on}


def write_time(moment: datetime | None) -> str:
    """Return a time as GetCommandInvocation writes it, empty where there is none."""
    return "" if moment is None else moment.astimezone(UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


def write_duration(start: datetime | None, end: datetime | None) -> str:
    """Return how long something took, as ISO 8601 has it: PT1M3.5S."""
    if start is None or end is None:
        return ""
    took_s = max(0.0, (end - start).total_seconds())
    hours, rest = divmod(took_s, 3600)
    minutes, seconds = divmod(rest, 60)
    parts = f"{hours:.0f}H" * bool(hours) + f"{minutes:.0f}M" * bool(minutes)
    return f"PT{parts}{seconds:g}S" if seconds or not parts else f"PT{parts}"
