"""The environment of one host's container: the SM_* variables of the SageMaker training toolkit, and our own.

Source: ENVIRONMENT_VARIABLES.md and environment.py of https://github.com/aws/sagemaker-training-toolkit.
"""

import functools
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from localaws.sagemaker.training import hyperparameters as hp
from localaws.sagemaker.training.container import (
    NETWORK_INTERFACE,
    Folders,
    input_data_config,
    resource_config,
)
from localaws.sagemaker.training.spec import TrainingSpec

FRAMEWORK_MODULE = "sagemaker_pytorch_container.training:main"
"""What the PyTorch container reports as SM_FRAMEWORK_MODULE."""
GPU_QUERY_S = 10
LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, kw_only=True)
class Machine:
    """What a container is told of its machine."""

    cpus: int
    gpus: int


@dataclass(frozen=True, kw_only=True)
class Master:
    """Where the hosts of a job meet.

    The address is algo-1, as in the PyTorch container, where each host has an /etc/hosts of its own, and
    LOOPBACK elsewhere. The port is 7777 there; here jobs share one network, so each has a port of its own.
    """

    address: str
    port: int


@functools.cache
def this_machine() -> Machine:
    """Return the CPUs and GPUs of this machine, asked once."""
    return Machine(cpus=os.cpu_count() or 1, gpus=_count_gpus())


def _count_gpus() -> int:
    if shutil.which("nvidia-smi") is None:
        return 0
    try:
        answer = subprocess.run(
            ["nvidia-smi", "--list-gpus"], capture_output=True, text=True, timeout=GPU_QUERY_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return 0
    return sum(line.startswith("GPU ") for line in answer.stdout.splitlines())


def toolkit_variables(spec: TrainingSpec, *, host: str, folders: Folders, machine: Machine) -> dict[str, str]:
    """Return the SM_* variables of script mode."""
    decoded = spec.decoded
    user = hp.user_parameters(decoded)
    described = _describe(spec, host=host, folders=folders, machine=machine)
    channels = {channel.name: str(folders.data / channel.name) for channel in spec.channels}
    values: dict[str, Any] = described | {
        "hps": user,
        "framework_params": _framework_extras(decoded),
        "channels": sorted(channels),
        "user_args": hp.to_arguments(user),
        "training_env": described
        | {
            "additional_framework_parameters": _framework_extras(decoded),
            "channel_input_dirs": channels,
            "distribution_hosts": list(spec.hosts) if described["distribution_instance_groups"] else [],
            "hyperparameters": user,
            "is_master": host == spec.hosts[0],
            "job_name": spec.name,
            "master_hostname": spec.hosts[0],
        },
    }
    values |= {f"channel_{name}": path for name, path in channels.items()}
    values |= {f"hp_{name}": value for name, value in user.items()}
    return {f"SM_{name.upper()}": hp.to_variable(value) for name, value in values.items()}


def _framework_extras(decoded: Mapping[str, Any]) -> dict[str, Any]:
    own = (hp.PROGRAM, hp.SUBMIT_DIRECTORY, hp.LOG_LEVEL, "sagemaker_job_name", "sagemaker_region")
    return {name: value for name, value in hp.framework_parameters(decoded).items() if name not in own}


def _describe(spec: TrainingSpec, *, host: str, folders: Folders, machine: Machine) -> dict[str, Any]:
    """Return what both the single variables and SM_TRAINING_ENV hold."""
    program = spec.program or ""
    resources = resource_config(spec, host=host)
    groups = {group["instance_group_name"]: group for group in resources["instance_groups"]}
    return {
        "current_host": host,
        "current_instance_group": resources["current_group_name"],
        "current_instance_group_hosts": groups[resources["current_group_name"]]["hosts"],
        "current_instance_type": resources["current_instance_type"],
        "distribution_instance_groups": spec.decoded.get(hp.DISTRIBUTION_GROUPS, []),
        "framework_module": FRAMEWORK_MODULE,
        "hosts": list(spec.hosts),
        "input_data_config": input_data_config(spec),
        "instance_groups": list(groups),
        "instance_groups_dict": groups,
        "is_hetero": len(groups) > 1,
        "log_level": spec.decoded.get(hp.LOG_LEVEL, hp.DEFAULT_LOG_LEVEL),
        "module_dir": spec.submit_directory or str(folders.code),
        "module_name": program.removesuffix(".py"),
        "network_interface_name": NETWORK_INTERFACE,
        "num_cpus": machine.cpus,
        "num_gpus": machine.gpus if spec.has_gpus else 0,
        "resource_config": resources,
        "user_entry_point": program,
    } | _describe_folders(folders)


def _describe_folders(folders: Folders) -> dict[str, str]:
    return {
        "input_config_dir": str(folders.config),
        "input_dir": str(folders.input),
        "model_dir": str(folders.model),
        "output_data_dir": str(folders.output_data),
        "output_dir": str(folders.output),
        "output_intermediate_dir": str(folders.intermediate),
    }


def container_variables(spec: TrainingSpec, *, host: str, folders: Folders, master: Master) -> dict[str, str]:
    """Return what every training container gets besides AWS's address and credentials."""
    return {
        "CURRENT_HOST": host,
        "MASTER_ADDR": master.address,
        "MASTER_PORT": str(master.port),
        "SAGEMAKER_BASE_DIR": str(folders.base),
        "SAGEMAKER_JOB_NAME": spec.name,
        "SAGEMAKER_REGION": spec.region,
        "TRAINING_JOB_ARN": spec.arn,
        "TRAINING_JOB_NAME": spec.name,
    } | dict(spec.environment)
