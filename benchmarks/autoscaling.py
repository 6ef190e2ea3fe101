"""Measure whether a live endpoint grows, shrinks and changes its model without losing a request.

Claim: on localaws at --speed 60, a spike takes an endpoint from one instance to three and back, as
musher.scaling predicts it from what was measured on one instance before; a canary that answers 500 is taken
back by its alarm; updates under load lose nothing. The load is musher.traffic's, an open loop in a process of
its own; the model sleeps 80 ms for each request, one at a time. All of it in one run:

failed                  requests of the spike that failed or were never sent
instances_error_max     localaws' instances less the simulator's, means of AWS minutes, the largest difference
p95_error               |predicted / measured - 1| of the p95 of the whole load
lost_beyond_canary      requests that failed under the bad canary and were not answered by it
rollback_periods        periods of the alarm (a minute) from the canary's first traffic to the way back
update_failed           requests lost by three updates with a good model: all at once, canary, rolling
*failures               AWS's words for requests that failed

The simulator's inputs: service times of a load without waiting, the seconds in which an instance starts and
ends, and the minutes after which an alarm knows of a metric. `seconds_apart` are the AWS seconds in which
both numbers of instances differ.
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

import benchmarks.source_paths  # noqa: F401 - finds musher
from benchmarks.live_endpoint import (
    VARIANT,
    AwsClock,
    LiveEndpoint,
    Look,
    alarm_on,
    make_endpoint,
    read_clock,
    read_metric,
    watching,
)
from benchmarks.scaling_comparison import (
    MINUTE_S,
    Measured,
    count_arrivals,
    largest_error,
    lay_out,
    list_changes,
    predict,
    split_service,
)
from benchmarks.sent_load import sending
from benchmarks.servers import client, free_port, localaws_argv, running
from benchmarks.tables import print_table
from musher.payloads.choices import ALL_AT_ONCE, CANARY, ROLLING
from musher.payloads.updates import UpdatePolicy, build_update
from musher.scaling.policies import ScalingPlan, TargetTracking
from musher.traffic.arrivals import draw_arrivals
from musher.traffic.profiles import Spike
from scripts.verdict import count_lost

SPEED = 60.0
NAME = "scaled"
LEAST, MOST = 1, 3
TARGET = 1.2
"""Invocations of an instance in an AWS minute, which is a second here: a tenth of what it can do."""
COOLDOWN_S = 30
LOW_RATE, HIGH_RATE = 0.1, 7.0
"""Requests a second here; the higher one keeps one instance busy for more than half of the time."""
BEFORE_S, PEAK_S, AFTER_S = 4.0, 80.0, 42.0
CALIBRATION_RATE, CALIBRATION_S = 5.0, 35.0
"""Evenly spaced, so that none waits for another."""
CHANGES = 3
"""Starts and ends of an instance that are measured."""
UPDATE_RATE = 20.0
CANARY_PERCENT, BAKE_S = 25, 120
"""The bad canary would bake an hour."""
MAX_ERROR_SHARE = 0.05
SEED = 7
POLICIES = (ALL_AT_ONCE, CANARY, ROLLING)
ERRORS = "scaled-errors"


@dataclass(frozen=True, kw_only=True)
class Bench:
    """What the parts of the benchmark work on."""

    endpoint: LiveEndpoint
    port: int
    clock: AwsClock
    folder: Path
    scaler: Any = field(repr=False)
    """A client of Application Auto Scaling."""
    cloudwatch: Any = field(repr=False)

    @property
    def place(self) -> dict[str, str]:
        """Return the members that name the scalable target."""
        return {
            "ServiceNamespace": "sagemaker",
            "ResourceId": f"endpoint/{NAME}/variant/{VARIANT}",
            "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
        }

    def sending(self, *load: str, is_stopped: bool = False) -> Any:
        """Send a load to the endpoint while a block runs."""
        return sending(*load, endpoint=NAME, port=self.port, folder=self.folder, is_stopped=is_stopped)


def constant(rate: float, duration_s: float, *, spacing: str = "poisson") -> tuple[str, ...]:
    """Return the options of an even load."""
    given = {"--rate": rate, "--duration-s": duration_s, "--spacing": spacing}
    return tuple(str(part) for pair in given.items() for part in pair)


def measure_one_instance(bench: Bench) -> Measured:
    """Measure on one instance what the simulator asks for."""
    watch = alarm_on("Invocations", name="probe", endpoint=NAME, threshold=0)
    bench.cloudwatch.put_metric_alarm(**watch)
    with bench.sending(*constant(CALIBRATION_RATE, CALIBRATION_S, spacing="even")) as result:
        pass
    if count_lost(result):
        raise RuntimeError(f"the load before the spike failed: {result['errors']}")
    changes = [(bench.endpoint.scale(LEAST + 1), bench.endpoint.scale(LEAST)) for _ in range(CHANGES)]
    service, overhead_s = split_service(result, model_latency_s=read_model_latency_s(bench), speed=SPEED)
    return Measured(
        service=service,
        overhead_s=overhead_s,
        start_s=statistics.median(start_s for start_s, _ in changes) * SPEED,
        stop_s=statistics.median(stop_s for _, stop_s in changes) * SPEED,
        metric_delay_min=read_delay(bench),
    )


def read_model_latency_s(bench: Bench) -> float:
    """Return the mean of what the instance has taken for a request until now."""
    minutes = read_metric(bench.cloudwatch, "ModelLatency", endpoint=NAME, clock=bench.clock)
    return sum(minute.total for minute in minutes) / sum(minute.count for minute in minutes) / 1e6


def read_delay(bench: Bench) -> int:
    """Return the whole minutes from the end of the first minute with requests to the alarm that saw them."""
    history = bench.cloudwatch.describe_alarm_history(AlarmName="probe", HistoryItemType="StateUpdate")
    seen = [item for item in history["AlarmHistoryItems"] if "to ALARM" in item["HistorySummary"]]
    seen_s = min(item["Timestamp"].timestamp() for item in seen)
    minutes = read_metric(bench.cloudwatch, "Invocations", endpoint=NAME, clock=bench.clock)
    ended_s = next(minute.start_s for minute in minutes if minute.total) + MINUTE_S
    return int((seen_s - ended_s) // MINUTE_S)


def register(bench: Bench, *, least: int, most: int) -> None:
    """Set the bounds of the instances."""
    bench.scaler.register_scalable_target(**bench.place, MinCapacity=least, MaxCapacity=most)


def track(bench: Bench) -> None:
    """Let the endpoint scale with its invocations."""
    register(bench, least=LEAST, most=MOST)
    metric = {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"}
    bench.scaler.put_scaling_policy(
        **bench.place,
        PolicyName="load",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration={
            "TargetValue": TARGET,
            "PredefinedMetricSpecification": metric,
            "ScaleOutCooldown": COOLDOWN_S,
            "ScaleInCooldown": COOLDOWN_S,
        },
    )


def plan_scaling() -> ScalingPlan:
    """Return the same policy as the simulator takes it."""
    policy = TargetTracking(target=TARGET, scale_out_cooldown_s=COOLDOWN_S, scale_in_cooldown_s=COOLDOWN_S)
    return ScalingPlan(name="load", initial=LEAST, min_capacity=LEAST, max_capacity=MOST, policies=[policy])


def draw_spike() -> list[float]:
    """Return the moments of the spike's requests, in seconds here after its start."""
    spike = Spike(
        rate=LOW_RATE,
        peak_rate=HIGH_RATE,
        peak_at_s=BEFORE_S,
        peak_for_s=PEAK_S,
        duration_s=BEFORE_S + PEAK_S + AFTER_S,
    )
    return list(draw_arrivals(spike, spacing="poisson", seed=SEED))


def measure_spike(bench: Bench, measured: Measured) -> dict[str, Any]:
    """Send the spike, and hold what came of it against the prediction."""
    moments = draw_spike()
    trace = bench.folder / "spike.csv"
    trace.write_text("offset_s\n" + "".join(f"{moment:.6f}\n" for moment in moments))
    with (
        watching(bench.endpoint) as looks,
        bench.sending("--profile", "replay", "--trace", str(trace)) as result,
    ):
        pass
    began_s = bench.clock.at(result["started_at_s"])
    minute_s = began_s // MINUTE_S * MINUTE_S
    length_s = int(began_s - minute_s + moments[-1] * SPEED)
    due_s = [began_s - minute_s + moment * SPEED for moment in moments]
    outcome = predict(count_arrivals(due_s, length_s=length_s), measured=measured, plan=plan_scaling())
    seen_s = [bench.clock.at(look.real_s) - minute_s for look in looks]
    had = lay_out(seen_s, [look.serving for look in looks], length_s=length_s)
    predicted_ms = (outcome.latencies.p95_ms + measured.overhead_s * 1000) / SPEED
    p95_ms = result["latency"]["p95_ms"]
    return {
        "failed": count_lost(result),
        "highest": int(had.max()),
        "at_end": int(had[-1]),
        "instances_error_max": round(largest_error(had, outcome.in_service), 2),
        "seconds_apart": int(np.sum(had != outcome.in_service)),
        "changes": list_changes(had),
        "changes_predicted": list_changes(outcome.in_service),
        "p95_ms": round(p95_ms, 1),
        "p95_predicted_ms": round(predicted_ms, 1),
        "p95_error": round(abs(predicted_ms / p95_ms - 1), 3),
        "lateness_p99_ms": result["lateness"]["p99_ms"],
        "requests": result["sent"],
        "errors": result["errors"],
        "failures": result["failures"],
    }


def update(bench: Bench, *, config: str, policy: UpdatePolicy, instances: int) -> None:
    """Begin an update as Musher asks for it."""
    bench.endpoint.sagemaker.update_endpoint(
        **build_update(endpoint_name=NAME, endpoint_config_name=config, policy=policy, instances=instances)
    )


def measure_bad_canary(bench: Bench, *, instances: int) -> dict[str, Any]:
    """Update to a model that raises, under an alarm on its errors."""
    config = bench.endpoint.make_config("broken", BROKEN="1")
    bench.cloudwatch.put_metric_alarm(
        **alarm_on("Invocation5XXErrors", name=ERRORS, endpoint=NAME, threshold=MAX_ERROR_SHARE)
    )
    policy = UpdatePolicy(kind=CANARY, share_percent=CANARY_PERCENT, bake_s=3600, alarms=(ERRORS,))
    load = bench.sending(*constant(UPDATE_RATE, 600), is_stopped=True)
    with load as result, watching(bench.endpoint) as looks:
        update(bench, config=config, policy=policy, instances=instances)
        bench.endpoint.wait_in_service(instances)
    minutes = read_metric(
        bench.cloudwatch, "Invocation5XXErrors", endpoint=NAME, clock=bench.clock, config=config
    )
    canary = round(sum(minute.total for minute in minutes))
    return {
        "canary_failed": canary,
        "lost_beyond_canary": max(0, count_lost(result) - canary),
        "canary_failures": result["failures"],
        "rollback_periods": round(canary_s(looks) * SPEED / MINUTE_S, 2),
        "is_back": describe_config(bench) != config,
    }


def canary_s(looks: Sequence[Look]) -> float:
    """Return the real seconds from a canary's first traffic to the way back."""
    began_s = next(look.real_s for look in looks if look.phase in ("ActivatingTraffic", "Baking"))
    return (
        next(look.real_s for look in looks if look.real_s > began_s and look.status != "Updating") - began_s
    )


def describe_config(bench: Bench) -> str:
    """Return the configuration that serves."""
    return str(bench.endpoint.sagemaker.describe_endpoint(EndpointName=NAME)["EndpointConfigName"])


def measure_updates(bench: Bench, *, instances: int) -> dict[str, Any]:
    """Update to a good model in each way, one after the other, under one load."""
    for number, kind in enumerate(POLICIES):
        bench.endpoint.make_config(f"good-{number}-{kind.replace('_', '-')}")
    taken = []
    with bench.sending(*constant(UPDATE_RATE, 600), is_stopped=True) as result:
        for number, kind in enumerate(POLICIES):
            config = f"good-{number}-{kind.replace('_', '-')}"
            share = 50 if kind == ROLLING else CANARY_PERCENT
            policy = UpdatePolicy(kind=kind, share_percent=share, bake_s=BAKE_S, alarms=(ERRORS,))
            update(bench, config=config, policy=policy, instances=instances)
            bench.endpoint.wait_in_service(instances)
            taken.append(describe_config(bench) == config)
    return {
        "updates": sum(taken),
        "update_requests": result["sent"],
        "update_failed": count_lost(result),
        "update_errors": result["errors"],
        "update_failures": result["failures"],
    }


def measure(port: int, folder: Path) -> dict[str, Any]:
    """Run all parts on one endpoint."""
    cloudwatch = client("cloudwatch", port=port)
    bench = Bench(
        endpoint=make_endpoint(NAME, port=port),
        port=port,
        clock=read_clock(cloudwatch, speed=SPEED),
        folder=folder,
        scaler=client("application-autoscaling", port=port),
        cloudwatch=cloudwatch,
    )
    measured = measure_one_instance(bench)
    inputs = {
        "service_ms": round(measured.service.mean_s * 1000 / SPEED, 1),
        "overhead_ms": round(measured.overhead_s * 1000 / SPEED, 1),
        "start_s": round(measured.start_s, 1),
        "stop_s": round(measured.stop_s, 1),
        "metric_delay_min": measured.metric_delay_min,
    }
    track(bench)
    found = measure_spike(bench, measured)
    register(bench, least=MOST, most=MOST)
    bench.endpoint.wait_in_service(MOST)
    return {
        **found,
        **inputs,
        **measure_bad_canary(bench, instances=MOST),
        **measure_updates(bench, instances=MOST),
    }


def main() -> None:
    """Run it once; print a table and a JSON object."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter).parse_args()
    port, started = free_port(), time.monotonic()
    argv = [*localaws_argv(port), "--speed", str(SPEED)]
    with tempfile.TemporaryDirectory() as folder, running("localaws", argv, port=port):
        result = measure(port, Path(folder))
    result["seconds"] = round(time.monotonic() - started, 1)
    print_table(["figure", "value"], list(result.items()))
    print(json.dumps(result))


if __name__ == "__main__":
    main()
