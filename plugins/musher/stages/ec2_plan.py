"""Plan a training job on an EC2 instance: what it reads, with which options, on what."""

import hashlib
import re
from pathlib import Path

from musher import names
from musher.errors import PayloadError
from musher.hooks.connection import s3_hook
from musher.hooks.objects import download
from musher.images import GPU_INSTANCE
from musher.payloads.ec2 import Ec2Plan, build_run_instances
from musher.payloads.training import as_text
from musher.results import Params, Request, StagedDataset, TrainingJobResult, TuningResult
from musher.stages.ec2_checks import find_chosen_image, find_groups
from musher.stages.jobs import (
    Code,
    find_chosen_weights,
    needs_images,
    training_channels,
    training_options,
    upload_code,
)
from musher.stages.run import Run
from musher.stages.training_files import read_training_file

TEMPLATE = "ec2_user_data.sh"
CPU_INDEX = "https://download.pytorch.org/whl/cpu"
"""Where torch has no CUDA in it, which is thirty times as large."""
VERSION = r"^ARG {}_VERSION=(\S+)$"


def choose_channels(
    run: Run, *, dataset: StagedDataset, features: TrainingJobResult | None
) -> dict[str, str]:
    """Return what the instance reads: the same as SageMaker's job."""
    weights = find_chosen_weights(run)
    with_images = needs_images(job_params(run.params))
    return training_channels(dataset, features=features, weights=weights, with_images=with_images)


def job_params(params: Params) -> dict[str, object]:
    """Return the run's Params, with what the checks of SageMaker's jobs ask for beside them."""
    kind = f"ml.{params['ec2_instance_type']}"
    return {"endpoint_instance_type": "", **params, "instance_type": kind}


def request_training(
    run: Run, *, dataset: StagedDataset, features: TrainingJobResult | None, tuning: TuningResult | None
) -> Request:
    """Return the RunInstances request, in which the best trial's values replace the Params'."""
    folder = run.settings.training_dir
    code = upload_code(run)
    image = find_chosen_image(run.settings, run.params)
    options = {
        **training_options(run.with_params(job_params(run.params)), find_chosen_weights(run)),
        **(tuning["best"]["hyperparameters"] if tuning else {}),
    }
    plan = Ec2Plan(
        job_name=names.instance_job(run.settings, slug=run.slug),
        code_uri=code.uri,
        code_sha256=hash_stored(run, code),
        options={name: as_text(value) for name, value in options.items()},
        channels=choose_channels(run, dataset=dataset, features=features),
        instance_type=run.params["ec2_instance_type"],
        image_id=image.image_id,
        root_device=image.root_device,
        volume_gb=int(run.params["ec2_volume_gb"]),
        limit_s=int(run.params["max_runtime_s"]),
        is_spot=bool(run.params["ec2_use_spot"]),
        tags=run.tags,
        torch=torch_packages(folder / "Dockerfile", instance_type=run.params["ec2_instance_type"]),
        subnet=next(iter(run.settings.subnets), ""),
        security_groups=find_groups(run.settings),
    )
    return build_run_instances(run.settings, plan=plan, template=read_training_file(folder / TEMPLATE))


def hash_stored(run: Run, code: Code) -> str:
    """Return the SHA-256 of the archive as it lies in S3: another zlib may have packed it first."""
    return hashlib.sha256(download(s3_hook(run.settings), uri=code.uri)).hexdigest()


def torch_packages(dockerfile: Path, *, instance_type: str) -> dict[str, list[str]]:
    """Return with which words pip installs the torch of the model image."""
    text, found = read_training_file(dockerfile), []
    for package in ("torch", "torchvision"):
        version = re.search(VERSION.format(package.upper()), text, re.MULTILINE)
        if version is None:
            raise PayloadError(f"{dockerfile} names no version of {package}. Restore its ARG.")
        found.append(f"{package}=={version[1]}")
    has_gpu = re.match(GPU_INSTANCE, instance_type)
    return {"packages": found, "pip_options": [] if has_gpu else ["--index-url", CPU_INDEX]}
