"""What requests, functions and processes count for."""

import os
import subprocess
import sys
import time
from typing import Any

import pytest

from localaws.clock import ManualClock
from localaws.cloudwatch.metrics import Metrics
from localaws.cloudwatch.sources.endpoints import EndpointCall
from localaws.cloudwatch.sources.functions import Called, FunctionLoad
from localaws.cloudwatch.sources.instances import (
    Instance,
    InstanceReader,
    Process,
    Usage,
    parse_stat,
    process_table,
    sum_trees,
)
from localaws.cloudwatch.spec import Filter
from localaws.functions.errors import ThrottledError

PLACE = {"account_id": "123456789012", "region": "us-east-1"}


def read_all(metrics: Metrics, statistic: str = "Sum") -> dict[tuple[str, Any], float | None]:
    """Return a statistic of every metric over all time, by name and dimensions."""
    store = metrics.store(**PLACE)
    found = {}
    for key in store.list(Filter()):
        points = store.read(key, start_s=0, end_s=2**32, period_s=86_400 * 365)
        found[(key.name, *(value for _, value in key.dimensions))] = points[0].statistic(statistic)
    return found


@pytest.fixture
def metrics() -> Metrics:
    """Metrics on a clock that stands."""
    return Metrics(ManualClock())


def endpoint_call(**members: Any) -> EndpointCall:
    """Return a request to a variant of two instances."""
    return EndpointCall(**PLACE, endpoint="e", variant="v", instances=2, started=1.0, **members)


@pytest.mark.parametrize(
    ("call", "errors"),
    [
        pytest.param({"asked": 1.5, "ended": 2.0, "status": 200}, (0, 0, 0), id="a success"),
        pytest.param({"asked": 1.5, "ended": 2.0, "status": 400}, (1, 0, 1), id="the model refuses"),
        pytest.param({"asked": 1.5, "ended": 2.0, "status": 503}, (0, 1, 1), id="the model fails"),
        pytest.param({"asked": 1.5}, (0, 1, 1), id="no answer"),
        pytest.param({}, (0, 1, 0), id="no instance"),
    ],
)
def test_what_a_request_counts_for(
    metrics: Metrics, call: dict[str, Any], errors: tuple[int, int, int]
) -> None:
    metrics.report(endpoint_call(**call))
    found = {name: value for (name, *_), value in read_all(metrics).items()}
    assert (found["Invocations"], found["InvocationsPerInstance"]) == (1, 0.5)
    names = ("Invocation4XXErrors", "Invocation5XXErrors", "InvocationModelErrors")
    assert tuple(found[name] for name in names) == errors
    if "ended" in call:
        assert (found["ModelLatency"], found["OverheadLatency"]) == (500_000, 500_000)
    else:
        assert "ModelLatency" not in found


def test_a_request_that_reached_no_variant_counts_for_nothing(metrics: Metrics) -> None:
    metrics.report(EndpointCall(**PLACE, endpoint="e", variant="", started=0.0))
    assert read_all(metrics) == {}


def called(**members: Any) -> Called:
    """Return a call of a function by an alias."""
    defaults = {"function": "f", "qualifier": "live", "version": "2", "is_reserved": False}
    return Called(**PLACE, **(defaults | members))


def test_an_invocation_counts_for_the_function_its_alias_the_version_and_the_region(metrics: Metrics) -> None:
    load = FunctionLoad(metrics=metrics)
    with load.call(called()) as call:
        call.end(is_error=True, duration_ms=12.5)
    found = read_all(metrics)
    for scope in ((), ("f",), ("f", "f:live"), ("2", "f", "f:live")):
        assert found[("Invocations", *scope)] == 1
        assert found[("Errors", *scope)] == 1
        assert found[("Duration", *scope)] == 12.5
        assert found[("ConcurrentExecutions", *scope)] == 1
    assert found[("UnreservedConcurrentExecutions",)] == 1
    assert ("UnreservedConcurrentExecutions", "f") not in found


def test_concurrency_is_counted_by_function_and_in_all(metrics: Metrics) -> None:
    load = FunctionLoad(metrics=metrics)
    with (
        load.call(called(qualifier=None)) as first,
        load.call(called(qualifier=None)) as second,
        load.call(called(function="g", qualifier=None, is_reserved=True)) as other,
    ):
        for call in (first, second, other):
            call.end(is_error=False, duration_ms=1.0)
    found = read_all(metrics, "Maximum")
    assert found[("ConcurrentExecutions", "f")] == 2
    assert found[("ConcurrentExecutions", "g")] == 1
    assert found[("ConcurrentExecutions",)] == 3
    assert found[("UnreservedConcurrentExecutions",)] == 2
    assert set(load.running.values()) == {0}


def test_a_throttle_is_no_invocation(metrics: Metrics) -> None:
    load = FunctionLoad(metrics=metrics)
    with pytest.raises(ThrottledError), load.call(called(qualifier=None)):
        raise ThrottledError("ReservedFunctionConcurrentInvocationLimitExceeded")
    assert read_all(metrics) == {("Throttles",): 1, ("Throttles", "f"): 1}


def test_a_failure_of_localaws_is_neither(metrics: Metrics) -> None:
    load = FunctionLoad(metrics=metrics)
    with pytest.raises(RuntimeError), load.call(called()):
        raise RuntimeError
    assert read_all(metrics) == {}


def test_values_are_counted_at_the_time_of_the_event() -> None:
    clock = ManualClock()
    metrics = Metrics(clock)
    metrics.report(endpoint_call())
    clock.advance(60)
    metrics.report(endpoint_call())
    store = metrics.store(**PLACE)
    key = store.list(Filter(name="Invocations"))[0]
    start_s = int(clock.now().timestamp()) - 60
    points = store.read(key, start_s=start_s, end_s=start_s + 120, period_s=60)
    assert [point.values.total for point in points] == [1, 1]


STAT = "41 (a (strange) name) S 7 41 41 0 -1 4194560 1 0 0 0 300 100 50 50 20 0 1 0 99 1000 256 18446744073"


def test_a_line_of_the_process_table() -> None:
    process = parse_stat(STAT)
    ticks = os.sysconf("SC_CLK_TCK")
    assert (process.pid, process.parent) == (41, 7)
    assert process.usage == Usage(cpu_s=500 / ticks, memory_bytes=256 * os.sysconf("SC_PAGE_SIZE"))


def test_an_instance_is_a_process_and_all_that_it_started() -> None:
    table = [
        Process(pid=10, parent=7, usage=Usage(cpu_s=1, memory_bytes=100)),
        Process(pid=11, parent=10, usage=Usage(cpu_s=2, memory_bytes=50)),
        Process(pid=12, parent=11, usage=Usage(cpu_s=4, memory_bytes=25)),
        Process(pid=99, parent=1, usage=Usage(cpu_s=64, memory_bytes=1)),
    ]
    assert sum_trees(table, [10, 13]) == {10: Usage(cpu_s=7, memory_bytes=175)}


def test_processor_time_between_two_looks_is_a_percentage_of_one_core() -> None:
    reader = InstanceReader()
    instance = Instance(**PLACE, namespace="n", dimensions={"Host": "j/algo-1"}, pid=10)

    def look(cpu_s: float, now_s: float) -> list[float]:
        table = [Process(pid=10, parent=os.getpid(), usage=Usage(cpu_s=cpu_s, memory_bytes=0))]
        return [reading.cpu_percent for reading in reader.read([instance], table=table, now_s=now_s)]

    assert look(5.0, now_s=100.0) == []
    assert look(8.0, now_s=102.0) == [150.0]
    assert list(reader.read([instance], table=[], now_s=104.0)) == []


def test_a_real_child_is_read() -> None:
    with subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(60)"]) as child:
        deadline = time.monotonic() + 30
        while (
            usage := sum_trees(process_table(), [child.pid]).get(child.pid)
        ) is None or usage.memory_bytes == 0:
            assert time.monotonic() < deadline
        child.kill()
    assert usage.memory_bytes > 100_000
