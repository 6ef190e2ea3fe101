"""A deployment from the old fleet to the new one, and back, with servers that are not processes."""

import random
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest

from localaws.clock import ManualClock
from localaws.errors import LocalAwsError
from localaws.sagemaker.endpoints.deployments.rollout import AbandonedError, Outcome, Rollout
from localaws.sagemaker.endpoints.deployments.schedule import Stage
from localaws.sagemaker.endpoints.deployments.spec import (
    ALL_AT_ONCE,
    CANARY,
    LINEAR,
    ROLLING,
    Deployment,
    Size,
)
from localaws.sagemaker.endpoints.deployments.split import SplitFleet, cut, sizes
from localaws.sagemaker.endpoints.deployments.states import Phase
from localaws.sagemaker.endpoints.fleet import Fleet, build_fleet
from localaws.sagemaker.endpoints.instance import Instance, State
from localaws.sagemaker.endpoints.plan import VariantPlan

COUNT = "INSTANCE_COUNT"


class Server:
    """A serving process that is none."""

    port, pid = 1, 1

    def __init__(self, code: int | None = None) -> None:
        self.code = code
        self.is_stopped = False

    def exit_code(self) -> int | None:
        return self.code

    def last_lines(self) -> Sequence[str]:
        return ["no weights"]

    def stop(self, *, grace_s: float) -> None:
        self.is_stopped = True


class Bench:
    """An endpoint whose fleet is replaced; a pause is five seconds of AWS."""

    name = "ep"

    def __init__(self, *plans: VariantPlan) -> None:
        self.clock = ManualClock()
        self.servers: list[tuple[str, Server]] = []
        self.exit_code: int | None = None
        self.refusal = ""
        self.alarming: tuple[str, ...] = ()
        self.alarm_from_s = 0.0
        self.abandon_from_s = 1e9
        self.seen: list[tuple[str, dict[str, float], int]] = []
        self.retired: list[Instance] = []
        self.fleet = build_fleet(plans, new_instance=self.new_instance)
        for instance in self.fleet.instances():
            instance.start()
            instance.step()
        self.old = self.fleet

    def new_instance(self, plan: VariantPlan) -> Instance:
        def launch() -> Server:
            if self.refusal:
                raise LocalAwsError(self.refusal)
            server = Server(self.exit_code)
            self.servers.append((str(plan.container["Image"]), server))
            return server

        return Instance(
            instance_id=f"i-{random.getrandbits(32):x}",
            variant=plan.name,
            launch=launch,
            clock=self.clock,
            startup_s=30.0,
            ping=lambda port: True,
        )

    def now_s(self) -> float:
        return self.clock.monotonic()

    def pause(self) -> None:
        self.clock.advance(5)
        if self.now_s() >= self.abandon_from_s:
            raise AbandonedError("over")

    def retire(self, instances: Sequence[Instance]) -> None:
        for instance in instances:
            assert instance not in self.fleet.instances(), "an instance with traffic was ended"
            instance.stop(grace_s=0)
        self.retired += instances

    def tripped(self, names: Sequence[str]) -> tuple[str, ...]:
        is_due = self.now_s() >= self.alarm_from_s
        return tuple(name for name in names if is_due and name in self.alarming)

    def show(self, phase: Phase, *, stage: Stage, blue: Fleet) -> None:
        self.seen.append((phase.value, dict(stage.share), len(blue.instances())))

    def running(self) -> Counter[str]:
        return Counter(image for image, server in self.servers if not server.is_stopped)

    def deploy(self, deployment: Deployment, *plans: VariantPlan) -> Outcome:
        rollout = Rollout(self, deployment=deployment, plans=plans, begun_s=self.now_s())
        return rollout.run(on_rolling_back=lambda outcome: self.seen.append(("RollingBack", {}, 0)))


def plan(image: str, *, count: int = 2, name: str = "v", **changes: Any) -> VariantPlan:
    values: dict[str, Any] = {"weight": 1.0, "startup_s": 30.0, "role_arn": ""}
    return VariantPlan(name=name, count=count, container={"Image": image}, **values | changes)


def deployment(kind: str, count: int = 1, **changes: Any) -> Deployment:
    return Deployment(kind=kind, step=Size(kind=COUNT, value=count), wait_s=60, **changes)


WATCHED: dict[str, Any] = {"alarms": ("errors",), "termination_wait_s": 120}


def test_a_canary_takes_over_in_two_steps() -> None:
    bench = Bench(plan("old"))
    outcome = bench.deploy(deployment(CANARY, **WATCHED), plan("new", count=4))
    assert outcome == Outcome(is_new=True)
    assert bench.seen == [
        ("Creating", {"v": 0.25}, 2),
        ("ActivatingTraffic", {"v": 0.25}, 2),
        ("Baking", {"v": 0.25}, 2),
        ("ActivatingTraffic", {"v": 1.0}, 2),
        ("Baking", {"v": 1.0}, 2),
        ("Deleting", {"v": 1.0}, 2),
    ]
    assert bench.running() == {"new": 4}
    assert sizes(bench.fleet) == {"v": 4}
    assert bench.now_s() >= 180


def test_all_at_once_switches_as_soon_as_the_new_fleet_is_healthy() -> None:
    bench = Bench(plan("old"))
    assert bench.deploy(Deployment(), plan("new", name="other", count=1)).is_new
    assert [phase for phase, _, _ in bench.seen] == ["Creating", "ActivatingTraffic", "Deleting"]
    assert (bench.running(), sizes(bench.fleet)) == ({"new": 1}, {"other": 1})


@pytest.mark.parametrize("alarm_from_s", [0.0, 30.0, 100.0])
@pytest.mark.parametrize("kind", [CANARY, LINEAR])
def test_an_alarm_takes_it_back_at_every_step_and_the_old_fleet_was_never_touched(
    kind: str, alarm_from_s: float
) -> None:
    bench = Bench(plan("old"))
    bench.alarming, bench.alarm_from_s = ("errors",), alarm_from_s
    outcome = bench.deploy(deployment(kind, **WATCHED), plan("new"))
    assert outcome == Outcome(is_new=False, alarms=("errors",))
    assert bench.running() == {"old": 2}
    assert bench.fleet.instances() == bench.old.instances()
    assert bench.seen[-1][0] == "RollingBack"


def test_a_new_fleet_that_does_not_come_up_never_gets_traffic() -> None:
    bench = Bench(plan("old"))
    bench.exit_code = 3
    outcome = bench.deploy(deployment(CANARY, **WATCHED), plan("new"))
    assert not outcome.is_new
    assert "the process ended with exit code 3" in str(outcome.reason)
    assert [phase for phase, _, _ in bench.seen] == ["Creating", "RollingBack"]
    assert bench.running() == {"old": 2}


@pytest.mark.parametrize("kind", [ALL_AT_ONCE, CANARY, ROLLING])
def test_a_new_fleet_that_cannot_be_started_says_why(kind: str) -> None:
    bench = Bench(plan("old"))
    bench.refusal = "no process can be started: No space left on device"
    outcome = bench.deploy(deployment(kind), plan("new"))
    assert outcome == Outcome(is_new=False, reason=bench.refusal)
    assert bench.running() == {"old": 2}


def test_the_time_limit_takes_it_back() -> None:
    bench = Bench(plan("old"))
    outcome = bench.deploy(deployment(CANARY, termination_wait_s=3600, timeout_s=600), plan("new"))
    assert "longer than MaximumExecutionTimeoutInSeconds" in str(outcome.reason)
    assert bench.running() == {"old": 2}
    assert 600 < bench.now_s() < 640


def test_rolling_never_runs_more_than_a_batch_too_many() -> None:
    bench = Bench(plan("old", count=3))
    assert bench.deploy(deployment(ROLLING), plan("new", count=3)).is_new
    assert bench.running() == {"new": 3}
    shown = [(phase, left) for phase, _, left in bench.seen if phase in ("Creating", "Deleting")]
    assert shown == [(phase, left) for left in (3, 2, 1) for phase in ("Creating", "Deleting")]


@pytest.mark.parametrize("rollback", [None, 1, 2])
def test_a_rolling_deployment_brings_the_old_fleet_back(rollback: int | None) -> None:
    bench = Bench(plan("old", count=3))
    bench.alarming, bench.alarm_from_s = ("errors",), 100.0
    size = None if rollback is None else Size(kind=COUNT, value=rollback)
    outcome = bench.deploy(deployment(ROLLING, alarms=("errors",), rollback_step=size), plan("new", count=3))
    assert outcome == Outcome(is_new=False, alarms=("errors",))
    assert bench.running() == {"old": 3}
    assert len(bench.fleet.instances()) == 3
    assert not isinstance(bench.fleet, SplitFleet)


def test_where_the_old_fleet_does_not_come_back_both_serve() -> None:
    bench = Bench(plan("old", count=2))
    bench.alarming, bench.alarm_from_s = ("errors",), 100.0
    pause = bench.pause

    def pause_and_break() -> None:
        pause()
        if bench.now_s() >= 100:
            bench.exit_code = 9

    bench.pause = pause_and_break  # type: ignore[method-assign]
    outcome = bench.deploy(deployment(ROLLING, alarms=("errors",)), plan("new", count=2))
    assert "exit code 9" in str(outcome.rollback_failure)
    assert bench.running()["old"] == 1
    assert bench.running()["new"] >= 1
    bench.exit_code, bench.alarming = None, ()
    assert bench.deploy(Deployment(), plan("newest")).is_new
    assert bench.running()["newest"] == 2
    assert bench.running()["new"] == bench.running()["old"] == 0


def test_an_endpoint_that_goes_away_can_end_every_instance() -> None:
    for abandon_from_s in (5.0, 30.0, 100.0):
        bench = Bench(plan("old"))
        bench.abandon_from_s = abandon_from_s
        with pytest.raises(AbandonedError):
            bench.deploy(deployment(CANARY, **WATCHED), plan("new"))
        for instance in bench.fleet.instances():
            instance.stop(grace_s=0)
        assert not +bench.running()


def test_a_deployment_with_a_shadow_moves_it_with_its_variant() -> None:
    bench = Bench(plan("old", shadow=plan("old-shadow", name="s", count=1)))
    shadow = plan("new-shadow", name="s", count=2)
    assert bench.deploy(deployment(CANARY), plan("new", shadow=shadow)).is_new
    assert bench.running() == {"new": 2, "new-shadow": 2}


def split(*, share: float) -> SplitFleet:
    bench = Bench(plan("old", count=2))
    green = Bench(plan("new", count=2))
    return SplitFleet(variants=bench.fleet.variants, green=green.fleet.variants, share={"v": share})


def image_of(fleet: Fleet, rng: random.Random, **options: Any) -> str:
    variant = fleet.pick_variant(rng=rng, **options)
    return "" if variant is None else variant.plan.image


@pytest.mark.parametrize("target", [None, "v"])
@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 1.0])
def test_traffic_is_split_by_share_for_a_named_variant_too(share: float, target: str | None) -> None:
    fleet, rng = split(share=share), random.Random(1)
    picked = Counter(image_of(fleet, rng, target=target) for _ in range(4000))
    assert picked["new"] / 4000 == pytest.approx(share, abs=0.025)
    assert picked["old"] + picked["new"] == 4000


@pytest.mark.parametrize(("broken", "answering"), [("old", "new"), ("new", "old")])
def test_a_side_without_a_healthy_instance_is_passed_over(broken: str, answering: str) -> None:
    fleet, rng = split(share=0.5), random.Random(1)
    for instance in fleet.instances():
        side = fleet.variants if broken == "old" else fleet.green
        if instance in side["v"].instances:
            instance.state = State.BACKING_OFF
    assert {image_of(fleet, rng) for _ in range(100)} == {answering}


def test_an_unknown_variant_is_none_and_a_cut_keeps_the_first() -> None:
    fleet = split(share=0.5)
    assert fleet.pick_variant(rng=random.Random(1), target="w") is None
    assert [variant.plan.image for variant in fleet.all_variants()] == ["old", "new"]
    whole = Fleet(variants=fleet.variants)
    assert cut(whole, {"v": 1}).instances() == whole.instances()[:1]
    assert cut(whole, {}).instances() == []
