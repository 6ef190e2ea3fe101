"""moto's instances, which really run: their states, and what takes the place of moto's own in them."""

import copy
import threading
from dataclasses import replace
from typing import Any

from moto.core.types import Base64EncodedString
from moto.ec2.exceptions import EC2ClientError, OperationDisableApiStopNotPermitted
from moto.ec2.models import EC2Backend, instances
from moto.ec2.models.instances import Instance, InstanceBackend, InstanceState, Reservation, StateReason

from localaws import context
from localaws.clock import naive_utc
from localaws.ec2 import notices, states, wording
from localaws.ec2.agent import Agent, Delivery
from localaws.ec2.choices import check_options
from localaws.ec2.choices import modify_instance_metadata_options as modify_metadata
from localaws.ec2.console import Console
from localaws.ec2.container import Computer
from localaws.ec2.disks import check_hibernation, complete_disks
from localaws.ec2.endings import note_end
from localaws.ec2.facts import RoleCredentials, as_text, make_facts
from localaws.ec2.hardware import InstanceHardware
from localaws.ec2.metadata import Metadata, Tokens
from localaws.ec2.runner import Order, Runner
from localaws.ec2.service import InstanceService
from localaws.ec2.spec import Facts
from localaws.ec2.spot import Interruption
from localaws.ec2.spot_requests import note_requests
from localaws.ec2.templates import associate_profile, complete, read_template
from localaws.ec2.validation import check_capacity, check_launch, check_room, check_vcpus
from localaws.ec2.wording import Reason
from localaws.faults.spec import BootFailure

CHECKS_S = 60.0
"""AWS seconds from running until the first status checks are over."""

stock_run_instances = InstanceBackend.run_instances
stock_reset = EC2Backend.reset


class LocalInstance(Instance):
    """An instance whose user data run in a process of this machine."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self._power = threading.RLock()
        self._context = context.current()
        self._running_since_s: float | None = None
        self.is_to_hibernate = False
        self.is_impaired = False
        super().__init__(*arguments, **options)
        self._state = make_state("pending")
        self.launch_time = naive_utc(self._context.clock.now())
        self.interruption = Interruption(faults=self._context.faults, clock=self._context.clock)
        self.console = Console()
        self._computer = Computer(name=self.id, context=self._context, console=self.console)
        self._credentials = RoleCredentials(self._context)
        metadata = Metadata(
            facts=self.describe,
            credentials=lambda profile: self._credentials.document(profile, instance_id=self.id),
            tokens=Tokens(self._context.clock.monotonic),
        )
        self._hardware = InstanceHardware(computer=self._computer, metadata=metadata, facts=self.describe)

    @property
    def agent(self) -> Agent:
        """The way to its agent of Systems Manager."""
        return self._computer.agent

    def take_agent(self) -> Delivery | None:
        """Return a connection to its agent; None where there is none now."""
        return self.agent.take() if self.state == "running" else None

    @property
    def is_gone(self) -> bool:
        """Whether it has been terminated."""
        return bool(self.state == "terminated")

    @property
    def shuts_down_for_good(self) -> bool:
        """Whether a shutdown from inside terminates it."""
        return bool(self.instance_initiated_shutdown_behavior == "terminate")

    @property
    def instance_status(self) -> dict[str, Any]:
        """What the check of the instance says."""
        if self.is_impaired and self.state == "running":
            return {"Status": "impaired", "Details": [{"Name": "reachability", "Status": "failed"}]}
        return self.system_status

    @property
    def system_status(self) -> dict[str, Any]:
        """What the check of the computer below it says."""
        since_s = self._running_since_s
        if self.state != "running" or since_s is None:
            return {"Status": "not-applicable"}
        is_checked = self._context.clock.monotonic() - since_s >= CHECKS_S
        status, found = ("ok", "passed") if is_checked else ("initializing", "initializing")
        return {"Status": status, "Details": [{"Name": "reachability", "Status": found}]}

    def describe(self) -> Facts:
        """Return what its metadata say now."""
        at, told_at = self.interruption.at, self.interruption.told_at
        if at is None or told_at is None:
            return make_facts(self)
        return replace(make_facts(self), interruption_at=as_text(at), rebalance_at=as_text(told_at))

    def describe_row(self) -> dict[str, Any]:
        """Return what the status page shows of it."""
        names = [tag["value"] for tag in self.get_tags() if tag["key"] == "Name"]
        row = {"name": self.id, "title": "".join(names), "status": self.state, "type": self.instance_type}
        return row | {
            "reason": self.state_reason.message,
            "pid": self._computer.pid,
            "created": self.launch_time,
        }

    def launch(self) -> None:
        """Switch it on."""
        self._tell(notices.STATE_CHANGE, state="pending")
        runner = Runner(machine=self, hardware=self._hardware, clock=self._context.clock)
        self._service.start(self.id, runner, describe=self.describe_row)

    @property
    def _service(self) -> InstanceService:
        return self._context.find_service(InstanceService)

    def is_broken(self) -> bool:
        """Tell whether a rule lets it not boot this time."""
        names = [self.id, *(tag["value"] for tag in self.get_tags() if tag["key"] == "Name")]
        now = self._context.clock.now().isoformat()
        rule = self._context.faults.take(
            lambda effect: isinstance(effect, BootFailure) and effect.applies(names),
            now=now,
            outcome=f"instance {self.id}",
        )
        return rule is not None

    def is_taken_away(self, ran_s: float) -> bool:
        """Tell whether a Spot Instance, which has run so many AWS seconds, is to end now."""
        if self.lifecycle != "spot":
            return False
        names = (tag["value"] for tag in self.get_tags() if tag["key"] == "Name")
        is_new = self.interruption.at is None
        is_over = self.interruption.is_over([self.id, *names], ran_s=ran_s)
        if is_new and self.interruption.at is not None:
            self._tell(notices.REBALANCE)
            self._tell(notices.INTERRUPTION, instance_action="terminate")
        return is_over

    def say(self, line: str) -> None:
        """Write a line to the console."""
        self.console.write(line)

    def enter(self, state: str, reason: Reason | None = None) -> bool:
        """Go to a state, with its StateReason; False where that cannot be any more."""
        with self._power:
            if not states.may_step(self.state, state):
                return False
            self._state = make_state(state)
            self._running_since_s = self._context.clock.monotonic() if state == "running" else None
            if state == "pending":
                self.state_reason, self._reason = StateReason(), ""
            elif reason is not None:
                self._explain(reason)
            if state == "stopped":
                self._keep_reason(super().stop)
            elif state == "terminated":
                self._keep_reason(super().terminate)
                self._service.forget(self.id)
                self._computer.remove()
                note_end(self.ec2_backend, self.id)
        if state != "pending":  # of which `launch` tells
            self._tell(notices.STATE_CHANGE, state=state)
        return True

    def _tell(self, kind: str, **detail: str) -> None:
        """Tell EventBridge."""
        notices.tell(self, kind, now=self._context.clock.now(), **detail)

    def _explain(self, reason: Reason) -> None:
        code, message = reason
        self.state_reason = StateReason(message=message, code=code)
        is_asked = reason in (wording.USER_SHUTDOWN, wording.USER_HIBERNATION)
        self._reason = wording.user_initiated(self._context.clock.now()) if is_asked else ""

    def _keep_reason(self, release: Any) -> None:
        """Let moto release what an instance holds; it would give every end the reason of a request."""
        kept = self.state_reason, self._reason
        release()
        self.state_reason, self._reason = kept

    def check_start(self) -> None:
        """Raise EC2ClientError where it can neither be started nor is on."""
        if self.state not in ("pending", "running", "stopped"):
            raise EC2ClientError("IncorrectInstanceState", wording.cannot_start(self.id))

    def check_stop(self) -> None:
        """Raise EC2ClientError where it can neither be stopped nor is off."""
        if self.disable_api_stop:
            raise OperationDisableApiStopNotPermitted(self.id)
        if self.state not in ("running", "stopping", "stopped"):
            raise EC2ClientError("IncorrectInstanceState", wording.cannot_stop(self.id))
        if self.lifecycle == "spot":
            raise EC2ClientError("UnsupportedOperation", wording.one_time_spot(self.id))

    def check_reboot(self) -> None:
        """Raise EC2ClientError where it cannot be rebooted."""
        if self.state != "running":
            raise EC2ClientError("IncorrectInstanceState", wording.cannot_reboot(self.id))

    def start(self, *arguments: Any, **options: Any) -> InstanceState:
        """Answer StartInstances: boot a stopped instance; return the state before."""
        with self._power:
            before = copy.copy(self._state)
            self.check_start()
            if before.name in ("pending", "running"):
                return before
            check_room(self.ec2_backend, count=1)
            check_vcpus(self.ec2_backend, name=self.instance_type, count=1, is_spot=self.lifecycle == "spot")
            check_capacity(name=self.instance_type, zone=self.availability_zone or "")
            super().start()
            self._state = before
            self.enter("pending")
            self.launch_time = naive_utc(self._context.clock.now())
            self.launch()
            return before

    def stop(self, *arguments: Any, **options: Any) -> InstanceState:
        """Answer StopInstances; return the state before."""
        with self._power:
            before = copy.copy(self._state)
            is_kept, self.is_to_hibernate = self.is_to_hibernate, False
            self.check_stop()
            if before.name in ("stopping", "stopped"):
                return before
            self._end("stopping", Order.HIBERNATE if is_kept else Order.STOP)
            return before

    def check_hibernation(self) -> None:
        """Raise EC2ClientError where it was not launched to hibernate."""
        if not (self.hibernation_options or {}).get("Configured"):
            raise EC2ClientError("UnsupportedHibernationConfiguration", wording.no_hibernation(self.id))

    def terminate(self) -> InstanceState:
        """Answer TerminateInstances; return the state before."""
        with self._power:
            before = copy.copy(self._state)
            if before.name not in ("shutting-down", "terminated"):
                self._end("shutting-down", Order.TERMINATE)
            return before

    def _end(self, state: str, order: Order) -> None:
        is_kept = order is Order.HIBERNATE
        self.enter(state, wording.USER_HIBERNATION if is_kept else wording.USER_SHUTDOWN)
        if not self._service.ask(self.id, order):
            self._hardware.switch_off()  # it may have hibernated
            self.enter("terminated" if order is Order.TERMINATE else "stopped")

    def abandon(self) -> None:
        """Switch it off, because moto forgets it."""
        if not self._service.ask(self.id, Order.ABORT):
            self._hardware.switch_off()

    def reboot(self, *arguments: Any, **options: Any) -> None:
        """Answer RebootInstances."""
        self.check_reboot()
        if not self._service.ask(self.id, Order.REBOOT):  # it is about to be off
            raise EC2ClientError("IncorrectInstanceState", wording.cannot_reboot(self.id))


def make_state(name: str) -> InstanceState:
    """Return a state of moto's."""
    return InstanceState(name, states.CODES[name])


def run_instances(
    backend: InstanceBackend,
    image_id: str,
    count: int,
    user_data: Base64EncodedString | None,
    security_group_names: list[str],
    **options: Any,
) -> Reservation:
    """Check what is asked for, and switch the new instances on."""
    template = read_template(backend, options.get("launch_template") or {})
    if profile := options.pop("profile", None):  # of a Spot request
        template = {"IamInstanceProfile": profile}
    check_launch(
        backend,
        image_id=image_id,
        count=count,
        user_data=user_data,
        options=options,
        template=template,
    )
    complete(options, template)
    check_options(options)
    image = backend.describe_images(ami_ids=[image_id or template.get("ImageId")])[0]  # type: ignore[attr-defined]
    complete_disks(backend, options, template, image=image)
    check_hibernation(options, root=image.root_device_name)
    known = set(backend.reservations)
    try:
        reservation = stock_run_instances(
            backend, image_id, count, user_data, security_group_names, **options
        )
    except Exception:
        forget_new(backend, known=known)
        raise
    associate_profile(backend, reservation, options=options, template=template)
    note_requests(backend, reservation)
    for instance in reservation.instances:
        assert isinstance(instance, LocalInstance)
        instance.launch()
    return reservation


def forget_new(backend: InstanceBackend, *, known: set[str]) -> None:
    """Remove what a launch that failed has made; moto would show it as instances that are there."""
    for name in set(backend.reservations) - known:
        for instance in backend.reservations.pop(name).instances:
            instance.terminate()


def reset(backend: EC2Backend) -> None:
    """Forget everything; what runs is switched off."""
    for instance in backend.all_instances():
        if isinstance(instance, LocalInstance):
            instance.abandon()
    stock_reset(backend)


def install() -> None:
    """Let moto make instances of this kind, whoever asks for them."""
    setattr(instances, "Instance", LocalInstance)  # noqa: B010 - mypy refuses to assign a class
    setattr(InstanceBackend, "run_instances", run_instances)  # noqa: B010
    setattr(InstanceBackend, modify_metadata.__name__, modify_metadata)
    setattr(EC2Backend, "reset", reset)  # noqa: B010
