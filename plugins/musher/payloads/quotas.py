"""Tell what a run needs of the account's quotas, and judge what Service Quotas answers.

https://docs.aws.amazon.com/general/latest/gr/sagemaker.html#limits_sagemaker
"""

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from musher.payloads.choices import SERVERLESS, WORKER
from musher.payloads.shadows import count_instances
from musher.payloads.tuning import STRATEGIES

SERVICE = "sagemaker"
TRAINING, SPOT, ENDPOINT = "training job usage", "spot training job usage", "endpoint usage"
TRANSFORM, PROCESSING = "transform job usage", "processing job usage"
NOTEBOOK = "notebook instance usage"


@dataclass(frozen=True, kw_only=True)
class Need:
    """How many instances of a type a run has at the same time for one use, and which Params say so."""

    use: str
    instance_type: str
    instances: int
    params: str

    @property
    def quota(self) -> str:
        """Return the quota's name, as Service Quotas lists it."""
        return f"{self.instance_type} for {self.use}"


def list_needs(params: Mapping[str, Any]) -> list[Need]:
    """Return what a run needs: its widest job, its endpoint with a shadow, and the jobs that it may have."""
    widest = [("instance_count", int(params["instance_count"]))]
    if params["tuning_strategy"] in STRATEGIES:
        trials = min(int(params["tuning_parallel"]), int(params["tuning_trials"]))
        widest.append(("tuning_parallel", trials))
    name, instances = max(widest, key=lambda found: found[1])
    serving = {
        "instance_type": params["endpoint_instance_type"],
        "instances": int(params["endpoint_instance_count"]),
        "params": "endpoint_instance_type, endpoint_instance_count",
    }
    in_service = _with_shadow(serving, percent=int(params["comparison_percent"]))
    return [
        Need(
            use=SPOT if params["use_spot"] else TRAINING,
            instance_type=params["instance_type"],
            instances=instances,
            params=f"instance_type, {name}",
        ),
        *([] if params["endpoint_kind"] == SERVERLESS else [Need(use=ENDPOINT, **in_service)]),
        *([Need(use=TRANSFORM, **serving)] if params["batch_input"] else []),
        *list_load_needs(params),
    ]


def list_load_needs(params: Mapping[str, Any]) -> list[Need]:
    """Return what the job needs that sends the run's load, if one does."""
    where = params["load_test_on"]
    if where == WORKER:
        return []
    return [Need(use=PROCESSING, instance_type=where, instances=1, params="load_test_on")]


def _with_shadow(serving: Mapping[str, Any], *, percent: int) -> dict[str, Any]:
    """Return what an endpoint needs while it has a shadow, on instances of the same type."""
    if not percent:
        return dict(serving)
    instances = serving["instances"] + count_instances(production=serving["instances"], percent=percent)
    return {**serving, "instances": instances, "params": f"{serving['params']}, comparison_percent"}


def judge_quotas(needs: Iterable[Need], *, quotas: Mapping[str, float], region: str) -> list[str]:
    """Return a sentence for each quota that is too small, or that AWS does not have."""
    return [text for need in needs if (text := _judge(need, quotas=quotas, region=region))]


def _judge(need: Need, *, quotas: Mapping[str, float], region: str) -> str | None:
    value = quotas.get(need.quota)
    if value is None:
        near = difflib.get_close_matches(need.quota, quotas, n=1)
        like = f"The nearest that there is: {near[0]!r}. " if near else ""
        return (
            f"{need.params}: AWS has no quota {need.quota!r} in {region}, so it has no such instances for "
            f"this use. {like}Choose another type."
        )
    if value >= need.instances:
        return None
    return (
        f"{need.params}: the run needs {need.instances} x {need.instance_type}, and the account's quota "
        f"{need.quota!r} in {region} is {value:g}. Ask for more in the Service Quotas console, "
        "which takes AWS minutes to days, or choose another type."
    )
