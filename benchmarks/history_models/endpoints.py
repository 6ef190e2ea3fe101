"""An endpoint of SageMaker: created, updated by every policy, scaled, hurt, alarmed and deleted.

What must hold: an instance gets requests only while it is healthy, unless the history has hurt it; an
endpoint that was InService never lacks one; no instance is ended that gets requests or owes an answer; what
an update leaves is wholly the old configuration or the new one, and the new one only where no alarm stood
against it and its image serves; counts are what was asked for; nothing runs that the endpoint does not
have; every change ends.
"""

from contextlib import suppress
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule
from moto.sagemaker.exceptions import ValidationError

from benchmarks.history_models.endpoint_world import (
    ALARM,
    IMAGES,
    NAME,
    SERVING_IMAGES,
    EndpointWorld,
)
from benchmarks.history_models.instances import GOOD
from localaws.sagemaker.endpoints import states

WAIT_S, TIMEOUT_S = 120, 7200
SETTLE_TURNS, SETTLE_TURN_S = 600, 20.0
images, counts = st.sampled_from(IMAGES), st.sampled_from((4, 2, 3, 1))
sizes = st.sampled_from(
    (("INSTANCE_COUNT", 1), ("INSTANCE_COUNT", 2), ("CAPACITY_PERCENT", 25), ("CAPACITY_PERCENT", 50))
)
seldom = st.sampled_from((False, False, False, True))
policies = st.sampled_from(("NONE", "ALL_AT_ONCE", "CANARY", "LINEAR", "ROLLING"))


def deployment_config(policy: str, size: tuple[str, int], *, is_watched: bool) -> dict[str, Any] | None:
    """Return a DeploymentConfig."""
    if policy == "NONE":
        return None
    amount = {"Type": size[0], "Value": size[1]}
    watched = {"AutoRollbackConfiguration": {"Alarms": [{"AlarmName": ALARM}]}} if is_watched else {}
    if policy == "ROLLING":
        rolling = {"MaximumBatchSize": amount, "WaitIntervalInSeconds": WAIT_S}
        if is_watched:
            rolling["RollbackMaximumBatchSize"] = amount
        return {"RollingUpdatePolicy": rolling, **watched}
    member = {"CANARY": "CanarySize", "LINEAR": "LinearStepSize"}.get(policy)
    routing = {"Type": policy, "WaitIntervalInSeconds": WAIT_S} | ({member: amount} if member else {})
    blue_green = {"TrafficRoutingConfiguration": routing, "TerminationWaitInSeconds": WAIT_S}
    return {"BlueGreenUpdatePolicy": blue_green, **watched}


class EndpointHistory(EndpointWorld):
    """One endpoint at a time."""

    @initialize(count=counts, is_double=seldom)
    def begin(self, count: int, is_double: bool) -> None:
        """Create an endpoint that serves."""
        self.create_endpoint(GOOD, count, is_double)
        self.settle()

    @precondition(lambda self: self.endpoint is None)
    @rule(image=images, count=counts, is_double=seldom)
    def create_endpoint(self, image: str, count: int, is_double: bool) -> None:
        """Create an endpoint of one variant or two."""
        self.was_in_service, self.update = False, None
        self.expected = {"v": count} | ({"w": 1} if is_double else {})
        self.backend.create_endpoint(NAME, self.make_config(image, self.expected), [])

    @precondition(lambda self: self.endpoint is not None)
    @rule(
        image=images,
        count=counts,
        policy=policies,
        size=sizes,
        is_watched=st.booleans(),
        is_retaining=st.booleans(),
    )
    def update_endpoint(
        self, image: str, count: int, policy: str, size: tuple[str, int], is_watched: bool, is_retaining: bool
    ) -> None:
        """Update the endpoint; a busy one refuses."""
        was_settled, before = self.is_settled, self.endpoint.endpoint_config_name
        names = list(self.expected)
        wanted = {name: count if name == "v" else 1 for name in names}
        retained = {name: len(variant.instances) for name, variant in self.fleet.variants.items()}
        try:
            new = self.make_config(image, wanted)
            self.backend.update_endpoint(
                endpoint_name=NAME,
                endpoint_config_name=new,
                is_retaining=is_retaining,
                deployment_config=deployment_config(policy, size, is_watched=is_watched),
            )
        except ValidationError:
            self.must(
                policy != "NONE" or not was_settled or self.status == states.FAILED, "an update was refused"
            )
            return
        self.must(was_settled, f"an endpoint that was {self.status} took an update")
        is_bad = image not in SERVING_IMAGES
        self.update = {
            "old": before,
            "new": new,
            "expected": retained if is_retaining else wanted,
            "policy": policy,
            "is_bad": is_bad,
            "is_watched": is_watched and policy != "NONE",
            "is_alarmed": False,
            "alarmed": 0,
        }
        self.is_disturbed = self.factory.is_refusing or self.alarm.state_value == "ALARM"

    @precondition(lambda self: self.endpoint is not None)
    @rule(count=counts)
    def scale(self, count: int) -> None:
        """Change the instance count of a variant, as Application Auto Scaling does."""
        was_in = self.status
        try:
            self.backend.set_instance_count(NAME, variant="v", count=count)
        except ValidationError:
            self.must(
                was_in not in (states.IN_SERVICE, states.UPDATE_ROLLBACK_FAILED),
                "a change of count was refused",
            )
            return
        self.scaled = {**self.expected, "v": count}
        self.is_disturbed = self.factory.is_refusing

    @precondition(lambda self: self.endpoint is not None)
    @rule(chance=st.integers(0, 4))
    def delete_endpoint(self, chance: int) -> None:
        """Delete the endpoint; a busy one refuses."""
        if not chance:
            with suppress(ValidationError):
                self.backend.delete_endpoint(NAME)

    @rule(turns=st.sampled_from((1, 1, 2, 5, 20)), seconds=st.sampled_from((1.0, 5.0, 30.0, 130.0)))
    def go_on(self, turns: int, seconds: float) -> None:
        """Let time pass, and the endpoint's thread do what it would."""
        for _ in range(turns):
            self.take_turn(seconds)
            self.requests_find_a_healthy_instance()
            if self.endpoint is not None and self.status != states.DELETING:
                self.backend.describe_endpoint(NAME)

    @rule(number=st.integers(0, 7), is_hang=st.booleans())
    def hurt_an_instance(self, number: int, is_hang: bool) -> None:
        """Kill the process of an instance, or let it answer no pings."""
        running = sorted(self.factory.running(), key=lambda server: server.number)
        if not running:
            return
        server = running[number % len(running)]
        server.is_hung, server.code = is_hang, None if is_hang else 9
        self.hurt.add(server)
        self.is_disturbed = True

    @precondition(lambda self: self.update is not None and self.update["is_watched"])
    @rule(turns=st.integers(1, 12))
    def alarm_during_an_update(self, turns: int) -> None:
        """Let the alarm of the update that goes on fire, and stay for a while."""
        self.set_alarm("ALARM")
        self.go_on(turns, 30.0)
        self.set_alarm("OK")

    @rule(state=st.sampled_from(("OK", "ALARM")))
    def set_alarm(self, state: str) -> None:
        """Let the alarm go on or off."""
        self.alarm.state_value = state
        self.is_disturbed = self.is_disturbed or state == "ALARM"

    @rule(is_refusing=st.booleans())
    def refuse_processes(self, is_refusing: bool) -> None:
        """Let no process be started any more, or again."""
        self.factory.is_refusing = is_refusing
        self.is_disturbed = self.is_disturbed or is_refusing

    @rule()
    def begin_request(self) -> None:
        """Send a request, which is not answered yet."""
        if self.status not in states.SERVING:
            return
        variant = self.fleet.pick_variant(rng=self.random)
        instance = None if variant is None else variant.pick_instance(rng=self.random)
        if instance is not None and instance.begin():
            self.owed.append(instance)

    @precondition(lambda self: bool(self.owed))
    @rule()
    def end_request(self) -> None:
        """Let the request that has waited longest be answered."""
        self.owed.pop(0).end()

    @rule()
    def settle(self) -> None:
        """Answer every request, hurt nothing more, and let everything come to its end."""
        while self.owed:
            self.end_request()
        self.factory.is_refusing, self.alarm.state_value = False, "OK"
        for server in self.factory.running():
            server.is_hung = False
        for _ in range(SETTLE_TURNS):
            if self.is_calm():
                return
            self.take_turn(SETTLE_TURN_S)
        self.must(False, f"the endpoint is still {self.status}")
