"""Instances of endpoints without processes: a server does what the history says of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from localaws.clock import ManualClock
from localaws.errors import LocalAwsError
from localaws.sagemaker.endpoints.instance import Instance
from localaws.sagemaker.endpoints.plan import VariantPlan

GOOD, SLOW, ENDING, MUTE, UNFETCHED = "good", "slow", "ending", "mute", "unfetched"
"""Images: one that serves, one that does after some pings, one whose process ends, one that never answers a
ping, and one whose model is not there."""
SLOW_PINGS = 3
STARTUP_S = 900.0


@dataclass(kw_only=True, eq=False)
class FakeServer:
    """A serving process that is none."""

    image: str
    number: int
    on_stop: Callable[["FakeServer"], None]
    port: int = 1
    pid: int = 1
    is_hung: bool = False
    is_stopped: bool = False
    code: int | None = None
    pings: int = 0

    def exit_code(self) -> int | None:
        """Return 3 for an image whose process ends, 9 once it was killed."""
        return 3 if self.image == ENDING else self.code

    def last_lines(self) -> Sequence[str]:
        """Return what it said last."""
        return ["the end"]

    def stop(self, *, grace_s: float) -> None:
        """Stop."""
        if not self.is_stopped:
            self.on_stop(self)
        self.is_stopped = True

    def ping(self) -> bool:
        """Answer GET /ping."""
        self.pings += 1
        is_up = self.image == GOOD or (self.image == SLOW and self.pings > SLOW_PINGS)
        return is_up and not self.is_hung and not self.is_stopped and self.code is None


@dataclass(kw_only=True)
class FakeFactory:
    """What makes the instances of one endpoint, in place of localaws' container factory."""

    clock: ManualClock
    on_stop: Callable[[FakeServer], None]
    is_refusing: bool = False
    """Whether no process can be started now."""
    servers: list[FakeServer] = field(default_factory=list)
    by_instance: dict[Instance, FakeServer] = field(default_factory=dict)
    """The server that an instance has now."""

    def fetch(self, plans: Sequence[VariantPlan]) -> None:
        """Fetch models. Raises LocalAwsError."""
        if any(plan.image == UNFETCHED for plan in plans):
            raise LocalAwsError("Could not find model data")

    def forget(self, plans: Sequence[VariantPlan]) -> None:
        """Remove models."""

    def remove(self) -> None:
        """Remove everything."""

    def new_instance(self, plan: VariantPlan) -> Instance:
        """Make an instance that is not started yet."""
        made: list[Any] = []

        def launch() -> FakeServer:
            if self.is_refusing:
                raise LocalAwsError("no process can be started: No space left on device")
            server = FakeServer(image=plan.image, number=len(self.servers), on_stop=self.on_stop)
            self.servers.append(server)
            self.by_instance[made[0]] = server
            return server

        made.append(
            Instance(
                instance_id=f"i-{len(self.servers)}",
                variant=plan.name,
                launch=launch,
                clock=self.clock,
                startup_s=STARTUP_S,
                ping=lambda port: self.by_instance[made[0]].ping(),
                real_now_s=self.clock.monotonic,
            )
        )
        instance: Instance = made[0]
        return instance

    def running(self) -> set[FakeServer]:
        """Return the servers that have not been stopped."""
        return {server for server in self.servers if not server.is_stopped}
