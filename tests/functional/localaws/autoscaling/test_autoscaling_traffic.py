"""Real traffic takes an endpoint out and in again, and no request fails."""

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.functional.localaws.autoscaling.conftest import place_of, tracking

LIMIT_S = 240.0
"""Real seconds for each direction, on a machine that is busy."""
pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


class Traffic:
    """One client that asks again and again, from a thread of its own."""

    def __init__(self, endpoint: Any, *, pause_s: float) -> None:
        self.endpoint = endpoint
        self.pause_s = pause_s
        self.failures: list[Exception] = []
        self.answered: set[int] = set()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> "Traffic":
        self._thread.start()
        return self

    def __exit__(self, *args: object) -> None:
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        runtime = self.endpoint.aws.client("sagemaker-runtime")
        while not self._stopping.wait(self.pause_s):
            try:
                answer = runtime.invoke_endpoint(EndpointName=self.endpoint.name, Body=b"sleep 0.1")
                self.answered.add(len(answer["Body"].read()))
            except Exception as error:  # noqa: BLE001 - the test looks at each
                self.failures.append(error)


def wait_for(condition: Callable[[], bool]) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + LIMIT_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.2)


def test_traffic_takes_an_endpoint_out_and_in_again(fast_endpoint_maker: Any, fast_localaws: Any) -> None:
    made = fast_endpoint_maker("scaled-by-traffic")
    made.wait("InService")
    client, place = fast_localaws.client("application-autoscaling"), place_of(made.name)
    client.register_scalable_target(**place, MinCapacity=1, MaxCapacity=3)
    cooldowns = {"ScaleOutCooldown": 30, "ScaleInCooldown": 30}
    client.put_scaling_policy(**place, PolicyName="track", **tracking(5.0, **cooldowns))

    def instances() -> tuple[str, int, int]:
        found = made.describe()
        (variant,) = found["ProductionVariants"]
        counts = variant["CurrentInstanceCount"], variant["DesiredInstanceCount"]
        return found["EndpointStatus"], *counts

    def has(count: int) -> bool:
        return instances() == ("InService", count, count)

    with Traffic(made, pause_s=3.0) as slow:
        with Traffic(made, pause_s=0.01) as fast:
            wait_for(lambda: has(3))
        wait_for(lambda: has(1))
    assert (slow.failures, fast.failures) == ([], [])
    assert slow.answered
    assert fast.answered

    activities = client.describe_scaling_activities(
        ServiceNamespace="sagemaker", ResourceId=place["ResourceId"]
    )
    told = [(item["Description"], item["StatusCode"]) for item in activities["ScalingActivities"]]
    assert told[0][0] == "Setting desired instance count to 1."
    assert ("Setting desired instance count to 3.", "Successful") in told
    latest = activities["ScalingActivities"][0]
    assert latest["Cause"].startswith(
        "monitor alarm TargetTracking-endpoint/scaled-by-traffic/variant/AllTraffic-AlarmLow-"
    )
    assert latest["Cause"].endswith(" in state ALARM triggered policy track")
    client.deregister_scalable_target(**place)
