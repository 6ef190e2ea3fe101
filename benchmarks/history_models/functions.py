"""Lambda's concurrency: functions, versions, aliases, reservations and what is provisioned, under events.

What must hold: an event is throttled exactly where it should be, and with AWS's reason; a function never
runs more than it has reserved, those without a reservation never more than the rest, all together never
more than the account has; nothing of `$LATEST` is provisioned, and of a version no more is kept than was
asked for; an event runs the code of the version that its name meant when it came; every event has an end.

Events take their steps on an event loop that the history turns: what localaws does between two waits comes
between any two requests.
"""

import asyncio
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule
from moto.awslambda.exceptions import LambdaClientError

from benchmarks.history_models.environments import (
    COMES_UP,
    CRASHES,
    DIES,
    FAILS,
    NEVER,
    RAISES,
    SUCCEEDS,
    FakeEnvironment,
)
from benchmarks.history_models.function_world import (
    ALIASES,
    MANY_TURNS,
    NAMES,
    FunctionWorld,
    Ticket,
    make_code,
    make_role,
)
from benchmarks.history_models.interleaving import Interleaving
from localaws.functions.arns import LATEST
from localaws.functions.concurrency import backend as concurrency
from localaws.functions.errors import ThrottledError
from localaws.functions.spec import provisioned

LOOKED_AT = Path(concurrency.__file__).parents[1]
"""Where one thread may stop and another go on: localaws' own part of Lambda."""
names, aliases, sizes = st.sampled_from(NAMES), st.sampled_from(ALIASES), st.integers(0, 6)
qualifiers = st.sampled_from((None, LATEST, "1", "2", "3", *ALIASES))
starts = st.sampled_from((COMES_UP, COMES_UP, COMES_UP, RAISES, DIES, NEVER))
ends = st.sampled_from((SUCCEEDS, SUCCEEDS, FAILS, CRASHES))
stretches = st.lists(st.tuples(st.integers(0, 2), st.integers(1, 40)), max_size=4)
"""Which thread goes on, and for how many lines: races need few changes, at the right lines."""
at_once = st.one_of(
    st.tuples(
        st.just("reserve"),
        st.fixed_dictionaries({"name": names, "size": st.sampled_from((4, 3, 5, 1))}),
    ),
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
        st.fixed_dictionaries(
            {"name": names, "qualifier": st.sampled_from(("1", "2")), "chance": st.just(0)}
        ),
    ),
    st.tuples(st.just("publish"), st.fixed_dictionaries({"name": names})),
    st.tuples(st.just("update_code"), st.fixed_dictionaries({"name": names, "is_published": st.booleans()})),
)
"""Requests, by the step that sends them."""


class FunctionHistory(FunctionWorld):
    """Two functions of one account."""

    @initialize(versions=st.integers(0, 2), reserved=st.none() | sizes, kept=st.integers(0, 3))
    def begin(self, versions: int, reserved: int | None, kept: int) -> None:
        """Create both functions; the first may have versions, a reservation and what is provisioned."""
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

    @rule(
        name=names,
        alias=aliases,
        version=st.sampled_from(("1", "2", LATEST)),
        share=st.sampled_from((0.0, 0.5)),
    )
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

    @rule(works=st.lists(at_once, min_size=2, max_size=3), stretches=stretches)
    def do_at_once(self, works: list[tuple[str, dict[str, Any]]], stretches: list[tuple[int, int]]) -> None:
        """Send requests at once, each on a thread of its own, as moto's are."""
        choices = [thread for thread, lines in stretches for _ in range(lines)]
        interleaving = Interleaving(LOOKED_AT, choices=choices)
        for lock in self.locks:
            lock.interleaving = interleaving
        interleaving.run(*(partial(getattr(self, name), **members) for name, members in works))
        self.reach("requests at once")

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
            chosen = self.backend.choose_version(name, qualifier)
            spec = chosen.environment_spec()
        except LambdaClientError:
            return
        is_meant = str(chosen.version) in {str(function.version) for function in meant}
        self.must(is_meant, f"{target.arn()} does not mean version {chosen.version}")
        config = self.backend.find_provisioned(name, qualifier, spec.version)
        is_provisioned = config is not None and self.host.pool.has_idle(provisioned(spec))
        expected = self.expected_refusal(name, is_provisioned=is_provisioned)
        invocation = self.invoker.invocation(target, b"{}")
        ticket = Ticket(
            name=name,
            task=self.loop.create_task(self.invoker.run(target, invocation)),
            is_provisioned=is_provisioned,
            version=str(chosen.version),
            root=chosen.task_root,
        )
        with self.drawing(target, chosen):
            self.loop.run_until_complete(asyncio.sleep(0))
        error = ticket.task.exception() if ticket.task.done() else None
        if isinstance(error, ThrottledError):
            self.reach(error.reason)
            self.must(
                error.reason == expected, f"{target.arn()} was throttled: {error.reason}, not {expected}"
            )
        elif not ticket.task.done():
            self.must(expected is None, f"{target.arn()} ran, where {expected} should have stopped it")
        self.running.append(ticket)
        self.running = [known for known in self.running if not self.is_over(known)]

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
