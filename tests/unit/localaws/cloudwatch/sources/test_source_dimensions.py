"""Names, dimensions and units of the metrics of services, as AWS's pages list them."""

from typing import Any

import pytest

from localaws.cloudwatch.sources.endpoints import (
    EndpointCall,
    backlog_values,
    concurrent_key,
    instance_dimensions,
    quiet_keys,
    variant_keys,
)
from localaws.cloudwatch.sources.function_events import QueuedEvent
from localaws.cloudwatch.sources.functions import (
    UNITS,
    Called,
    FunctionCall,
    FunctionLoad,
    Kept,
    function_keys,
)
from localaws.cloudwatch.sources.instances import (
    MACHINE_BYTES,
    Instance,
    InstanceReader,
    Process,
    Reading,
    Usage,
    job_instances,
)
from localaws.cloudwatch.sources.training import TrainingValue

PLACE = {"account_id": "123456789012", "region": "us-east-1"}


def test_an_endpoint_s_metrics_are_by_endpoint_and_variant() -> None:
    keys = variant_keys("e", "v")
    assert {key.namespace for key in keys} == {"AWS/SageMaker"}
    assert {key.dimensions for key in keys} == {(("EndpointName", "e"), ("VariantName", "v"))}
    assert [key.name for key in keys] == [
        "Invocations",
        "InvocationsPerInstance",
        "Invocation4XXErrors",
        "Invocation5XXErrors",
        "InvocationModelErrors",
        "ModelLatency",
        "OverheadLatency",
    ]
    assert instance_dimensions("e", "v") == {"EndpointName": "e", "VariantName": "v"}


def test_the_fleet_of_a_configuration_has_metrics_of_its_own_too() -> None:
    names = [key.name for key in variant_keys("e", "v")]
    whole = (("EndpointName", "e"), ("VariantName", "v"))
    fleet = (("EndpointConfigName", "c"), *whole)
    call = EndpointCall(**PLACE, endpoint="e", variant="", started=1.0)
    call.ask("v", instances=2, config="c")
    call.answer(200)
    found = list(call.values())
    by_scope = {
        scope: [(key.name, value, unit) for key, value, unit in found if key.dimensions == scope]
        for scope in (whole, fleet)
    }
    assert by_scope[whole] == by_scope[fleet]
    assert [name for name, *_ in by_scope[fleet]] == names
    assert len(found) == 2 * len(names)
    assert {key.dimensions for key in quiet_keys("e", "v", "c")} == {whole, fleet}
    assert {key.dimensions for key in quiet_keys("e", "v")} == {whole}


def test_a_quiet_endpoint_has_counts_and_no_latency() -> None:
    assert {key.name for key in quiet_keys("e", "v")} == {
        "Invocations",
        "InvocationsPerInstance",
        "Invocation4XXErrors",
        "Invocation5XXErrors",
        "InvocationModelErrors",
    }


def call_values(**members: Any) -> dict[str, tuple[float, str]]:
    """Return value and unit of each metric of one request, by name."""
    call = EndpointCall(**PLACE, endpoint="e", variant="v", started=1.0, **members)
    return {key.name: (value, unit) for key, value, unit in call.values()}


def test_latencies_are_microseconds_and_counts_have_no_unit() -> None:
    found = call_values(asked=1.002, ended=1.052, status=200)
    assert found["ModelLatency"] == (pytest.approx(50_000), "Microseconds")
    assert found["OverheadLatency"] == (pytest.approx(2_000), "Microseconds")
    assert {unit for name, (_, unit) in found.items() if "Latency" not in name} == {"None"}


@pytest.mark.parametrize(
    ("status", "errors"),
    [
        (200, (0, 0, 0)),
        (299, (0, 0, 0)),
        (302, (0, 0, 1)),
        (400, (1, 0, 1)),
        (499, (1, 0, 1)),
        (500, (0, 1, 1)),
        (None, (0, 1, 1)),
    ],
)
def test_what_is_an_error_of_which_kind(status: int | None, errors: tuple[int, ...]) -> None:
    found = call_values(asked=2.0, ended=3.0, status=status)
    names = ("Invocation4XXErrors", "Invocation5XXErrors", "InvocationModelErrors")
    assert tuple(found[name][0] for name in names) == errors


@pytest.mark.parametrize(("instances", "share"), [(1, 1.0), (4, 0.25), (0, 1.0)])
def test_each_instance_has_its_share_of_a_request(instances: int, share: float) -> None:
    assert call_values(instances=instances, asked=2.0)["InvocationsPerInstance"] == (share, "None")


def test_a_clock_that_goes_back_is_no_negative_overhead() -> None:
    assert call_values(asked=0.5, ended=1.0, status=200)["OverheadLatency"][0] == 0.0


def test_a_call_notes_when_it_asks_and_is_answered() -> None:
    call = EndpointCall(**PLACE, endpoint="e", variant="", started=0.0)
    call.ask("blue", instances=3)
    call.answer(204)
    assert (call.variant, call.instances, call.status) == ("blue", 3, 204)
    assert 0 < call.asked <= call.ended


@pytest.mark.parametrize(
    ("qualifier", "dimensions"),
    [
        (None, [(("FunctionName", "f"),)]),
        ("2", [(("FunctionName", "f"),), (("FunctionName", "f"), ("Resource", "f:2"))]),
        (
            "live",
            [
                (("FunctionName", "f"),),
                (("FunctionName", "f"), ("Resource", "f:live")),
                (("ExecutedVersion", "2"), ("FunctionName", "f"), ("Resource", "f:live")),
            ],
        ),
    ],
)
def test_a_function_s_metrics_are_by_name_by_what_was_called_and_by_what_an_alias_chose(
    qualifier: str | None, dimensions: list[tuple[tuple[str, str], ...]]
) -> None:
    keys = function_keys("Errors", "f", qualifier, "2")
    assert [key.dimensions for key in keys] == dimensions
    assert {(key.namespace, key.name) for key in keys} == {("AWS/Lambda", "Errors")}


def function_call(**members: Any) -> FunctionCall:
    """Return an invocation that has ended."""
    called = Called(**PLACE, function="f", qualifier=None, version="2", is_reserved=False)
    return FunctionCall(load=FunctionLoad(metrics=None), called=called, concurrency=(1, 2, 2), **members)  # type: ignore[arg-type]  # it reports nothing


def test_durations_are_milliseconds_and_all_else_is_counted() -> None:
    units = {key.name: unit for key, _, unit in function_call(duration_ms=3.0).values()}
    assert units.pop("Duration") == "Milliseconds"
    assert set(units.values()) == {"Count"}
    assert {*units, "Duration"} == {*UNITS, "ClaimedAccountConcurrency"}


def test_an_environment_that_did_not_come_up_has_no_duration() -> None:
    found = {key.name: value for key, value, _ in function_call(is_error=True).values()}
    assert (found["Invocations"], found["Errors"]) == (1, 1)
    assert "Duration" not in found


def test_the_region_s_concurrency_is_that_of_all_functions() -> None:
    values = [
        (key.dimensions, value)
        for key, value, _ in function_call().values()
        if key.name == "ConcurrentExecutions"
    ]
    assert values == [((("FunctionName", "f"),), 1), ((), 2)]


def test_what_a_log_says_of_a_job_has_the_job_s_name() -> None:
    ((key, value, unit),) = TrainingValue(**PLACE, job="j", name="val:loss", value=0.25).values()
    assert key.as_listed() == {
        "Namespace": "/aws/sagemaker/TrainingJobs",
        "MetricName": "val:loss",
        "Dimensions": [{"Name": "TrainingJobName", "Value": "j"}],
    }
    assert (value, unit) == (0.25, "None")


def test_the_hosts_of_a_job_are_its_instances() -> None:
    found = job_instances(
        **PLACE, namespace="/aws/sagemaker/ProcessingJobs", job="j", pids={"algo-1": 7, "algo-2": 8}
    )
    assert [(host.dimensions, host.pid) for host in found] == [
        ({"Host": "j/algo-1"}, 7),
        ({"Host": "j/algo-2"}, 8),
    ]


def test_a_reading_is_two_percentages() -> None:
    reading = Reading(
        **PLACE, namespace="n", dimensions={"Host": "h"}, cpu_percent=12.34567, memory_percent=50.0
    )
    found = {key.name: (value, unit) for key, value, unit in reading.values()}
    assert found == {"CPUUtilization": (12.3457, "Percent"), "MemoryUtilization": (50.0, "Percent")}


def host(pid: int) -> Instance:
    """Return an instance that is one process."""
    return Instance(**PLACE, namespace="n", dimensions={"Host": str(pid)}, pid=pid)


def processes(**cpu_s: float) -> list[Process]:
    """Return a process table: seconds of processor time by `p<pid>`, and half of the memory each."""
    usages = {
        int(name[1:]): Usage(cpu_s=used, memory_bytes=MACHINE_BYTES // 2) for name, used in cpu_s.items()
    }
    return [Process(pid=pid, parent=1, usage=usage) for pid, usage in usages.items()]


def test_instances_that_come_and_go_are_read_between_two_looks() -> None:
    reader, hosts = InstanceReader(), [host(10), host(11)]
    assert list(reader.read(hosts, table=processes(p10=1.0), now_s=0.0)) == []
    (first,) = reader.read(hosts, table=processes(p10=3.0, p11=0.0), now_s=1.0)
    assert (first.dimensions, first.cpu_percent) == ({"Host": "10"}, 200.0)
    assert first.memory_percent == pytest.approx(50, abs=0.01)
    (second,) = reader.read(hosts, table=processes(p11=0.5), now_s=2.0)
    assert (second.dimensions, second.cpu_percent) == ({"Host": "11"}, 50.0)


def test_a_child_that_ended_is_no_negative_processor_time() -> None:
    reader = InstanceReader()
    assert list(reader.read([host(10)], table=processes(p10=9.0), now_s=0.0)) == []
    (found,) = reader.read([host(10)], table=processes(p10=2.0), now_s=0.0)
    assert found.cpu_percent == 0.0


OWN = (("FunctionName", "f"),)
BY_ALIAS, BY_VERSION = ((*OWN, ("Resource", f"f:{name}")) for name in ("live", "2"))
BY_BOTH = (("ExecutedVersion", "2"), *BY_ALIAS)


def kept_values(kept: Kept, **members: Any) -> dict[str, dict[Any, float]]:
    """Return what a call by the alias `live` tells of provisioned concurrency: name -> scope -> value."""
    call = function_call(kept=kept, **members)
    call.called = call.called._replace(qualifier="live")
    found: dict[str, dict[Any, float]] = {}
    for key, value, _ in call.values():
        if key.name.startswith("Provisioned"):
            assert key.dimensions not in found.setdefault(key.name, {}), "counted twice"
            found[key.name][key.dimensions] = value
    return found


def test_the_use_of_what_is_provisioned_is_told_by_who_has_it_and_by_what_was_called() -> None:
    assert "ProvisionedConcurrencyUtilization" not in {key.name for key, _, _ in function_call().values()}
    by_alias = kept_values(Kept(qualifier="live", utilization=0.5, running=1))
    assert by_alias == {
        "ProvisionedConcurrencyUtilization": {BY_ALIAS: 0.5},
        "ProvisionedConcurrentExecutions": {BY_ALIAS: 1},
        "ProvisionedConcurrencyInvocations": {OWN: 1, BY_ALIAS: 1, BY_BOTH: 1},
    }
    by_version = kept_values(Kept(qualifier="2", utilization=0.5, running=1))
    assert by_version == {
        "ProvisionedConcurrencyUtilization": {BY_ALIAS: 0.5, BY_VERSION: 0.5},
        "ProvisionedConcurrentExecutions": {BY_ALIAS: 1, BY_VERSION: 1},
        "ProvisionedConcurrencyInvocations": {OWN: 1, BY_ALIAS: 1, BY_BOTH: 1, BY_VERSION: 1},
    }


def test_what_spills_over_is_counted_and_a_throttle_is_not() -> None:
    spilled = Kept(qualifier="live", utilization=1.0, running=None)
    assert kept_values(spilled) == {
        "ProvisionedConcurrencyUtilization": {BY_ALIAS: 1.0},
        "ProvisionedConcurrencySpilloverInvocations": {OWN: 1, BY_ALIAS: 1, BY_BOTH: 1},
    }
    assert kept_values(spilled, is_throttled=True) == {"ProvisionedConcurrencyUtilization": {BY_ALIAS: 1.0}}


def test_what_is_claimed_is_what_is_allocated_and_what_runs_without_a_reservation() -> None:
    values = [
        (key.dimensions, value)
        for key, value, _ in function_call(allocated=7, unreserved=2).values()
        if key.name == "ClaimedAccountConcurrency"
    ]
    assert values == [((), 9)]


def test_what_becomes_of_a_queued_event_is_told_by_function_and_by_what_was_called() -> None:
    event = QueuedEvent(**PLACE, function="f", qualifier="live", metric="AsyncEventAge", value=20.0)
    assert [(key.dimensions, value, unit) for key, value, unit in event.values()] == [
        (scope, 20.0, "Milliseconds") for scope in (OWN, BY_ALIAS)
    ]
    dropped = QueuedEvent(**PLACE, function="f", qualifier=None, metric="AsyncEventsDropped")
    assert [(key.name, key.dimensions, value, unit) for key, value, unit in dropped.values()] == [
        ("AsyncEventsDropped", OWN, 1.0, "Count")
    ]


@pytest.mark.parametrize(
    ("waiting", "running", "instances", "expected"),
    [
        (3, 1, 2, {"ApproximateBacklogSize": 4, "ApproximateBacklogSizePerInstance": 2}),
        (3, 0, 0, {"ApproximateBacklogSize": 3, "HasBacklogWithoutCapacity": 1}),
        (0, 0, 0, {"ApproximateBacklogSize": 0}),
        (0, 0, 1, {"ApproximateBacklogSize": 0, "ApproximateBacklogSizePerInstance": 0}),
    ],
)
def test_a_queue_is_told_with_and_without_instances(
    waiting: int, running: int, instances: int, expected: dict[str, float]
) -> None:
    values = backlog_values("e", requests=waiting + running, waiting=waiting, instances=instances)
    found = {key.name: value for key, value, _ in values}
    assert found == {"HasBacklogWithoutCapacity": 0} | expected


def test_metrics_of_a_queue_are_of_the_endpoint_and_those_of_requests_of_the_variant() -> None:
    (key, _, unit), *_ = backlog_values("e", requests=0, waiting=0, instances=0)
    assert (key.namespace, key.dimensions, unit) == ("AWS/SageMaker", (("EndpointName", "e"),), "None")
    assert concurrent_key("e", "v").dimensions == (("EndpointName", "e"), ("VariantName", "v"))
