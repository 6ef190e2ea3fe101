"""What an endpoint config asks for beside its variants: asynchronous answers, and capture of data. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

DEFAULT_CONCURRENT = 4
"""Requests that an instance gets at a time by default, where AWS "chooses an optimal value"."""


@dataclass(frozen=True, kw_only=True)
class AsyncInference:
    """AsyncInferenceConfig."""

    output_path: str
    failure_path: str
    success_topic: str
    error_topic: str
    max_concurrent: int

    @classmethod
    def from_request(cls, config: Mapping[str, Any] | None) -> "AsyncInference | None":
        """Read an AsyncInferenceConfig; None where there is none."""
        if not config:
            return None
        output, client = config.get("OutputConfig") or {}, config.get("ClientConfig") or {}
        topics = output.get("NotificationConfig") or {}
        return cls(
            output_path=output.get("S3OutputPath") or "",
            failure_path=output.get("S3FailurePath") or "",
            success_topic=topics.get("SuccessTopic") or "",
            error_topic=topics.get("ErrorTopic") or "",
            max_concurrent=client.get("MaxConcurrentInvocationsPerInstance") or DEFAULT_CONCURRENT,
        )


@dataclass(frozen=True, kw_only=True)
class DataCapture:
    """DataCaptureConfig."""

    is_enabled: bool
    percentage: float
    destination: str
    modes: frozenset[str]
    """`INPUT` and `OUTPUT`, or one of them."""
    csv_types: frozenset[str]
    json_types: frozenset[str]
    kms_key_id: str

    @classmethod
    def from_request(cls, config: Mapping[str, Any] | None) -> "DataCapture | None":
        """Read a DataCaptureConfig; None where there is none."""
        if not config:
            return None
        asked = {option["CaptureMode"] for option in config["CaptureOptions"]}
        types = config.get("CaptureContentTypeHeader") or {}
        both = {"INPUT", "OUTPUT"} if "InputAndOutput" in asked else set()
        return cls(
            is_enabled=config.get("EnableCapture", True),
            percentage=config["InitialSamplingPercentage"],
            destination=config["DestinationS3Uri"],
            modes=frozenset(both | {mode.upper() for mode in asked & {"Input", "Output"}}),
            csv_types=frozenset(item.lower() for item in types.get("CsvContentTypes") or ()),
            json_types=frozenset(item.lower() for item in types.get("JsonContentTypes") or ()),
            kms_key_id=config.get("KmsKeyId") or "",
        )

    def summary(self) -> dict[str, Any]:
        """Return the DataCaptureConfig of DescribeEndpoint (API_DataCaptureConfigSummary)."""
        return {
            "EnableCapture": self.is_enabled,
            "CaptureStatus": "Started" if self.is_enabled else "Stopped",
            "CurrentSamplingPercentage": self.percentage,
            "DestinationS3Uri": self.destination,
            "KmsKeyId": self.kms_key_id,
        }


@dataclass(frozen=True, kw_only=True)
class Features:
    """Both, of one endpoint config."""

    async_inference: AsyncInference | None = None
    data_capture: DataCapture | None = None

    @classmethod
    def from_config(cls, config: Any) -> "Features":
        """Read moto's endpoint config."""
        return cls(
            async_inference=AsyncInference.from_request(config.async_inference_config),
            data_capture=DataCapture.from_request(config.data_capture_config),
        )
