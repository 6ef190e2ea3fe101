"""An endpoint whose thread takes turns with the history, and what must hold of it."""

import random
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from unittest import mock

from hypothesis.stateful import invariant

from benchmarks.history_models.instances import ENDING, GOOD, MUTE, SLOW, UNFETCHED, FakeFactory, FakeServer
from benchmarks.history_models.machine import ACCOUNT, REGION, History
from benchmarks.history_models.turns import TurnEvent, TurnQueue, Turns
from localaws.sagemaker.endpoints import controller as controllers
from localaws.sagemaker.endpoints import states
from localaws.sagemaker.endpoints.controller import EndpointController
from localaws.sagemaker.endpoints.deployments import alarms, events
from localaws.sagemaker.endpoints.deployments.states import Phase
from localaws.sagemaker.endpoints.fleet import Fleet
from localaws.sagemaker.endpoints.instance import Instance
from localaws.sagemaker.endpoints.service import EndpointService
from localaws.sagemaker.models import LocalSageMakerBackend

NAME, ALARM = "ep", "errors"
IMAGES = (GOOD, GOOD, GOOD, GOOD, GOOD, SLOW, SLOW, ENDING, MUTE, UNFETCHED)
SERVING_IMAGES = (GOOD, SLOW)
WATCHED_TURNS = 4
SETTLED = (states.IN_SERVICE, states.UPDATE_ROLLBACK_FAILED, states.FAILED)


class TurnController(EndpointController):
    """localaws' controller, whose thread takes turns with the history."""

    def __init__(self, *, turns: Turns, factory: FakeFactory, **members: Any) -> None:
        super().__init__(**members)
        self.turns = turns
        self._factory = cast(Any, factory)
        self._commands = cast(Any, TurnQueue(turns))
        self._abandoned = cast(Any, TurnEvent(turns))

    def _run(self) -> None:
        try:
            super()._run()
        finally:
            self.turns.finish()


class EndpointWorld(History):
    """One endpoint at a time."""

    def __init__(self) -> None:
        super().__init__()
        self.random = random.Random(0)
        self.alarm = SimpleNamespace(state_value="OK")
        self.enter(mock.patch.object(alarms, "_alarms", return_value={ALARM: self.alarm}))
        self.enter(mock.patch.object(controllers, "publish", lambda detail, **where: events.to_json(detail)))
        self.enter(mock.patch.object(LocalSageMakerBackend, "_scalable_targets", return_value=()))
        self.data_dir = Path("/nonexistent")
        self.backend = LocalSageMakerBackend(REGION, ACCOUNT)
        self.factory = FakeFactory(clock=self.clock, on_stop=self.judge_stop)
        self.turns = Turns()
        self.controller: TurnController | None = None
        self.owed: list[Instance] = []
        """The instances that owe an answer, once for each."""
        self.hurt: set[FakeServer] = set()
        self.was_in_service = False
        self.expected: dict[str, int] = {}
        """Instances by variant, once all is settled."""
        self.update: dict[str, Any] | None = None
        """What the update that goes on is for, and what has come in its way."""
        self.scaled: dict[str, int] | None = None
        """The counts that a change of capacity is to lead to."""
        self.is_disturbed = False
        """Whether the history has come in the way of what goes on."""
        self.number = 0
        self.backend.create_model("m", "arn:aws:iam::1:role/r", {"Image": GOOD}, None, None, None)
        for image in dict.fromkeys(IMAGES):
            self.backend.create_model(image, "arn:aws:iam::1:role/r", {"Image": image}, None, None, None)

    def find_service(self, kind: Any) -> Any:
        """Return itself for the service that runs endpoints."""
        return self if kind is EndpointService else super().find_service(kind)

    def find(self, account_id: str, region: str, name: str) -> EndpointController | None:
        """Return the controller, as the service does."""
        return self.controller

    def create(self, *, forget: Any, **members: Any) -> None:
        """Begin to deploy, as the service does."""
        self.turns = Turns()
        self.controller = TurnController(
            turns=self.turns,
            factory=self.factory,
            context=cast(Any, self),
            folder=self.data_dir,
            on_deleted=forget,
            **members,
        )
        self.controller.start()
        self.turns.await_thread()

    @property
    def endpoint(self) -> Any:
        """moto's endpoint, or None."""
        return self.backend.endpoints.get(NAME)

    @property
    def status(self) -> str:
        """The EndpointStatus, or empty."""
        return "" if self.endpoint is None else str(self.endpoint.endpoint_status)

    @property
    def fleet(self) -> Fleet:
        """What gets requests."""
        return self.controller.fleet if self.controller else Fleet(variants={})

    @property
    def is_settled(self) -> bool:
        """Whether nothing is under way."""
        return self.status in SETTLED

    def judge_stop(self, server: FakeServer) -> None:
        """Hold the end of a process against who needs it."""
        instance = next(item for item, known in self.factory.by_instance.items() if known is server)
        is_over = self.status in ("", states.DELETING) or (self.controller and self.controller.is_gone)
        if is_over or server in self.hurt or server.image not in SERVING_IMAGES:
            return
        self.must(instance not in self.owed, f"server {server.number} was ended before it had answered")
        is_used = any(instance is item for item in self.fleet.instances())
        self.must(not is_used, f"server {server.number} was ended while it got requests")

    def is_hurt(self, instance: Instance) -> bool:
        """Return whether the history is why an instance is not healthy."""
        server = self.factory.by_instance.get(instance)
        if server in self.hurt and instance.is_healthy:
            return True
        return server in self.hurt or instance.restarts > 0

    @invariant()
    def requests_find_a_healthy_instance(self) -> None:
        """Look at what gets requests, in every state in which AWS serves."""
        if not self.was_in_service or self.status not in states.SERVING:
            return
        instances = self.fleet.instances()
        assert instances, f"no instance is left while the endpoint is {self.status}"
        if self.status != states.UPDATE_ROLLBACK_FAILED:
            for item in instances:
                assert item.is_healthy or self.is_hurt(item), f"{item.id} gets requests while {item.state}"
        if not any(self.is_hurt(item) for item in instances):
            variant = self.fleet.pick_variant(rng=self.random)
            picked = None if variant is None else variant.pick_instance(rng=self.random)
            assert picked is not None, f"no request finds an instance while the endpoint is {self.status}"

    @invariant()
    def what_is_settled_is_whole(self) -> None:
        """Compare the endpoint with what was asked for, once nothing is under way."""
        if not self.is_settled:
            return
        described = self.backend.describe_endpoint(NAME)
        fleet, config = self.fleet, described["EndpointConfigName"]
        running = {
            self.factory.by_instance[item] for item in fleet.instances() if item in self.factory.by_instance
        }
        left = {server.number for server in self.factory.running() - running}
        assert not left, f"servers {sorted(left)} run beside the endpoint, which is {self.status}"
        if self.status != states.IN_SERVICE:
            return
        found = {
            variant["VariantName"]: variant["CurrentInstanceCount"]
            for variant in described["ProductionVariants"]
        }
        assert found == self.expected, f"{found} instances, not {self.expected}"
        assert found == {name: len(variant.instances) for name, variant in fleet.variants.items()}
        made_of = {variant.plan.config_name for variant in fleet.all_variants()}
        assert made_of == {config}, f"instances of {sorted(made_of)} serve, and the configuration is {config}"
        assert "PendingDeploymentSummary" not in described

    def end_of_change(self) -> None:
        """Judge an update as it ends; called after each turn."""
        if self.status == states.IN_SERVICE:
            self.was_in_service = True
        if self.scaled is not None and self.is_settled:
            has_failed = self.endpoint.failure_reason is not None
            self.must(self.is_disturbed or not has_failed, "a change of count failed for no reason")
            self.reach("a change of count failed" if has_failed else "a change of count was made")
            self.expected, self.scaled = self.expected if has_failed else self.scaled, None
        if self.update is None or not self.is_settled:
            return
        update, self.update = self.update, None
        self.reach_end(update)
        is_new = self.endpoint.endpoint_config_name == update["new"]
        known = (update["old"], update["new"])
        self.must(
            self.endpoint.endpoint_config_name in known, "the configuration is neither the old nor the new"
        )
        self.must(not (is_new and update["is_bad"]), "an image that does not serve has taken over")
        self.must(not (is_new and update["is_alarmed"]), "an update went on under its alarm")
        if not is_new and not update["is_bad"] and not self.is_disturbed:
            self.must(False, f"an update failed for no reason: {self.endpoint.failure_reason}")
        if is_new:
            self.expected = update["expected"]

    def reach_end(self, update: dict[str, Any]) -> None:
        """Count how an update has ended."""
        is_new = self.endpoint.endpoint_config_name == update["new"]
        if self.status == states.UPDATE_ROLLBACK_FAILED:
            self.reach("a rollback failed")
        elif is_new:
            self.reach(f"updated by {update['policy']}")
        else:
            why = "an alarm" if self.endpoint.failure_reason is None else "a failure"
            self.reach(f"{update['policy']} taken back by {why}")

    def make_config(self, image: str, variants: dict[str, int]) -> str:
        """Create an endpoint configuration."""
        self.number += 1
        name = f"config-{self.number}"
        asked = [
            {
                "VariantName": variant,
                "ModelName": image,
                "InitialInstanceCount": count,
                "InstanceType": "ml.m5.large",
                "InitialVariantWeight": 1.0,
            }
            for variant, count in variants.items()
        ]
        self.backend.create_endpoint_config(name, asked, {}, {}, [], "")
        return name

    def take_turn(self, seconds: float) -> None:
        """Let the endpoint's thread go on to its next wait."""
        self.clock.advance(seconds)
        self.note_alarm()
        self.turns.take()
        healed = {server for server in self.hurt if server.is_stopped}
        self.hurt -= {server for server in healed if server not in self.factory.by_instance.values()}
        self.end_of_change()

    def note_alarm(self) -> None:
        """Note that an update must be taken back: its alarm stood for so long that localaws has looked.

        Between two phases in which it looks there are three turns at most.
        """
        if self.update is None or not self.update["is_watched"]:
            return
        pending = None if self.controller is None else self.controller.pending
        is_watching = pending is not None and pending.status in (Phase.CREATING.value, Phase.BAKING.value)
        is_on = self.alarm.state_value == "ALARM" and is_watching
        self.update["alarmed"] = self.update["alarmed"] + 1 if is_on else 0
        self.update["is_alarmed"] = self.update["is_alarmed"] or self.update["alarmed"] >= WATCHED_TURNS

    def is_calm(self) -> bool:
        """Return whether everything has come to its end, and is well again."""
        if self.endpoint is None:
            return True
        is_well = self.status == states.FAILED or all(item.is_healthy for item in self.fleet.instances())
        return self.is_settled and (is_well or self.status == states.UPDATE_ROLLBACK_FAILED)

    def teardown(self) -> None:
        """End the endpoint's thread."""
        if self.controller is not None:
            self.controller.abandon()
            while not self.turns.is_over:
                self.turns.take()
            self.controller.join(timeout_s=10)
        super().teardown()
