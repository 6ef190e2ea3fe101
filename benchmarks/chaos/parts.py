"""The parts of the pipeline that cases are made of: which tasks, with which Params."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

BASE: Mapping[str, Any] = {
    "tuning_strategy": "none",
    "epochs": 1,
    "batch_size": 32,
    "instance_count": 1,
    "min_accuracy": 0,
    "max_accuracy_drop": 1,
    "max_runtime_s": 86400,
}
"""The smallest training: one instance, one pass over some images, and any model is good enough.

A job's limit counts in AWS's seconds, of which there are many in one: a slow machine must not reach it."""


@dataclass(frozen=True, kw_only=True)
class PartOfPipeline:
    """Some of the DAG's tasks, run between another run's results and the run's ends."""

    name: str
    project: str = "musher"
    tasks: tuple[str, ...]
    """Tasks and groups."""
    conf: Mapping[str, Any] = field(default_factory=dict)
    is_alone: bool = False
    """Whether it begins with nothing in the bucket, and takes no other run's results."""
    forgets: tuple[str, ...] = ()
    """What is removed from the bucket before each run, below the project's prefix: it is stored only once."""
    has_ends: bool = False
    """Whether the calls of its report and its teardown are broken, too: they are much the same for all."""
    rests: tuple[str, ...] = ()
    """Faults that are left out, as the part takes long."""

    @property
    def is_live(self) -> bool:
        """Return whether it changes what stays in operation."""
        return bool(self.conf.get("lifetime") == "live")


DEPLOYMENT = ("deploy", "deploy_lambda", "smoke_test", "autoscale")

PARTS = (
    PartOfPipeline(name="live", tasks=(*DEPLOYMENT, "report"), conf={"lifetime": "live"}, has_ends=True),
    PartOfPipeline(
        name="stage",
        project="chaos",
        tasks=("stage_dataset", "preflight", "build_image"),
        conf={"lifetime": "trial"},
        is_alone=True,
        forgets=("datasets",),
    ),
    PartOfPipeline(
        name="train",
        tasks=("train", "evaluate"),
        conf={"lifetime": "trial"},
        forgets=("code",),
        rests=("throttle", "error-503", "slow", "timeout"),
    ),
    PartOfPipeline(
        name="tune",
        tasks=("tune",),
        conf={
            "lifetime": "trial",
            "tuning_strategy": "Random",
            "tuning_trials": 1,
            "tuning_parallel": 1,
            "tuning_epochs": 1,
            "batch_sizes": [32],
        },
        rests=("throttle", "error-503", "slow", "timeout", "stale", "throttled"),
    ),
    PartOfPipeline(name="register", tasks=("register_model", "gate"), conf={"lifetime": "trial"}),
    PartOfPipeline(
        name="trial",
        tasks=(*DEPLOYMENT, "report"),
        conf={"lifetime": "trial"},
        forgets=("lambda",),
        has_ends=True,
    ),
)
"""In this order: once something has been released twice, what is live looks the same for all that follow.
Each run ends with `teardown`."""

BY_NAME = {part.name: part for part in PARTS}
