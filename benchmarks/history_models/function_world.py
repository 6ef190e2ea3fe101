"""Two functions of one account on a turning event loop, and what must hold of them."""

import asyncio
import base64
import io
import json
import zipfile
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, cast
from unittest import mock

from hypothesis.stateful import invariant
from moto.awslambda import models as moto_models
from moto.awslambda.exceptions import LambdaClientError
from moto.iam.models import iam_backends

from benchmarks.history_models.environments import (
    FakeEnvironment,
    FakeHost,
    described,
)
from benchmarks.history_models.interleaving import TurnLock
from benchmarks.history_models.machine import ACCOUNT, REGION, History
from localaws.functions import pool as pools
from localaws.functions.arns import LATEST, Target
from localaws.functions.backend import weights_of
from localaws.functions.concurrency import backend as concurrency
from localaws.functions.concurrency import rates
from localaws.functions.concurrency.provisioned import total
from localaws.functions.concurrency.provisioner import Provisioner
from localaws.functions.function import LocalFunction
from localaws.functions.host import FunctionHost
from localaws.functions.invocations import Result
from localaws.functions.invoker import Invoker
from localaws.functions.models import LocalLambdaBackend
from localaws.functions.spec import on_demand, provisioned

ACCOUNT_LIMIT, UNRESERVED_MINIMUM = 8, 2
"""In place of 1,000 and 100: what a history reaches in a few events."""
MANY_REQUESTS = 1_000_000
"""In place of 10: many events of a history come in the same moment."""
NAMES, ALIASES = ("cats", "dogs"), ("live", "next")
ROLE = "histories"
TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "lambda.amazonaws.com"},
                "Action": "sts:AssumeRole",
            }
        ],
    }
)
SHARED, RESERVED = "ConcurrentInvocationLimitExceeded", "ReservedFunctionConcurrentInvocationLimitExceeded"
MANY_TURNS = 25
"""Of the event loop: after these, whatever can go on without the history has."""


def make_role() -> str:
    """Return the ARN of the role of all functions; make it where moto does not have it (any more)."""
    backend = iam_backends[ACCOUNT]["aws"]
    known = [role for role in backend.roles.values() if role.name == ROLE]
    role = known[0] if known else backend.create_role(ROLE, TRUST, "/", None, "", [], "3600")
    return str(role.arn)


@cache
def make_code(number: int) -> str:
    """Return a package, in base64; each number makes another."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("app.py", f"# {number}")
    return base64.b64encode(file.getvalue()).decode()


@dataclass(kw_only=True, eq=False)
class Ticket:
    """One event that was taken."""

    name: str
    task: "asyncio.Task[Result]"
    is_provisioned: bool
    version: str
    """That is to run it."""
    root: Path | None
    """The code of this version as the event came."""


class FunctionWorld(History):
    """Two functions of one account."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.on_end(self.loop.close)
        self.data_dir = Path("/nonexistent")
        FakeEnvironment.made = []
        for module, name, value in (
            (pools, "Environment", FakeEnvironment),
            (concurrency, "ACCOUNT_LIMIT", ACCOUNT_LIMIT),
            (concurrency, "UNRESERVED_MINIMUM", UNRESERVED_MINIMUM),
            (rates, "REQUESTS_PER_S", MANY_REQUESTS),
        ):
            self.enter(mock.patch.object(module, name, value))
        self.host = FakeHost(cast(Any, self), loop=self.loop)
        self.backend = LocalLambdaBackend(REGION, ACCOUNT)
        backends = {ACCOUNT: {REGION: self.backend}}
        self.enter(mock.patch.object(moto_models, "lambda_backends", backends))
        self.invoker = Invoker(context=cast(Any, self), host=self.host)
        self.provisioner = Provisioner(self.host)
        self.host.connect(
            is_current=self.invoker.is_current,
            call=self.invoker.call,
            queue=self.invoker.queue_call,
            provision=self.provisioner.provision,
            refill=self.provisioner.refill,
        )
        self.locks = (TurnLock(), TurnLock())
        self.backend._update_lock, self.backend._settings_lock = cast(Any, self.locks)
        self.running: list[Ticket] = []
        self.code = 0

    def find_service(self, kind: Any) -> Any:
        """Return the host of the functions."""
        return self.host if kind is FunctionHost else super().find_service(kind)

    def target(self, name: str, qualifier: str | None = None) -> Target:
        """Name a function."""
        return Target(account_id=ACCOUNT, region=REGION, name=name, qualifier=qualifier)

    def turn(self, turns: int) -> None:
        """Turn the event loop: each task goes on to its next wait, once in a turn."""

        async def pass_turns() -> None:
            for _ in range(turns):
                await asyncio.sleep(0)

        self.loop.run_until_complete(pass_turns())
        self.running = [ticket for ticket in self.running if not self.is_over(ticket)]

    def is_over(self, ticket: Ticket) -> bool:
        """Return whether an event has its end; judge it then."""
        if not ticket.task.done():
            return False
        error = ticket.task.exception()
        if error is None:
            version = ticket.task.result().version
            self.reach("ran provisioned" if ticket.is_provisioned else "ran on demand")
            self.must(version == ticket.version, f"version {version} ran, not {ticket.version}")
        else:
            self.must(isinstance(error, LambdaClientError), f"an event ended with {error!r}")
        return True

    def count(self, name: str | None = None, *, is_on_demand: bool = False) -> int:
        """Return how many events run, of one function or of all."""
        return sum(
            name in (None, ticket.name) and not (is_on_demand and ticket.is_provisioned)
            for ticket in self.running
        )

    def reserved(self, name: str) -> int | None:
        """Return what a function has reserved."""
        function = self.backend.find_latest(name)
        return None if function is None else cast("int | None", function.reserved_concurrency)

    def expected_refusal(self, name: str, *, is_provisioned: bool) -> str | None:
        """Return the reason with which an event should be throttled now, or None."""
        reserved = self.reserved(name)
        function = self.backend.local(name)
        if reserved is not None:
            own = int(reserved) - total(function.settings.provisioned)
            is_full = self.count(name) >= int(reserved)
            is_full = is_full or (not is_provisioned and self.count(name, is_on_demand=True) >= own)
            if is_full:
                return RESERVED
        if self.count() >= ACCOUNT_LIMIT:
            return SHARED
        if reserved is None and not is_provisioned:
            free = [known for known in NAMES if self.reserved(known) is None]
            if sum(self.count(known, is_on_demand=True) for known in free) >= self.unreserved():
                return SHARED
        return None

    def unreserved(self) -> int:
        """Return what reservations and provisioned environments leave of the account, by our own count."""
        taken = 0
        for function in (self.backend.find_latest(name) for name in NAMES):
            if function is not None:
                reserved = function.reserved_concurrency
                taken += total(function.settings.provisioned) if reserved is None else int(reserved)
        return ACCOUNT_LIMIT - taken

    @invariant()
    def what_is_set_leaves_what_must_stay(self) -> None:
        """Look at reservations and provisioned environments together."""
        left = self.unreserved()
        assert left >= UNRESERVED_MINIMUM, f"only {left} stay unreserved"
        for function in (self.backend.find_latest(name) for name in NAMES):
            if function is None or function.reserved_concurrency is None:
                continue
            kept = total(function.settings.provisioned)
            assert kept <= int(function.reserved_concurrency), f"{kept} provisioned of fewer reserved"

    @invariant()
    def nothing_of_latest_is_provisioned(self) -> None:
        """Look at every environment that was ever made."""
        for environment in FakeEnvironment.made:
            is_wrong = environment.spec.version == LATEST and environment.spec != on_demand(environment.spec)
            assert not is_wrong, f"an environment of {LATEST} is provisioned"

    @invariant()
    def an_event_runs_the_code_that_it_was_meant_for(self) -> None:
        """Compare the code of each environment that runs an event with that of its version."""
        known = {ticket.root for ticket in self.running}
        for environment in FakeEnvironment.made:
            if environment.state == "Busy":
                assert environment.spec.task_root in known, f"{described(environment)} runs code that is gone"

    def deploy_all(self) -> None:
        """Unpack whatever is to be unpacked."""
        while self.host.waiting:
            self.host.finish_deployment(is_success=True)

    @invariant()
    def an_alias_means_a_version_that_is_there(self) -> None:
        """Look each alias's versions up."""
        for name in NAMES:
            if self.backend.find_latest(name) is None:
                continue
            for alias in self.backend.list_aliases(name):
                weights = weights_of(alias.routing_config)
                for version in (alias.function_version, *weights):
                    try:
                        self.backend.local(name, version)
                    except LambdaClientError:
                        raise AssertionError(
                            f"{name}:{alias.name} means version {version}, which is gone"
                        ) from None

    def meant(self, name: str, qualifier: str | None) -> list[LocalFunction]:
        """Return the versions that a name means. Raises LambdaClientError."""
        function = self.backend.local(name, qualifier)
        alias = self.backend.find_alias(name, qualifier) if qualifier else None
        weights = weights_of(alias.routing_config) if alias else {}
        return [function, *(self.backend.local(name, version) for version in weights)]

    @contextmanager
    def drawing(self, target: Target, function: LocalFunction) -> Generator[None, None, None]:
        """Let a name mean what the history has drawn: of an alias with shares, one of two versions."""
        choose = self.backend.choose_version

        def choose_drawn(name: str, qualifier: str | None, **how: Any) -> LocalFunction:
            is_drawn = (name, qualifier) == (target.name, target.qualifier)
            return function if is_drawn else choose(name, qualifier, **how)

        with mock.patch.object(self.backend, "choose_version", choose_drawn):
            yield

    def waiting(self, state: str) -> list[FakeEnvironment]:
        """Return the environments in a state that wait for the history."""
        return [item for item in FakeEnvironment.made if item.state == state and item.is_waiting]

    def sweep(self) -> None:
        """Do what the host does once in a while."""

        async def look() -> None:
            self.host.pool.sweep()
            self.provisioner.refill()

        self.loop.run_until_complete(look())
        self.turn(MANY_TURNS)

    def judge_what_is_kept(self) -> None:
        """Compare the environments that are kept with what was asked for."""
        alive = [
            item for item in FakeEnvironment.made if item.is_started and item.spec != on_demand(item.spec)
        ]
        wanted = {}
        for target, config in self.backend.all_provisioned():
            with suppress(LambdaClientError):
                spec = self.backend.local(target.name, target.qualifier).environment_spec()
                wanted[provisioned(spec)] = config.requested if config.status == "READY" else 0
                self.must(config.status != "IN_PROGRESS", f"{target.arn()} is provisioned without end")
        for spec in {item.spec for item in alive} | wanted.keys():
            found, asked = sum(item.spec == spec for item in alive), wanted.get(spec, 0)
            self.must(found == asked, f"{found} of {spec.function_name}:{spec.version} kept, not {asked}")

    def teardown(self) -> None:
        """End what runs."""
        self.loop.run_until_complete(self.end())
        super().teardown()

    async def end(self) -> None:
        """Close what the service closes."""
        await self.provisioner.close()
        await self.invoker.close()
        await self.host.pool.close()
        for ticket in self.running:
            ticket.task.cancel()
        await asyncio.gather(*(ticket.task for ticket in self.running), return_exceptions=True)
