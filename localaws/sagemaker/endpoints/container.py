"""A serving container's look-alike: a folder like /opt/ml, the container's variables, and one process."""

import contextlib
import logging
import os
import secrets
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from moto.core.exceptions import ServiceException

from localaws.context import Context, python_environment
from localaws.iam.identity import Grant
from localaws.logs import LogStream
from localaws.overlays import pip_variables
from localaws.processes import Child
from localaws.sagemaker.background import count_instances
from localaws.sagemaker.endpoints.instance import Instance, Server
from localaws.sagemaker.endpoints.model_data import MODEL, fetch_model, find_program, is_own_server
from localaws.sagemaker.endpoints.plan import VariantPlan
from localaws.sagemaker.hosts import free_port
from localaws.sagemaker.room import Room

logger = logging.getLogger(__name__)

LINE_CHARACTERS = 65_000
"""Longest log line kept whole: a CloudWatch event holds 256 KiB, and a character is at most 4 bytes."""


class ContainerLog:
    """The log stream of one instance; a group that its owner deletes meanwhile is made again."""

    def __init__(self, open_stream: Callable[[], LogStream]) -> None:
        self._open_stream = open_stream
        self._stream = open_stream()

    def write(self, line: str) -> None:
        """Append a line."""
        try:
            self._stream.write(line[:LINE_CHARACTERS])
        except ServiceException:
            self._stream = self._open_stream()
            self._stream.write(line[:LINE_CHARACTERS])


class ContainerProcess:
    """A serving process, and its right to the role's credentials."""

    def __init__(self, *, child: Child, port: int, context: Context, grant: Grant, room: Room) -> None:
        self.port = port
        self.pid = child.pid
        self._room = room
        self._child = child
        self._context = context
        self._grant = grant

    def exit_code(self) -> int | None:
        """Return the exit code, or None while it runs."""
        return self._child.poll()

    def last_lines(self) -> Sequence[str]:
        """Return the last lines of its log."""
        return list(self._child.tail)

    def stop(self, *, grace_s: float) -> None:
        """Send SIGTERM, after `grace_s` real seconds SIGKILL; reap; end the grant."""
        self._context.supervisor.stop(self._child, grace_s=grace_s)
        self._context.identity.revoke(self._grant)
        self._room.leave()


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where containers belong: whose they are, where they lie, and where they log."""

    title: str
    account_id: str
    region: str
    folder: Path
    log_group: str
    job: str = ""
    """The transform job in whose FailureReason a container stands; empty for those of an endpoint."""


def lay_out(fetched: Path, *, room: Room) -> None:
    """Give an instance the model and code that were fetched for all: code of its own, and the model to read.

    https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-inference-code.html. Hard links cost
    nothing; where no view keeps an instance from writing to them, it gets a copy.
    """
    for folder in fetched.iterdir():
        is_linked = folder.name == MODEL and not room.refusal
        copy = os.link if is_linked else shutil.copy2
        shutil.copytree(folder, room.base / folder.name, copy_function=copy)


class ContainerFactory:
    """Make the instances of one endpoint. Models are fetched once for each variant of each deployment."""

    def __init__(self, *, context: Context, place: Place) -> None:
        self._context = context
        self._place = place
        self._models: dict[VariantPlan, Path] = {}

    def fetch(self, plans: Sequence[VariantPlan]) -> None:
        """Fetch the models of `plans`, replacing those of earlier deployments; raises ModelDeployError."""
        for plan in plans:
            folder = self._place.folder / "models" / f"{plan.name}-{secrets.token_hex(4)}"
            fetch_model(plan, context=self._context, region=self._place.region, base=folder)
            find_program(plan, base=folder)
            self._models[plan] = folder

    def forget(self, plans: Sequence[VariantPlan]) -> None:
        """Remove the fetched models of `plans`."""
        for plan in plans:
            folder = self._models.pop(plan, None)
            if folder is not None:
                shutil.rmtree(folder, ignore_errors=True)

    def new_instance(self, plan: VariantPlan) -> Instance:
        """Make an instance that is not started yet."""
        instance_id = f"i-{secrets.token_hex(8)}{secrets.token_hex(1)[:1]}"
        base = self._place.folder / plan.name / instance_id / "opt" / "ml"
        room = Room(base=base, context=self._context, fixed=[MODEL])

        def launch() -> Server:
            return self._launch(plan, instance_id=instance_id, room=room)

        return Instance(
            instance_id=instance_id,
            variant=plan.name,
            launch=launch,
            clock=self._context.clock,
            startup_s=plan.startup_s,
            job=self._place.job,
        )

    def _launch(self, plan: VariantPlan, *, instance_id: str, room: Room) -> ContainerProcess:
        room.prepare()
        if not room.base.exists():
            lay_out(self._models[plan], room=room)
        grant = self._context.identity.grant(role_arn=plan.role_arn, session_name="SageMaker")
        port = free_port()
        log = ContainerLog(lambda: self._open_stream(f"{plan.name}/{instance_id}"))
        try:
            child = self._context.supervisor.start(
                name=f"{self._place.title} {plan.name}/{instance_id}",
                argv=self._command(plan, room=room),
                env=self._environment(plan, grant=grant, port=port, room=room),
                cwd=room.seen_base,
                on_line=log.write,
                view=room.view(),
            )
        except BaseException:
            self._context.identity.revoke(grant)
            raise
        return ContainerProcess(child=child, port=port, context=self._context, grant=grant, room=room)

    def _command(self, plan: VariantPlan, *, room: Room) -> list[str]:
        """Return what serves the model, after its own packages have been installed."""
        program = find_program(plan, base=room.base)
        command = [str(room.overlay.python), "-u", *program]
        if is_own_server(program):
            return command
        requirements = f"{Path(program[-2]).parent}/requirements.txt"
        if not (room.base / requirements).is_file():
            return command
        return room.overlay.install_first(command, requirements=requirements, failure=os.devnull)

    def _environment(self, plan: VariantPlan, *, grant: Grant, port: int, room: Room) -> dict[str, str]:
        contract = {
            "SAGEMAKER_BASE_DIR": str(room.seen_base),
            "SM_MODEL_DIR": str(room.seen_base / "model"),
            "SAGEMAKER_BIND_TO_PORT": str(port),
        }
        ours = self._context.child_environment(region=self._place.region) | pip_variables(os.environ)
        role = self._context.grant_environment(grant)
        sharers = count_instances(self._context.services, with_endpoints=True)
        shared = python_environment(ours | room.variables(), sharers=sharers)
        return shared | plan.environment | contract | role

    def _open_stream(self, stream: str) -> LogStream:
        return self._context.log_stream(
            account_id=self._place.account_id,
            region=self._place.region,
            group=self._place.log_group,
            stream=stream,
        )

    def remove(self) -> None:
        """Remove every folder of the endpoint."""
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(self._place.folder)
