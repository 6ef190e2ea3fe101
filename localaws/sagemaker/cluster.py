"""The instances of one job: their folders, their role, their processes, and nothing of it afterwards."""

import secrets
import shutil
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from localaws.context import Context, python_environment
from localaws.errors import ChildStartError, JobError
from localaws.iam.identity import LONG_S, Grant
from localaws.namespaces import OPT_ML
from localaws.sagemaker.background import count_instances
from localaws.sagemaker.failures import algorithm_error, shorten
from localaws.sagemaker.hosts import End, HostGroup, HostProcess, Result, stream_name
from localaws.sagemaker.room import Room

STOP_GRACE_S = 120
"""AWS seconds between SIGTERM and SIGKILL, when a job is stopped (API_StopTrainingJob, API_StopProcessingJob)
and as the notice of spot instances
(https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/spot-instance-termination-notices.html)."""
ABORT_GRACE_S = 1.0
"""Real seconds that hosts get when localaws itself stops."""
SESSION = "SageMaker"
"""Role session name of the platform's own transfers, and of the containers."""
OnLine = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class ClusterPlan:
    """What a job asks for of its instances."""

    kind: str
    """The folder of all jobs of its kind: `training-jobs`."""
    job_name: str
    account_id: str
    region: str
    role_arn: str
    hosts: tuple[str, ...]
    log_group: str


@dataclass(frozen=True, kw_only=True)
class Watch:
    """What ends the work of all hosts, and who is told of it."""

    stop: threading.Event
    deadline: float
    """Of the clock's monotonic."""
    is_interrupted: Callable[[], bool] = lambda: False
    on_started: Callable[[], object] = lambda: None
    on_stopping: Callable[[], object] = lambda: None
    """Called before hosts are asked to stop."""


def check_paths(command: Sequence[str], *, refusal: str) -> None:
    """Refuse a command that names /opt/ml where no host can see it, for this reason; raises JobError."""
    named = next((word for word in command if str(OPT_ML) in word), None)
    if refusal and named is not None:
        raise JobError(
            algorithm_error(
                f"the ContainerEntrypoint needs /opt/ml ({shorten(named, limit=200)!r}), which localaws can "
                f"give a host by a Linux mount namespace only, and none can be had here: {refusal}. Run "
                "localaws as root or where unprivileged user namespaces are allowed."
            )
        )


class Cluster:
    """The instances. `close` must be called, whatever happens."""

    def __init__(self, *, context: Context, plan: ClusterPlan) -> None:
        self._context = context
        self._plan = plan
        self._grant: Grant | None = None
        self._is_aborted = False
        self._client: Any = None
        # of its own, as a deleted job's name is free before its folder is gone
        name = f"{plan.region}-{plan.job_name}-{secrets.token_hex(4)}"
        self.folder = context.data_dir / plan.kind / name
        self._group: HostGroup | None = None
        self.rooms = {
            host: Room(base=self.folder / host, context=context, names=plan.hosts) for host in plan.hosts
        }

    def pids(self) -> dict[str, int]:
        """Return the processes of the hosts that run now, by the hosts' names."""
        return {} if self._group is None else self._group.pids()

    @property
    def is_aborted(self) -> bool:
        """Whether the job was given up, because localaws is stopping."""
        return self._is_aborted

    @property
    def s3(self) -> Any:
        """A client that acts as the job's role."""
        if self._client is None:
            role = self._plan.role_arn
            identity = self._context.identity
            credentials = identity.assume(role_arn=role, session_name=SESSION, duration_s=LONG_S)
            self._client = self._context.client("s3", credentials=credentials, region=self._plan.region)
        return self._client

    def prepare(self) -> None:
        """Make the hosts' folders for temporary files and their Python environments, in an empty folder."""
        shutil.rmtree(self.folder, ignore_errors=True)
        for room in self.rooms.values():
            room.prepare()

    def host_process(
        self, host: str, *, command: Sequence[str], variables: Mapping[str, str], folder: str, on_line: OnLine
    ) -> HostProcess:
        """Return the process of one host, in a view of its own where there can be one.

        `folder`, below /opt/ml, is where it starts. `variables` win over the container's own.
        """
        room = self.rooms[host]
        return HostProcess(
            name=host,
            argv=command,
            env=self._environment(room, variables=variables),
            cwd=room.seen_base / folder,
            on_line=on_line,
            view=room.view(),
        )

    def _environment(self, room: Room, *, variables: Mapping[str, str]) -> dict[str, str]:
        if self._grant is None:
            role = self._plan.role_arn
            self._grant = self._context.identity.grant(role_arn=role, session_name=SESSION)
        ours = self._context.child_environment(region=self._plan.region) | room.variables()
        grants = self._context.grant_environment(self._grant)
        sharers = max(len(self.rooms), count_instances(self._context.services))
        return python_environment(ours | dict(variables) | grants, sharers=sharers)

    def run(self, processes: Sequence[HostProcess], *, watch: Watch) -> Result:
        """Run the hosts to their end; raises JobError where one cannot be started."""
        clock = self._context.clock
        group = HostGroup(job_name=self._plan.job_name, supervisor=self._context.supervisor, clock=clock)
        self._group = group
        try:
            group.start(processes)
            watch.on_started()
            result = group.wait(stop=watch.stop, deadline=watch.deadline, is_interrupted=watch.is_interrupted)
            if result.end in (End.STOPPED, End.OUT_OF_TIME):
                watch.on_stopping()
            if result.end in (End.STOPPED, End.OUT_OF_TIME, End.INTERRUPTED):
                real_grace_s = clock.real_seconds(STOP_GRACE_S)
                group.terminate(grace_s=ABORT_GRACE_S if self._is_aborted else real_grace_s)
        except ChildStartError as error:
            raise JobError(algorithm_error(str(error))) from error
        finally:
            group.close()
        return result

    def open_log(self, host: str) -> OnLine:
        """Open a host's log stream; return what takes its lines."""
        stream = self._context.log_stream(
            account_id=self._plan.account_id,
            region=self._plan.region,
            group=self._plan.log_group,
            stream=stream_name(job_name=self._plan.job_name, host=host, now=self._context.clock.now()),
        )
        return stream.write

    def abort(self) -> None:
        """Give hosts no time to end: localaws is stopping."""
        self._is_aborted = True

    def close(self) -> None:
        """Leave nothing: what counts is in CloudWatch and S3, and the rest dies with the instances."""
        if self._grant is not None:
            self._context.identity.revoke(self._grant)
        if self._client is not None:
            self._client.close()
        for room in self.rooms.values():
            room.remove()
        shutil.rmtree(self.folder, ignore_errors=True)
