"""What the stages that start jobs share: code, weights, channels, options and limits."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from musher import names
from musher.errors import PayloadError
from musher.hooks.connection import s3_hook
from musher.hooks.objects import upload_once
from musher.hooks.weights import Weights, find_weights
from musher.images import GPU_INSTANCE
from musher.packaging import REQUIREMENTS, pack_source
from musher.params.form import OPTIONS
from musher.payloads.training import TRAIN, TrainingPlan
from musher.payloads.tuning import Ranges, check_ranges
from musher.results import Params
from musher.settings import Settings
from musher.stages.run import Run
from musher.stages.training_files import read_training_file

IMAGES = ("train", "valid", "test")

Result = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Code:
    """The training code as it lies in S3, and the hash of its files."""

    uri: str
    code_hash: str


def upload_code(run: Run, *, requirements: str = REQUIREMENTS) -> Code:
    """Upload the training code with a job's list of packages, named by their hash, unless it is there."""
    archive = pack_source(folder=run.settings.training_dir, requirements=requirements)
    key = names.source_key(run.settings, code_hash=archive.code_hash)
    uri = upload_once(s3_hook(run.settings), run.settings, key=key, data=archive.body)
    return Code(uri=uri, code_hash=archive.code_hash)


def find_chosen_weights(run: Run) -> Weights | None:
    """Return the pre-trained weights that the run asks for, having looked at them; None for random ones."""
    uri = run.params["weights_uri"]
    if not uri:
        return None
    return find_weights(s3_hook(run.settings), uri=uri, architecture=run.params["architecture"])


def image_channels(dataset: Result, weights: Weights | None) -> dict[str, str]:
    """Return the channels of a job that reads images."""
    channels = {name: dataset[f"{name}_uri"] for name in (*IMAGES, "manifest")}
    return channels if weights is None else {**channels, "weights": weights.uri}


def training_channels(
    dataset: Result, *, features: Result | None, weights: Weights | None, with_images: bool
) -> dict[str, str]:
    """Return the channels of a job that trains: images, or a frozen backbone's features.

    With features, the images are there only `with_images`: see `needs_images`.
    """
    channels = image_channels(dataset, weights)
    if features is None:
        return channels
    if not with_images:
        channels = {name: uri for name, uri in channels.items() if name not in IMAGES}
    return {**channels, "features": features["model_uri"]}


def training_options(run: Run, weights: Weights | None) -> dict[str, object]:
    """Return the options of train.py that the run's Params give; PayloadError for contradictions."""
    if found := contradictory_options(run.params):
        raise PayloadError(" ".join(found))
    options: dict[str, object] = {name: run.params[name] for name in OPTIONS}
    return {**options, "init": "random" if weights is None else "pretrained"}


def contradictory_options(params: Params) -> list[str]:
    """Return a sentence for each pair of Params that no training could follow."""
    found = []
    if params["finetune_epochs"] and not params["freeze_backbone"]:
        found.append(
            f"finetune_epochs is {params['finetune_epochs']}: these epochs follow others with a frozen "
            "backbone. Set freeze_backbone, or finetune_epochs to 0."
        )
    if params["precision"] == "fp16" and not re.match(GPU_INSTANCE, params["instance_type"]):
        found.append(
            f"precision is fp16, which needs a GPU, and instance_type is {params['instance_type']}. "
            "Choose an instance with one (ml.g5.xlarge), or the precision auto, fp32 or bf16."
        )
    if params["int8"] and re.match(GPU_INSTANCE, params["endpoint_instance_type"]):
        found.append(
            f"int8 is for CPUs, and endpoint_instance_type is {params['endpoint_instance_type']}, on whose "
            "GPU torch serves in floats. Choose an instance without one (ml.c5.large), or leave int8 out."
        )
    return found


def needs_images(params: Params) -> bool:
    """Return whether training needs the images themselves, where it has a frozen backbone's features."""
    return bool(params["finetune_epochs"] or params["int8"])


def plan_ranges(run: Run, *, dataset: Result) -> Ranges:
    """Return the ranges that the run's Params give; PayloadError where the data cannot fill a batch."""
    low, high = run.params["learning_rate_min"], run.params["learning_rate_max"]
    ranges = {
        "learning_rate": {"type": "continuous", "min": low, "max": high, "scale": "log"},
        "batch_size": {"type": "categorical", "values": run.params["batch_sizes"]},
    }
    check_ranges(ranges, images=dataset["images"]["train"], instances=run.params["instance_count"])
    return ranges


def plan_one_instance(
    run: Run,
    *,
    job_name: str,
    code: Code,
    channels: Mapping[str, str],
    hyperparameters: Mapping[str, object],
    program: str = TRAIN,
) -> TrainingPlan:
    """Return the plan of a job on one instance, with the run's limits and tags."""
    return TrainingPlan(
        job_name=job_name,
        source_uri=code.uri,
        channels=channels,
        hyperparameters=hyperparameters,
        instance_type=run.params["instance_type"],
        instance_count=1,
        max_runtime_s=run.params["max_runtime_s"],
        metric_definitions=load_metric_definitions(run.settings),
        tags=run.tags,
        program=program,
        max_wait_s=spot_wait_s(run.params),
    )


def spot_wait_s(params: Params) -> int | None:
    """Return how long a job may take with its interruptions; None without spot capacity."""
    return params["max_wait_s"] if params["use_spot"] else None


def load_metric_definitions(settings: Settings) -> list[dict[str, str]]:
    """Return the names and patterns of the metrics that the programs of training/ print."""
    path = settings.training_dir / "metric_definitions.json"
    try:
        definitions: list[dict[str, str]] = json.loads(read_training_file(path))
    except json.JSONDecodeError as error:
        raise PayloadError(f"{path} is not JSON: {error}. Restore it.") from error
    return definitions
