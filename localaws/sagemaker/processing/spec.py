"""What a processing job is to do, taken from the request. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from localaws.sagemaker.training.spec import Channel

DEFAULT_MAX_RUNTIME_S = 86_400
"""AWS's default of StoppingCondition.MaxRuntimeInSeconds (one day)."""


@dataclass(frozen=True, kw_only=True)
class ProcessingInput:
    """Objects in S3 that are to lie in a folder of the container."""

    channel: Channel
    local_path: str

    @classmethod
    def from_request(cls, member: Mapping[str, Any]) -> "ProcessingInput":
        """Read one member of ProcessingInputs."""
        source = member["S3Input"]
        channel = Channel(
            name=member["InputName"],
            uri=source["S3Uri"],
            data_type=source["S3DataType"],
            distribution=source.get("S3DataDistributionType") or "FullyReplicated",
        )
        return cls(channel=channel, local_path=source["LocalPath"])


@dataclass(frozen=True, kw_only=True)
class ProcessingOutput:
    """A folder of the container whose files go to S3."""

    uri: str
    local_path: str
    is_continuous: bool

    @classmethod
    def from_request(cls, member: Mapping[str, Any]) -> "ProcessingOutput":
        """Read one member of ProcessingOutputConfig.Outputs."""
        target = member["S3Output"]
        return cls(
            uri=target["S3Uri"],
            local_path=target["LocalPath"],
            is_continuous=target["S3UploadMode"] == "Continuous",
        )


@dataclass(frozen=True, kw_only=True)
class ProcessingSpec:
    """What one job is to do. Durations are AWS seconds."""

    name: str
    account_id: str
    region: str
    role_arn: str
    instance_type: str
    instance_count: int
    max_runtime_s: int
    entrypoint: tuple[str, ...]
    arguments: tuple[str, ...]
    environment: Mapping[str, str]
    inputs: tuple[ProcessingInput, ...]
    outputs: tuple[ProcessingOutput, ...]
    config: Mapping[str, Any]
    """What the container finds in processingjobconfig.json."""

    @property
    def hosts(self) -> tuple[str, ...]:
        """The hosts' names, as AWS names them."""
        return tuple(f"algo-{number}" for number in range(1, self.instance_count + 1))

    @classmethod
    def from_request(
        cls, request: Mapping[str, Any], *, arn: str, account_id: str, region: str
    ) -> "ProcessingSpec":
        """Read CreateProcessingJob; the platform moves nothing of what is AppManaged."""
        application, resources = request["AppSpecification"], request["ProcessingResources"]["ClusterConfig"]
        return cls(
            name=request["ProcessingJobName"],
            account_id=account_id,
            region=region,
            role_arn=request["RoleArn"],
            instance_type=resources["InstanceType"],
            instance_count=resources["InstanceCount"],
            max_runtime_s=(request.get("StoppingCondition") or {}).get(
                "MaxRuntimeInSeconds", DEFAULT_MAX_RUNTIME_S
            ),
            entrypoint=tuple(application.get("ContainerEntrypoint") or ()),
            arguments=tuple(application.get("ContainerArguments") or ()),
            environment=request.get("Environment") or {},
            inputs=tuple(ProcessingInput.from_request(item) for item in moved_inputs(request)),
            outputs=tuple(ProcessingOutput.from_request(item) for item in moved_outputs(request)),
            config={"ProcessingJobArn": arn} | {name: value for name, value in request.items() if value},
        )


def moved_inputs(request: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """Return the inputs that the platform downloads."""
    return [item for item in request.get("ProcessingInputs") or () if not item.get("AppManaged")]


def moved_outputs(request: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """Return the outputs that the platform uploads."""
    outputs = (request.get("ProcessingOutputConfig") or {}).get("Outputs") or ()
    return [item for item in outputs if not item.get("AppManaged")]
