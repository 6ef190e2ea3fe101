"""What a transform job is to do, taken from the request. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from localaws.sagemaker.training.spec import Channel

MIB = 1 << 20
DEFAULT_PAYLOAD_MB = 6
DEFAULT_TIMEOUT_S = 600
DEFAULT_RETRIES = 3
"""Defaults of CreateTransformJob: MaxPayloadInMB, and of ModelClientConfig the two others."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How records are packed and sent; None is for the container to say, or else a default."""

    max_concurrent: int | None
    max_payload_mb: int | None
    batch_strategy: str | None

    def completed(self, asked: Mapping[str, Any]) -> "Limits":
        """Return these limits with what GET /execution-parameters has answered, and defaults for the rest."""
        concurrent = self.max_concurrent or int(asked.get("MaxConcurrentTransforms") or 1)
        payload = self.max_payload_mb
        if payload is None:
            payload = int(asked.get("MaxPayloadInMB", DEFAULT_PAYLOAD_MB))
        strategy = self.batch_strategy or str(asked.get("BatchStrategy") or "MultiRecord")
        is_single = strategy.replace("_", "").lower() == "singlerecord"
        return Limits(
            max_concurrent=concurrent,
            max_payload_mb=payload,
            batch_strategy="SingleRecord" if is_single else "MultiRecord",
        )

    @property
    def max_payload_bytes(self) -> int | None:
        """Bytes of a request's body; None for any number (MaxPayloadInMB is 0)."""
        return self.max_payload_mb * MIB if self.max_payload_mb else None


@dataclass(frozen=True, kw_only=True)
class TransformSpec:
    """What one job is to do. Durations are AWS seconds."""

    name: str
    account_id: str
    region: str
    instance_count: int
    source: Channel
    content_type: str | None
    is_gzip: bool
    is_split: bool
    """Whether each line is a record (SplitType Line); else an object is one."""
    output_path: str
    accept: str | None
    with_newlines: bool
    """Whether a newline follows each answer (AssembleWith Line)."""
    limits: Limits
    timeout_s: float
    retries: int
    input_filter: str
    output_filter: str
    is_joined: bool

    @classmethod
    def from_request(cls, request: Mapping[str, Any], *, account_id: str, region: str) -> "TransformSpec":
        """Read CreateTransformJob."""
        given, output = request["TransformInput"], request["TransformOutput"]
        source = given["DataSource"]["S3DataSource"]
        client = request.get("ModelClientConfig") or {}
        processing = request.get("DataProcessing") or {}
        return cls(
            name=request["TransformJobName"],
            account_id=account_id,
            region=region,
            instance_count=request["TransformResources"]["InstanceCount"],
            source=Channel(name="input", uri=source["S3Uri"], data_type=source["S3DataType"]),
            content_type=given.get("ContentType"),
            is_gzip=given.get("CompressionType") == "Gzip",
            is_split=given.get("SplitType") == "Line",
            output_path=output["S3OutputPath"],
            accept=output.get("Accept"),
            with_newlines=output.get("AssembleWith") == "Line",
            limits=Limits(
                max_concurrent=request.get("MaxConcurrentTransforms"),
                max_payload_mb=request.get("MaxPayloadInMB"),
                batch_strategy=request.get("BatchStrategy"),
            ),
            timeout_s=client.get("InvocationsTimeoutInSeconds", DEFAULT_TIMEOUT_S),
            retries=client.get("InvocationsMaxRetries", DEFAULT_RETRIES),
            input_filter=processing.get("InputFilter") or "$",
            output_filter=processing.get("OutputFilter") or "$",
            is_joined=processing.get("JoinSource") == "Input",
        )


def container_variables(limits: Limits) -> dict[str, str]:
    """Return what a container is told of the job, besides what its model gives it.

    https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-batch-code.html
    """
    given = {
        "SAGEMAKER_BATCH": "true",
        "SAGEMAKER_MAX_CONCURRENT_TRANSFORMS": limits.max_concurrent,
        "SAGEMAKER_MAX_PAYLOAD_IN_MB": limits.max_payload_mb,
        "SAGEMAKER_BATCH_STRATEGY": {"SingleRecord": "SINGLE_RECORD", "MultiRecord": "MULTI_RECORD"}.get(
            limits.batch_strategy or ""
        ),
    }
    return {name: str(value) for name, value in given.items() if value is not None}
