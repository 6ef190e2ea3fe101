"""What a load test is sent to, with which images: the same from a worker and from a job inside AWS."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from musher.traffic.aws import Call, endpoint_call, function_call
from musher.traffic.watch import Look

ENDPOINT, FUNCTION = "endpoint", "function"

SIGNED_MORE_S = 600
"""So long after a load test the addresses of its images are good."""


@dataclass(frozen=True, kw_only=True)
class LoadTarget:
    """Say what is sent where."""

    kind: str
    name: str
    """Of the endpoint or the function; a function's may end in `:alias`."""
    images: tuple[str, ...]
    """s3:// addresses."""


def make_calls(s3: Any, target: LoadTarget, *, seconds: float) -> list[Call]:
    """Return a call for each image, which a client of S3 reads or signs; the load takes so many seconds."""
    if target.kind == ENDPOINT:
        return [call_endpoint(s3, target.name, image) for image in target.images]
    return [call_function(s3, target.name, image, seconds=seconds) for image in target.images]


def call_endpoint(s3: Any, endpoint_name: str, image: str) -> Call:
    """Return the call that sends an image itself."""
    stored = s3.get_object(**locate(image))
    return endpoint_call(endpoint_name, body=stored["Body"].read(), content_type=stored["ContentType"])


def call_function(s3: Any, function_name: str, image: str, *, seconds: float) -> Call:
    """Return the call that sends the address of an image, as users do."""
    url = s3.generate_presigned_url(
        "get_object", Params=locate(image), ExpiresIn=int(seconds) + SIGNED_MORE_S
    )
    name, _, qualifier = function_name.partition(":")
    return function_call(name, body=json.dumps({"url": url}).encode(), qualifier=qualifier or None)


def locate(image: str) -> dict[str, str]:
    """Return bucket and key of an s3:// address, as S3's calls take them."""
    bucket, _, key = image.removeprefix("s3://").partition("/")
    return {"Bucket": bucket, "Key": key}


def make_look(find: Callable[[str], Mapping[str, Any] | None], target: LoadTarget) -> Look:
    """Return a function that says how many instances an endpoint has, and how many it is to have.

    `find` returns DescribeEndpoint's answer, or None.
    """

    def look() -> tuple[int, int] | None:
        found = find(target.name) if target.kind == ENDPOINT else None
        variants = found.get("ProductionVariants", []) if found else []
        if not any("CurrentInstanceCount" in variant for variant in variants):  # serverless ones have none
            return None
        current, desired = (
            sum(variant.get(name, 0) for variant in variants)
            for name in ("CurrentInstanceCount", "DesiredInstanceCount")
        )
        return current, desired

    return look
