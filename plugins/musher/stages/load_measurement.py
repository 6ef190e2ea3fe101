"""Send a load, measure it, say what the simulator expects of it, and store all of that."""

import json
import logging
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import numpy as np
from airflow.sdk import get_current_context
from airflow.sdk.exceptions import AirflowFailException, AirflowRescheduleException
from numpy.typing import NDArray

from musher import names
from musher.hooks.autoscaling import find_scaling
from musher.hooks.connection import autoscaling_hook, s3_hook, sagemaker_hook
from musher.hooks.objects import upload
from musher.operators.base import HAND_OVER_S
from musher.operators.intent import is_given_up
from musher.payloads.autoscaling import ScalingPlan
from musher.results import (
    InstancePoint,
    LoadAdvice,
    LoadJobResult,
    LoadPrediction,
    LoadTestResult,
    Params,
)
from musher.scaling.advice import advise, unadvised
from musher.scaling.prediction import predict, unpredicted
from musher.stages.load_targets import find_instance_type, look_at, make_origin
from musher.stages.run import Run
from musher.traffic.arrivals import draw_arrivals
from musher.traffic.bins import bin_latencies
from musher.traffic.profiles import Profile, make_profile
from musher.traffic.targets import ENDPOINT, LoadTarget
from musher.traffic.watched import send_and_watch

logger = logging.getLogger(__name__)

MEASURED = (
    "is_complete",
    "sent",
    "succeeded",
    "failed",
    "dropped",
    "errors",
    "sent_per_s",
    "succeeded_per_s",
    "latency",
    "service",
    "lateness",
    "warnings",
)


def measure(run: Run, target: LoadTarget) -> LoadTestResult:
    """Run the load test to its end, or to SIGTERM; store all of it, and return what matters."""
    started = time.monotonic()
    profile = plan_load(run.params)
    origin = make_origin(run.settings, target, seconds=run.params["load_test_s"])
    logger.info("%s: %d images, %s", target.name, len(target.images), profile)
    fleet = look_up_fleet(run, target)  # before the load: SIGTERM leaves no time for it
    look = look_at(sagemaker_hook(run.settings), target)
    measured, instances = send_and_watch(profile, origin, look=look)
    record = make_record(run, target, fleet, measured=measured, instances=instances)
    uri = store(run, record)
    if not measured["is_complete"]:
        leave(uri)
    return summarize(record, uri=uri, seconds=time.monotonic() - started, job=None)


@dataclass(frozen=True, kw_only=True)
class Fleet:
    """What serves a target: the type of its instances and how they scale, where that can be said."""

    instance_type: str | None
    scaling: ScalingPlan | None


def look_up_fleet(run: Run, target: LoadTarget) -> Fleet:
    """Return what serves the target now."""
    instance_type = find_instance_type(sagemaker_hook(run.settings), target)
    return Fleet(instance_type=instance_type, scaling=plan_of(run, target))


def make_record(
    run: Run,
    target: LoadTarget,
    fleet: Fleet,
    *,
    measured: dict[str, Any],
    instances: list[InstancePoint],
) -> dict[str, Any]:
    """Return all that is stored: what was measured, what the simulator says of it, and what is drawn."""
    profile, scaling, instance_type = plan_load(run.params), fleet.scaling, fleet.instance_type
    began = datetime.fromtimestamp(measured["started_at_s"], UTC)
    record: dict[str, Any] = {
        "target": target.name,
        "instance_type": instance_type,
        "images": list(target.images),
        "began_at": began.isoformat(timespec="seconds"),
        "scaling": describe_scaling(scaling),
        "instances": list(instances),
        "predicted": predict_load(measured, profile, instances=instances, scaling=scaling),
        "advice": advise_load(
            measured, profile, instances=instances, instance_type=instance_type, goal_ms=goal_of(run.params)
        ),
        "measured": measured,
    }
    return add_drawing(record, profile)


def plan_load(params: Params) -> Profile:
    """Return the load that the run's Params ask for."""
    return make_profile(
        params["load_test_profile"],
        rate=params["load_test_rate"],
        peak_rate=params["load_test_peak_rate"],
        duration_s=float(params["load_test_s"]),
    )


def plan_of(run: Run, target: LoadTarget) -> ScalingPlan | None:
    """Return how the target scales; None where it does not."""
    if target.kind != ENDPOINT:
        return None
    return find_scaling(autoscaling_hook(run.settings), endpoint_name=target.name)


def describe_scaling(scaling: ScalingPlan | None) -> dict[str, str | float] | None:
    """Return what the report shows of a policy."""
    if scaling is None:
        return None
    return {
        "metric": scaling.metric,
        "target": scaling.target,
        "min_instances": scaling.min_instances,
        "max_instances": scaling.max_instances,
    }


def predict_load(
    measured: dict[str, Any],
    profile: Profile,
    *,
    instances: list[InstancePoint],
    scaling: ScalingPlan | None,
) -> LoadPrediction:
    """Return what the simulator says of this load, or why it says nothing."""
    if not measured["is_complete"]:
        return unpredicted("The load test was stopped before its end.")
    if not instances:
        return unpredicted("The number of instances is not known.")
    arrivals = count_arrivals(profile)
    return predict(measured, arrivals=arrivals, instances=max(1, instances[0]["current"]), scaling=scaling)


def count_arrivals(profile: Profile) -> NDArray[np.int64]:
    """Return the requests that are due in each second."""
    seconds = np.fromiter((int(due_s) for due_s in draw_arrivals(profile)), dtype=np.int64)
    return np.bincount(seconds, minlength=int(np.ceil(profile.duration_s)))


def goal_of(params: Params) -> float | None:
    """Return the milliseconds that a p99 may have: the load test's limit, else the alarm's, if any."""
    limit = params["load_test_max_p99_ms"] or params.get("max_latency_ms")
    return None if limit is None else float(limit)


def advise_load(
    measured: dict[str, Any],
    profile: Profile,
    *,
    instances: list[InstancePoint],
    instance_type: str | None,
    goal_ms: float | None,
) -> LoadAdvice:
    """Return what the simulator would set for this load, or why it says nothing."""
    if not measured["is_complete"]:
        return unadvised("The load test was stopped before its end.")
    if not instances:
        return unadvised("The number of instances is not known.")
    return advise(
        measured,
        arrivals=count_arrivals(profile),
        instances=max(1, instances[0]["current"]),
        instance_type=instance_type,
        goal_ms=goal_ms,
    )


def add_drawing(record: dict[str, Any], profile: Profile) -> dict[str, Any]:
    """Return the record with what the report draws: bins of latencies, and the rate due in each window."""
    measured = record["measured"]
    half_s = measured["window_s"] / 2
    due = [
        {"at_s": row["start_s"] + half_s, "per_s": round(profile.rate_at(row["start_s"] + half_s), 3)}
        for row in measured["windows"]
    ]
    return {**record, "bins": bin_latencies(measured["latency_histogram"]), "due": due}


def store(run: Run, record: dict[str, Any]) -> str:
    """Put all that was measured beside the run's report; return its address."""
    key = names.load_test_key(run.settings, dag_id=run.dag_id, run_id=run.run_id)
    data = json.dumps(record, allow_nan=False).encode()
    return upload(s3_hook(run.settings), run.settings, key=key, data=data, content_type="application/json")


def leave(uri: str) -> None:
    """End a task that was told to: for good where a person wants that, else another worker measures anew."""
    logger.warning("stopped before its end; what was measured is at %s", uri)
    if is_given_up(get_current_context()["ti"]):
        raise AirflowFailException(f"the load test was cancelled; what was measured is at {uri}")
    when = datetime.now(UTC) + timedelta(seconds=HAND_OVER_S)
    raise AirflowRescheduleException(when)  # type: ignore[no-untyped-call]  # Airflow's


def summarize(
    record: dict[str, Any], *, uri: str, seconds: float, job: LoadJobResult | None
) -> LoadTestResult:
    """Return what travels on; `job` is the one that sent the load, if any."""
    measured = record["measured"]
    result = {
        **{name: record[name] for name in ("target", "instances", "predicted")},
        **{name: measured[name] for name in MEASURED},
        "output_uri": uri,
        "job": job,
        "seconds": round(seconds, 3),
    }
    return cast(LoadTestResult, result)
