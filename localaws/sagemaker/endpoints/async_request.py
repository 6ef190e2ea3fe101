"""One request of InvokeEndpointAsync: what it asks for, and what is told of how it ended. Pure.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpointAsync.html
https://docs.aws.amazon.com/sagemaker/latest/dg/async-inference-check-predictions.html (the notification)
"""

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from localaws.sagemaker.endpoints.features import AsyncInference
from localaws.storage import S3Uri

PREFIX = "x-amzn-sagemaker-"
TTL_S, TIMEOUT_S = (60, 21_600, 21_600), (1, 3600, 900)
"""RequestTTLSeconds and InvocationTimeoutSeconds: least, most, default."""
INLINE_MAX_BYTES = 128_000


class AsyncRequestError(Exception):
    """A request that AWS would refuse."""


@dataclass(frozen=True, kw_only=True)
class AsyncRequest:
    """What a client asks for."""

    endpoint_name: str
    region: str
    input_location: str
    """Empty where the payload came with the request."""
    body: bytes
    headers: Mapping[str, str]
    """What the container gets."""
    received: datetime
    inference_id: str
    ttl_s: float
    """AWS seconds that it may wait."""
    timeout_s: float
    """Real seconds that its answer may take."""
    path_extension: str = ""
    filename: str = ""
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))

    @classmethod
    def read(
        cls, *, endpoint_name: str, region: str, headers: Mapping[str, str], body: bytes, now: datetime
    ) -> "AsyncRequest":
        """Read headers (lower case) and body; raises AsyncRequestError."""
        location = headers.get(f"{PREFIX}inputlocation", "")
        if bool(location) == bool(body):
            raise AsyncRequestError("Provide exactly one of InputLocation and Body.")
        if len(body) > INLINE_MAX_BYTES:
            raise AsyncRequestError(f"Body has {len(body)} bytes; at most {INLINE_MAX_BYTES} are taken.")
        if location and not location.startswith("s3://"):
            raise AsyncRequestError(f"InputLocation {location!r} must be of the form s3://bucket/key.")
        passed = {
            "content-type": headers.get(f"{PREFIX}content-type") or headers.get("content-type"),
            "accept": headers.get(f"{PREFIX}accept"),
            f"{PREFIX}custom-attributes": headers.get(f"{PREFIX}custom-attributes"),
            f"{PREFIX}inference-id": headers.get(f"{PREFIX}inference-id"),
        }
        return cls(
            endpoint_name=endpoint_name,
            region=region,
            input_location=location,
            body=body,
            headers={name: value for name, value in passed.items() if value},
            received=now,
            inference_id=headers.get(f"{PREFIX}inference-id") or str(uuid.uuid4()),
            ttl_s=_number(headers, "requestttlseconds", bounds=TTL_S),
            timeout_s=_number(headers, "invocationtimeoutseconds", bounds=TIMEOUT_S),
            path_extension=headers.get(f"{PREFIX}s3outputpathextension", ""),
            filename=headers.get(f"{PREFIX}filename", ""),
        )

    def output_location(self, config: AsyncInference) -> str:
        """Return where the answer goes; empty where the config names no place."""
        return self._place(config.output_path, self.filename or f"{self.request_id}.out")

    def failure_location(self, config: AsyncInference) -> str:
        """Return where the reason of a failure goes; empty where the config names no place."""
        return self._place(config.failure_path, f"{self.request_id}-error.out")

    def _place(self, path: str, name: str) -> str:
        if not path:
            return ""
        return str(S3Uri.parse(path).join(*self.path_extension.strip("/").split("/"), name))

    def notification(self, *, ended: datetime, outcome: "Outcome", output_location: str) -> str:
        """Return the message that a topic gets."""
        message: dict[str, Any] = {
            "awsRegion": self.region,
            "eventTime": _timestamp(ended),
            "receivedTime": _timestamp(self.received),
            "invocationStatus": "Failed" if outcome.failure else "Completed",
            "requestParameters": self._parameters(),
            "inferenceId": self.inference_id,
            "eventVersion": "1.0",
            "eventSource": "aws:sagemaker",
            "eventName": "InferenceResult",
        }
        if outcome.failure:
            message["failureReason"] = outcome.failure
        else:
            message["responseParameters"] = {
                "contentType": outcome.content_type,
                "outputLocation": output_location,
            }
        return json.dumps(message)

    def _parameters(self) -> dict[str, str]:
        """Return what a notification says of the request."""
        parameters = {
            "accept": self.headers.get("accept"),
            "contentType": self.headers.get("content-type"),
            "endpointName": self.endpoint_name,
            "inputLocation": self.input_location or None,
        }
        return {name: value for name, value in parameters.items() if value is not None}


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a request ended: with an answer, or a reason."""

    body: bytes = b""
    content_type: str = ""
    failure: str = ""


def _number(headers: Mapping[str, str], name: str, *, bounds: tuple[int, int, int]) -> float:
    least, most, default = bounds
    text = headers.get(f"{PREFIX}{name}")
    if text is None:
        return default
    if not text.isdigit() or not least <= int(text) <= most:
        raise AsyncRequestError(f"{name} must be a number from {least} to {most}, not {text!r}.")
    return int(text)


def _timestamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"
