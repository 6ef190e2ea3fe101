"""Say of which kind an endpoint is, and build the members of its configuration that only this kind has.

https://docs.aws.amazon.com/sagemaker/latest/dg/serverless-endpoints-create.html
https://docs.aws.amazon.com/sagemaker/latest/dg/async-inference-create-endpoint.html
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from musher import names
from musher.errors import PayloadError
from musher.payloads.choices import (
    ASYNC,
    ENDPOINT_KINDS,
    MAX_ASYNC_INVOCATIONS,
    MAX_SERVERLESS,
    MEMORY_SIZES_MB,
    REALTIME,
    SERVERLESS,
)
from musher.payloads.security import output_key
from musher.settings import Settings


@dataclass(frozen=True, kw_only=True)
class EndpointKind:
    """Hold how an endpoint answers: from instances, at once or later, or without any of its own."""

    name: str = REALTIME
    memory_mb: int = 0
    """Of each environment of a serverless endpoint, as the next two."""
    max_concurrency: int = 0
    provisioned: int = 0
    """Environments that are kept started."""
    invocations_per_instance: int = 0
    """Requests that an instance of an asynchronous endpoint works on at the same time."""


REALTIME_KIND = EndpointKind()


def plan_kind(params: Mapping[str, Any]) -> EndpointKind:
    """Return the kind that the run's Params ask for."""
    return EndpointKind(
        name=params["endpoint_kind"],
        memory_mb=params["serverless_memory_mb"],
        max_concurrency=params["serverless_concurrency"],
        provisioned=params["serverless_provisioned"],
        invocations_per_instance=params["async_concurrency"],
    )


def check_kind(kind: EndpointKind) -> None:
    """Raise PayloadError where AWS would refuse the numbers of this kind."""
    if kind.name not in ENDPOINT_KINDS:
        raise PayloadError(f"endpoint_kind is {kind.name!r}. Choose one of {', '.join(ENDPOINT_KINDS)}.")
    if kind.name == SERVERLESS:
        _check_serverless(kind)
    if kind.name == ASYNC and not 1 <= kind.invocations_per_instance <= MAX_ASYNC_INVOCATIONS:
        raise PayloadError(
            f"async_concurrency is {kind.invocations_per_instance}. Choose 1 to {MAX_ASYNC_INVOCATIONS}."
        )


def _check_serverless(kind: EndpointKind) -> None:
    if kind.memory_mb not in MEMORY_SIZES_MB:
        sizes = ", ".join(map(str, MEMORY_SIZES_MB))
        raise PayloadError(f"serverless_memory_mb is {kind.memory_mb}. Choose one of {sizes}.")
    if not 1 <= kind.max_concurrency <= MAX_SERVERLESS:
        raise PayloadError(f"serverless_concurrency is {kind.max_concurrency}. Choose 1 to {MAX_SERVERLESS}.")
    if not 0 <= kind.provisioned <= kind.max_concurrency:
        raise PayloadError(
            f"serverless_provisioned is {kind.provisioned}, and serverless_concurrency, above which AWS "
            f"takes none, is {kind.max_concurrency}. Choose 0 to {kind.max_concurrency}."
        )


def build_serverless(kind: EndpointKind) -> dict[str, Any]:
    """Return the member of a variant by which it has no instances."""
    provisioned = {"ProvisionedConcurrency": kind.provisioned} if kind.provisioned else {}
    config = {"MemorySizeInMB": kind.memory_mb, "MaxConcurrency": kind.max_concurrency, **provisioned}
    return {"ServerlessConfig": config}


def build_queue(settings: Settings, kind: EndpointKind, *, endpoint_name: str) -> dict[str, Any]:
    """Return the member of a configuration by which requests wait, and their answers go to S3."""
    if kind.name != ASYNC:
        return {}
    answers, failures = (
        names.s3_uri(settings, key=names.async_key(settings, folder=folder, endpoint_name=endpoint_name))
        for folder in ("answers", "failures")
    )
    return {
        "AsyncInferenceConfig": {
            "ClientConfig": {"MaxConcurrentInvocationsPerInstance": kind.invocations_per_instance},
            "OutputConfig": {"S3OutputPath": answers, "S3FailurePath": failures, **output_key(settings)},
        }
    }
