"""Lambda's concurrency: functions, versions, aliases, reservations and provisioned environments under events.

What must hold: an event is throttled exactly where it should be, and with AWS's reason; a function never runs more
than it has reserved, those without a reservation never more than the rest, all together never more than the account
has; nothing of `$LATEST` is provisioned, and of a version no more is kept than was asked for; an event runs the code
of a version that its name meant when it came; every event has an end.

Events take their steps on an event loop that the history turns: what localaws does between two waits comes between
any two requests.
"""

import asyncio
import base64
import io
import json
import zipfile
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any, cast
from unittest import mock

from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule
from moto.awslambda import models as moto_models
from moto.awslambda.exceptions import LambdaClientError
from moto.iam.models import iam_backends

from benchmarks.history_models.environments import (
    COMES_UP,
    CRASHES,
    DIES,
    FAILS,
    NEVER,
    RAISES,
    SUCCEEDS,
    FakeEnvironment,
    FakeHost,
    described,
)
from benchmarks.history_models.interleaving import Interleaving, TurnLock
from benchmarks.history_models.machine import ACCOUNT, REGION, History
from localaws.functions import pool as pools
from localaws.functions.arns import LATEST, Target
from localaws.functions.concurrency import backend as concurrency
from localaws.functions.concurrency.provisioned import total
from localaws.functions.concurrency.provisioner import Provisioner
from localaws.functions.errors import ThrottledError
from localaws.functions.function import LocalFunction
from localaws.functions.host import FunctionHost
from localaws.functions.invocations import Result
from localaws.functions.invoker import Invoker
from localaws.functions.models import LocalLambdaBackend
from localaws.functions.spec import on_demand, provisioned

ACCOUNT_LIMIT, UNRESERVED_MINIMUM = 8, 2
"""In place of 1,000 and 100: what a history reaches in a few events."""
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
LOOKED_AT = Path(concurrency.__file__).parents[1]
"""Where one thread may stop and another go on: localaws' own part of Lambda."""
MANY_TURNS = 25
"""Of the event loop: after these, whatever can go on without the history has."""
names, aliases, sizes = st.sampled_from(NAMES), st.sampled_from(ALIASES), st.integers(0, 6)
qualifiers = st.sampled_from((None, LATEST, "1", "2", "3", *ALIASES))
starts = st.sampled_from((COMES_UP, COMES_UP, COMES_UP, RAISES, DIES, NEVER))
ends = st.sampled_from((SUCCEEDS, SUCCEEDS, FAILS, CRASHES))


choices = st.lists(st.integers(0, 2), max_size=60)
at_once = st.one_of(
    st.tuples(st.just("reserve"), st.fixed_dictionaries({"name": names, "size": sizes})),
    st.tuples(
        st.just("provision"),
        st.fixed_dictionaries({"name": names, "qualifier": qualifiers, "size": st.integers(1, 4)}),
    ),
    st.tuples(
        st.just("put_alias"),
        st.fixed_dictionaries(
            {
                "name": names,
                "alias": aliases,
                "version": st.sampled_from(("1", "2")),
                "share": st.sampled_from((0.0, 0.5)),
            }
        ),
    ),
    st.tuples(
        st.just("delete"),
        st.fixed_dictionaries({"name": names, "qualifier": st.sampled_from(("1", "2")), "chance": st.just(0)}),
    ),
    st.tuples(st.just("publish"), st.fixed_dictionaries({"name": names})),
    st.tuples(st.just("update_code"), st.fixed_dictionaries({"name": names, "is_published": st.booleans()})),
)
"""Requests, by the step that sends them."""


@cache
def make_role() -> str:
    """Make the role of all functions, once in a process; return its ARN."""
    role = iam_backends[ACCOUNT]["aws"].create_role(ROLE, TRUST, "/", None, "", [], "3600")
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
    versions: frozenset[str]
    """Of which one may run it."""
    roots: frozenset[Path | None]
    """The code of these versions as the event came."""


class FunctionHistory(History):
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
            self.must(version in ticket.versions, f"version {version} ran, not {sorted(ticket.versions)}")
        else:
            self.must(isinstance(error, LambdaClientError), f"an event ended with {error!r}")
        return True

    # -- what must hold ----------------------------------------------------------------------------------

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
        known = {root for ticket in self.running for root in ticket.roots}
        for environment in FakeEnvironment.made:
            if environment.state == "Busy":
                assert environment.spec.task_root in known, f"{described(environment)} runs code that is gone"

    # -- functions ---------------------------------------------------------------------------------------

    @initialize(versions=st.integers(0, 2), reserved=st.none() | sizes, kept=st.integers(0, 3))
    def begin(self, versions: int, reserved: int | None, kept: int) -> None:
        """Create both functions; the first has versions, a reservation and provisioned environments, or not."""
        for name in NAMES:
            self.create(name, True, versions)
        if versions:
            self.put_alias(NAMES[0], "live", "1", 0.0)
        if reserved is not None:
            self.reserve(NAMES[0], reserved)
        if versions and kept:
            self.provision(NAMES[0], "live", kept)
            self.settle()

    @rule(name=names, is_ready=st.sampled_from((True, True, True, False)), versions=st.integers(0, 2))
    def create(self, name: str, is_ready: bool, versions: int) -> None:
        """Create a function, and publish versions of it."""
        self.code += 1
        spec = {
            "FunctionName": name,
            "Runtime": "python3.11",
            "Role": make_role(),
            "Handler": "app.handler",
            "Code": {"ZipFile": make_code(self.code)},
            "Publish": False,
        }
        if self.backend.find_latest(name) is None:
            self.backend.describe_new_function(spec)
        if is_ready:
            self.deploy_all()
            for _ in range(versions):
                self.publish(name)
                self.update_code(name, is_published=False)
                self.deploy_all()

    def deploy_all(self) -> None:
        """Unpack whatever is to be unpacked."""
        while self.host.waiting:
            self.host.finish_deployment(is_success=True)

    @precondition(lambda self: bool(self.host.waiting))
    @rule(is_success=st.sampled_from((True, True, False)))
    def deploy(self, is_success: bool) -> None:
        """Unpack code, or fail to."""
        self.host.finish_deployment(is_success=is_success)

    @rule(name=names, is_published=st.booleans())
    def update_code(self, name: str, is_published: bool) -> None:
        """Replace a function's code."""
        self.code += 1
        with suppress(LambdaClientError):
            self.backend.update_code(name, {"ZipFile": make_code(self.code), "Publish": is_published})

    @rule(name=names)
    def publish(self, name: str) -> None:
        """Publish a version."""
        with suppress(LambdaClientError):
            self.backend.publish(name, {})

    @rule(name=names, qualifier=st.sampled_from((None, "1", "2")), chance=st.integers(0, 3))
    def delete(self, name: str, qualifier: str | None, chance: int) -> None:
        """Delete a function or a version."""
        if not chance:
            with suppress(LambdaClientError):
                self.backend.delete_function(name, qualifier)

    @rule(name=names, alias=aliases, version=st.sampled_from(("1", "2", LATEST)), share=st.sampled_from((0.0, 0.5)))
    def put_alias(self, name: str, alias: str, version: str, share: float) -> None:
        """Create an alias, or shift it, with a share for another version or none."""
        other = "1" if version == "2" else "2"
        routing = {"AdditionalVersionWeights": {other: share} if share else {}}
        with suppress(LambdaClientError):
            if self.backend.find_alias(name, alias) is None:
                self.backend.create_alias(alias, name, version, "", routing)
            else:
                request = {"FunctionVersion": version, "RoutingConfig": routing}
                self.backend.change_alias(alias, name, request)

    @rule(name=names, alias=aliases)
    def delete_alias(self, name: str, alias: str) -> None:
        """Delete an alias."""
        with suppress(LambdaClientError):
            self.backend.delete_alias(alias, name)

    # -- concurrency -------------------------------------------------------------------------------------

    @rule(name=names, size=sizes)
    def reserve(self, name: str, size: int) -> None:
        """Reserve concurrency."""
        with suppress(LambdaClientError):
            self.backend.put_function_concurrency(name, size)

    @rule(name=names)
    def free(self, name: str) -> None:
        """Give a reservation up."""
        if self.backend.find_latest(name) is not None:
            self.backend.delete_function_concurrency(name)

    @rule(name=names, qualifier=qualifiers, size=st.integers(1, 4))
    def provision(self, name: str, qualifier: str | None, size: int) -> None:
        """Provision environments."""
        try:
            self.backend.put_provisioned(name, qualifier, size)
        except LambdaClientError:
            return
        self.must(qualifier not in (None, LATEST), f"{LATEST} can be provisioned")

    @rule(name=names, qualifier=qualifiers)
    def provision_no_more(self, name: str, qualifier: str | None) -> None:
        """Give provisioned environments up."""
        with suppress(LambdaClientError):
            self.backend.delete_provisioned(name, qualifier)

    # -- at once -----------------------------------------------------------------------------------------

    @rule(works=st.lists(at_once, min_size=2, max_size=3), choices=choices)
    def do_at_once(self, works: list[tuple[str, dict[str, Any]]], choices: list[int]) -> None:
        """Send requests at once, each on a thread of its own, as moto's are."""
        interleaving = Interleaving(LOOKED_AT, choices=choices)
        for lock in self.locks:
            lock.interleaving = interleaving
        interleaving.run(*(partial(getattr(self, name), **members) for name, members in works))
        self.reach("requests at once")

    @invariant()
    def an_alias_means_a_version_that_is_there(self) -> None:
        """Look each alias's versions up."""
        for name in NAMES:
            if self.backend.find_latest(name) is None:
                continue
            for alias in self.backend.list_aliases(name):
                weights = (alias.routing_config or {}).get("AdditionalVersionWeights") or {}
                for version in (alias.function_version, *weights):
                    try:
                        self.backend.local(name, version)
                    except LambdaClientError:
                        raise AssertionError(f"{name}:{alias.name} means version {version}, which is gone") from None

    # -- events ------------------------------------------------------------------------------------------

    def meant(self, name: str, qualifier: str | None) -> list[LocalFunction]:
        """Return the versions that a name means. Raises LambdaClientError."""
        function = self.backend.local(name, qualifier)
        alias = self.backend.find_alias(name, qualifier) if qualifier else None
        weights = (alias.routing_config or {}).get("AdditionalVersionWeights", {}) if alias else {}
        return [function, *(self.backend.local(name, version) for version in weights)]

    @rule(name=names, qualifier=qualifiers, number=st.integers(1, 4))
    def invoke(self, name: str, qualifier: str | None, number: int) -> None:
        """Send events, and compare what becomes of each with what should."""
        for _ in range(number):
            self.send(name, qualifier)

    def send(self, name: str, qualifier: str | None) -> None:
        """Send one event."""
        target = self.target(name, qualifier)
        try:
            meant = self.meant(name, qualifier)
            chosen = self.backend.choose_version(name, qualifier, draw=lambda: 1.0)
            is_shared = len(meant) > 1
            spec = chosen.environment_spec()
        except LambdaClientError:
            return
        config = self.backend.find_provisioned(name, qualifier, spec.version)
        is_provisioned = config is not None and self.host.pool.has_idle(provisioned(spec))
        expected = self.expected_refusal(name, is_provisioned=is_provisioned)
        made = len(FakeEnvironment.made)
        invocation = self.invoker.invocation(target, b"{}")
        ticket = Ticket(
            name=name,
            task=self.loop.create_task(self.invoker.run(target, invocation)),
            is_provisioned=is_provisioned,
            versions=frozenset(str(function.version) for function in meant),
            roots=frozenset(function.task_root for function in meant),
        )
        self.loop.run_until_complete(asyncio.sleep(0))
        error = ticket.task.exception() if ticket.task.done() else None
        if is_shared:  # which version it meant, only localaws has drawn
            ticket.is_provisioned = self.runs_provisioned(invocation.request_id, since=made)
        elif isinstance(error, ThrottledError):
            self.reach(error.reason)
            self.must(error.reason == expected, f"{target.arn()} was throttled: {error.reason}, not {expected}")
        elif not ticket.task.done():
            self.must(expected is None, f"{target.arn()} ran, where {expected} should have stopped it")
        self.running.append(ticket)
        self.running = [known for known in self.running if not self.is_over(known)]

    def runs_provisioned(self, request_id: str, *, since: int) -> bool:
        """Return whether an event runs in an environment that is provisioned."""
        for environment in FakeEnvironment.made:
            if environment.invocation is not None and environment.invocation.request_id == request_id:
                return environment.spec == provisioned(environment.spec)
        return any(made.spec == provisioned(made.spec) for made in FakeEnvironment.made[since:])

    def waiting(self, state: str) -> list[FakeEnvironment]:
        """Return the environments in a state that wait for the history."""
        return [item for item in FakeEnvironment.made if item.state == state and item.is_waiting]

    @rule(how=starts, number=st.integers(1, 6), turns=st.sampled_from((0, 1, 2, MANY_TURNS)))
    def start(self, how: str, number: int, turns: int) -> None:
        """Let environments come up, or fail to."""
        for environment in self.waiting("Starting")[:number]:
            environment.say(how)
        self.turn(turns)

    @rule(how=ends, number=st.integers(1, 6), turns=st.sampled_from((0, 1, 2, MANY_TURNS)))
    def finish(self, how: str, number: int, turns: int) -> None:
        """Let events end."""
        for environment in self.waiting("Busy")[:number]:
            environment.say(how)
        self.turn(turns)

    @rule(name=names, qualifier=qualifiers, number=st.integers(1, 6))
    def serve(self, name: str, qualifier: str | None, number: int) -> None:
        """Send events, let the environments that they need come up, and some of them end."""
        self.invoke(name, qualifier, number)
        self.start(COMES_UP, number, MANY_TURNS)
        self.finish(SUCCEEDS, number // 2, MANY_TURNS)

    @rule(number=st.integers(0, 5))
    def lose_an_environment(self, number: int) -> None:
        """End the process of an environment that waits for an event."""
        idle = [item for item in FakeEnvironment.made if item.is_idle]
        if idle:
            idle[number % len(idle)].die()

    @rule(turns=st.sampled_from((1, 2, 3, MANY_TURNS)))
    def go_on(self, turns: int) -> None:
        """Let localaws do what it can without the history."""
        self.turn(turns)

    @rule(seconds=st.sampled_from((1.0, 60.0, 700.0, 50_000.0)))
    def pass_time(self, seconds: float) -> None:
        """Let time pass, and localaws look for what is to be retired or started again."""
        self.clock.advance(seconds)
        self.sweep()

    def sweep(self) -> None:
        """Do what the host does once in a while."""

        async def look() -> None:
            self.host.pool.sweep()
            self.provisioner.refill()

        self.loop.run_until_complete(look())
        self.turn(MANY_TURNS)

    @rule()
    def settle(self) -> None:
        """Let everything come to its end, and look at what is left."""
        self.deploy_all()
        for _ in range(20):
            self.turn(MANY_TURNS)
            waiting = self.waiting("Starting") + self.waiting("Busy")
            if not waiting:
                break
            for environment in waiting:
                environment.say(COMES_UP if environment.state == "Starting" else SUCCEEDS)
        self.must(not self.running, f"{len(self.running)} events have no end")
        self.sweep()
        for environment in self.waiting("Starting"):
            environment.say(COMES_UP)
        self.turn(MANY_TURNS)
        self.judge_what_is_kept()

    def judge_what_is_kept(self) -> None:
        """Compare the environments that are kept with what was asked for."""
        alive = [item for item in FakeEnvironment.made if item.is_started and item.spec != on_demand(item.spec)]
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
