"""What a training job is to do, taken from the request. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from localaws.sagemaker.training import hyperparameters as hp

DEFAULT_MAX_RUNTIME_S = 86_400
"""AWS's default of StoppingCondition.MaxRuntimeInSeconds (API_StoppingCondition: one day)."""
DEFAULT_CHECKPOINT_PATH = "/opt/ml/checkpoints"
"""AWS's default of CheckpointConfig.LocalPath (API_CheckpointConfig)."""


@dataclass(frozen=True, kw_only=True)
class Channel:
    """One input channel in S3."""

    name: str
    uri: str
    data_type: str = "S3Prefix"
    distribution: str = "FullyReplicated"
    input_mode: str = "File"
    content_type: str | None = None

    @classmethod
    def from_request(cls, channel: Mapping[str, Any], *, input_mode: str) -> "Channel":
        """Read one member of InputDataConfig."""
        source = channel["DataSource"]["S3DataSource"]
        return cls(
            name=channel["ChannelName"],
            uri=source["S3Uri"],
            data_type=source["S3DataType"],
            distribution=source.get("S3DataDistributionType") or "FullyReplicated",
            input_mode=channel.get("InputMode") or input_mode,
            content_type=channel.get("ContentType"),
        )


@dataclass(frozen=True, kw_only=True)
class Checkpoints:
    """Where checkpoints are kept: in S3, and in the container."""

    uri: str
    local_path: str

    @classmethod
    def from_request(cls, config: Mapping[str, str] | None) -> "Checkpoints | None":
        """Read CheckpointConfig."""
        if not config:
            return None
        return cls(uri=config["S3Uri"], local_path=config.get("LocalPath") or DEFAULT_CHECKPOINT_PATH)


@dataclass(frozen=True, kw_only=True)
class TrainingSpec:
    """What one job is to do. Durations are AWS seconds."""

    name: str
    arn: str
    account_id: str
    region: str
    role_arn: str
    output_path: str
    output_compression: str = "GZIP"
    hyperparameters: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    channels: tuple[Channel, ...] = ()
    instance_type: str = "ml.m5.large"
    instance_count: int = 1
    max_runtime_s: int = DEFAULT_MAX_RUNTIME_S
    max_wait_s: int | None = None
    is_spot: bool = False
    checkpoints: Checkpoints | None = None
    entrypoint: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()
    metric_definitions: Sequence[Mapping[str, str]] = ()

    @property
    def hosts(self) -> tuple[str, ...]:
        """The hosts' names, as AWS names them."""
        return tuple(f"algo-{number}" for number in range(1, self.instance_count + 1))

    @property
    def decoded(self) -> dict[str, Any]:
        """The hyper-parameters after JSON decoding."""
        return hp.decode(self.hyperparameters)

    @property
    def program(self) -> str | None:
        """The script of script mode, or None."""
        value = self.decoded.get(hp.PROGRAM, self.environment.get(hp.PROGRAM.upper()))
        return None if value is None else str(value)

    @property
    def submit_directory(self) -> str | None:
        """Where script mode's code is, or None."""
        value = self.decoded.get(hp.SUBMIT_DIRECTORY, self.environment.get(hp.SUBMIT_DIRECTORY.upper()))
        return None if value is None else str(value)

    @property
    def has_gpus(self) -> bool:
        """Whether the instance type is one with NVIDIA GPUs (families p and g)."""
        return self.instance_type.startswith(("ml.p", "ml.g"))
