"""A request and the instance that it was given to: neither is given up before the other, nor by the clock."""

import asyncio
import json
import random
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from localaws.clock import ManualClock
from localaws.sagemaker.endpoints.container_pool import Answer
from localaws.sagemaker.endpoints.controller import EndpointController
from localaws.sagemaker.endpoints.features import Features
from localaws.sagemaker.endpoints.fleet import Fleet, Variant
from localaws.sagemaker.endpoints.instance import Instance
from localaws.sagemaker.endpoints.invocations import INVOCATION_S, Invocation, Invoker
from localaws.sagemaker.endpoints.plan import VariantPlan

PLAN = VariantPlan(name="AllTraffic", count=1, weight=1.0, startup_s=60.0, role_arn="", container={})
WAIT_S = 60.0


class FakeServer:
    """A process that has not been stopped yet."""

    pid = 1

    def __init__(self, port: int) -> None:
        self.port = port
        self.stopped = threading.Event()

    def exit_code(self) -> int | None:
        """It runs."""
        return None

    def last_lines(self) -> list[str]:
        """It has logged nothing."""
        return []

    def stop(self, *, grace_s: float) -> None:
        """Note the stop."""
        self.stopped.set()


def healthy(server: FakeServer) -> Instance:
    """Return an instance in service."""
    made = Instance(
        instance_id=f"i-{server.port}",
        variant=PLAN.name,
        launch=lambda: server,
        clock=ManualClock(),
        startup_s=60.0,
        ping=lambda port: True,
    )
    made.start()
    made.step()
    assert made.is_healthy
    return made


def fleet_of(*instances: Instance) -> Fleet:
    return Fleet(variants={PLAN.name: Variant(plan=PLAN, weight=1.0, instances=instances)})


@dataclass
class FakePool:
    """Answers at once with the port that was asked, or raises."""

    error: Exception | None = None
    asked: list[tuple[int, float]] = field(default_factory=list)

    async def post(self, port: int, *, headers: Any, body: bytes, timeout_s: float) -> Answer:
        """Answer."""
        self.asked.append((port, timeout_s))
        if self.error is not None:
            raise self.error
        return Answer(200, {}, str(port).encode())


def invoke(controller: Any, pool: FakePool) -> Any:
    """Send a request through an invoker whose pool is `pool`."""
    context: Any = SimpleNamespace(clock=ManualClock(), metrics=SimpleNamespace(report=lambda call: None))
    invoker = Invoker(context=context, find=lambda *_: controller, capturer=SimpleNamespace())  # type: ignore[arg-type]
    invoker._pool = pool  # type: ignore[assignment]
    request = Invocation(headers={}, body=b"x", timeout_s=INVOCATION_S)
    return asyncio.run(invoker.send(request, controller=controller))


def controller_of(fleet: Fleet) -> Any:
    return SimpleNamespace(name="ep", account_id="123456789012", region="us-east-1", fleet=fleet)


class Endpoint:
    """A controller without a thread, whose one instance is under way with a request."""

    def __init__(self, folder: Path) -> None:
        self.clock, self.server = ManualClock(), FakeServer(9000)
        self.instance = healthy(self.server)
        self.controller = EndpointController(
            context=SimpleNamespace(clock=self.clock),  # type: ignore[arg-type]
            endpoint=SimpleNamespace(endpoint_name="ep", endpoint_config_name="c"),  # type: ignore[arg-type]
            plans=[PLAN],
            features=Features(),
            account_id="123456789012",
            region="us-east-1",
            folder=folder,
            on_deleted=lambda: None,
        )

    def retire(self) -> threading.Thread:
        """Let the instance go, in a thread."""
        thread = threading.Thread(target=self.controller.retire, args=([self.instance],), daemon=True)
        thread.start()
        return thread


def test_an_instance_is_not_stopped_before_its_last_request_has_its_answer(tmp_path: Path) -> None:
    """However much of AWS's time has passed: it is what it has promised that counts."""
    endpoint = Endpoint(tmp_path)
    assert endpoint.instance.begin()
    thread = endpoint.retire()
    endpoint.clock.advance(24 * 3600)
    assert not endpoint.server.stopped.wait(0.2)
    endpoint.instance.end()
    thread.join(WAIT_S)
    assert endpoint.server.stopped.is_set()


def test_an_instance_that_is_to_be_stopped_takes_no_request(tmp_path: Path) -> None:
    endpoint = Endpoint(tmp_path)
    assert endpoint.instance.begin()
    endpoint.instance.retire()
    assert not endpoint.instance.is_healthy
    assert not endpoint.instance.begin()
    assert endpoint.instance.outstanding == 1


@dataclass(frozen=True, kw_only=True)
class OvertakenFleet(Fleet):
    """A fleet that is replaced while a request is given to one of its instances."""

    meanwhile: Callable[[], None]
    is_early: bool
    """Whether it is before an instance of it was picked."""

    def pick_variant(self, *, rng: random.Random, target: str | None = None) -> Variant | None:
        """Pick a variant."""
        if self.is_early:
            self.meanwhile()
            return self.variants[PLAN.name]
        found = self.variants[PLAN.name].instances[0]
        picked: Any = SimpleNamespace(plan=PLAN, is_throttled=False, pick_instance=self._pick_late(found))
        return cast(Variant, picked)

    def _pick_late(self, found: Instance) -> Callable[..., Instance]:
        def pick(**_: Any) -> Instance:
            self.meanwhile()
            return found

        return pick


@pytest.mark.parametrize("is_early", [True, False])
def test_a_request_that_meets_the_end_of_an_instance_goes_to_the_new_fleet(is_early: bool) -> None:
    old, new = healthy(FakeServer(9000)), healthy(FakeServer(9001))
    controller = controller_of(fleet_of(old))

    def meanwhile() -> None:
        controller.fleet = fleet_of(new)
        old.retire()

    controller.fleet = OvertakenFleet(variants=fleet_of(old).variants, meanwhile=meanwhile, is_early=is_early)
    pool = FakePool()
    response = invoke(controller, pool)
    assert (response.status, response.body) == (200, b"9001")
    assert (old.outstanding, new.outstanding) == (0, 0)


def test_a_model_has_sixty_seconds_of_this_machine(tmp_path: Path) -> None:
    """Computing is not sped up with AWS's time: under the clock here no wait takes any."""
    pool = FakePool()
    assert invoke(controller_of(fleet_of(healthy(FakeServer(9000)))), pool).status == 200
    assert pool.asked == [(9000, 60.0)]


def test_a_slow_answer_is_a_timeout_as_aws_words_it() -> None:
    instance = healthy(FakeServer(9000))
    response = invoke(controller_of(fleet_of(instance)), FakePool(error=TimeoutError()))
    found = json.loads(response.body)
    assert (response.status, found["OriginalStatusCode"], instance.outstanding) == (424, 0, 0)
    assert found["OriginalMessage"].startswith("Your invocation timed out while waiting for a response")
