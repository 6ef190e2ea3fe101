"""A host's look-alike of /opt/ml, and the three files that SageMaker writes into it.

Contract: https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-training-algo-running-container.html
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from localaws.sagemaker.training.spec import Channel, TrainingSpec

NETWORK_INTERFACE = "lo"
"""The hosts' addresses are loopback ones here, and gloo and nccl bind to the interface that this names."""


@dataclass(frozen=True, kw_only=True)
class Folders:
    """The folders of one host, below `base` (/opt/ml in a container)."""

    base: Path

    @property
    def input(self) -> Path:
        """/opt/ml/input"""
        return self.base / "input"

    @property
    def config(self) -> Path:
        """/opt/ml/input/config"""
        return self.base / "input" / "config"

    @property
    def data(self) -> Path:
        """/opt/ml/input/data"""
        return self.base / "input" / "data"

    @property
    def model(self) -> Path:
        """/opt/ml/model"""
        return self.base / "model"

    @property
    def output(self) -> Path:
        """/opt/ml/output"""
        return self.base / "output"

    @property
    def output_data(self) -> Path:
        """/opt/ml/output/data"""
        return self.base / "output" / "data"

    @property
    def intermediate(self) -> Path:
        """/opt/ml/output/intermediate"""
        return self.base / "output" / "intermediate"

    @property
    def failure(self) -> Path:
        """/opt/ml/output/failure: written by the script"""
        return self.base / "output" / "failure"

    @property
    def code(self) -> Path:
        """/opt/ml/code"""
        return self.base / "code"

    def locate(self, container_path: str) -> Path | None:
        """Return where a path below /opt/ml is here, or None for any other path."""
        pure = Path(container_path)
        if not pure.is_relative_to("/opt/ml") or ".." in pure.parts:
            return None
        return self.base / pure.relative_to("/opt/ml")

    def make(self, spec: TrainingSpec) -> None:
        """Make all folders but the one for checkpoints, which exists only where CheckpointConfig is given."""
        folders = [self.config, self.model, self.output_data, self.intermediate, self.code]
        for folder in folders + [self.data / channel.name for channel in spec.channels]:
            folder.mkdir(parents=True, exist_ok=True)


class ClusterSpec(Protocol):
    """What a job says of its instances."""

    @property
    def hosts(self) -> tuple[str, ...]:
        """Their names."""
        ...

    @property
    def instance_type(self) -> str:
        """Their type."""
        ...


def resource_config(spec: ClusterSpec, *, host: str) -> dict[str, Any]:
    """Return resourceconfig.json of one host."""
    group = "homogeneousCluster"
    return {
        "current_host": host,
        "current_instance_type": spec.instance_type,
        "current_group_name": group,
        "hosts": list(spec.hosts),
        "instance_groups": [
            {
                "instance_group_name": group,
                "instance_type": spec.instance_type,
                "hosts": list(spec.hosts),
            }
        ],
        "network_interface_name": NETWORK_INTERFACE,
    }


def input_data_config(spec: TrainingSpec) -> dict[str, Any]:
    """Return inputdataconfig.json."""
    return {channel.name: _channel_config(channel) for channel in spec.channels}


def _channel_config(channel: Channel) -> dict[str, str]:
    config = {
        "TrainingInputMode": channel.input_mode,
        "S3DistributionType": channel.distribution,
        "RecordWrapperType": "None",
    }
    if channel.content_type is not None:
        config["ContentType"] = channel.content_type
    return config


def write_config(folders: Folders, spec: TrainingSpec, *, host: str) -> None:
    """Write the three configuration files of one host."""
    files = {
        "hyperparameters.json": dict(spec.hyperparameters),
        "inputdataconfig.json": input_data_config(spec),
        "resourceconfig.json": resource_config(spec, host=host),
    }
    for name, content in files.items():
        (folders.config / name).write_text(json.dumps(content))
