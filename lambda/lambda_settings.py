"""What the function is told by its variables, read once for each execution environment.

ENDPOINT_NAME        required; the endpoint
MUSHER_SHOW_CONTEXT  0; with 1 each direct answer holds str(context) as `COntent-Type-In`: the function's
                     name, ARN and account, for callers who may know them
AWS_REGION           set by Lambda; the endpoint's region
AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME, AWS_ENDPOINT_URL
                     another address of SageMaker's runtime than the region's own
"""

from collections.abc import Mapping
from typing import NamedTuple

# https://docs.aws.amazon.com/general/latest/gr/sagemaker.html; tests hold it against botocore's own list.
SUFFIXES = (
    ("cn-", "amazonaws.com.cn"),
    ("us-isob-", "sc2s.sgov.gov"),
    ("us-isof-", "csp.hci.ic.gov"),
    ("us-iso-", "c2s.ic.gov"),
    ("eu-isoe-", "cloud.adc-e.uk"),
    ("eusc-", "amazonaws.eu"),
)
DEFAULT_SUFFIX = "amazonaws.com"


class FunctionSettings(NamedTuple):
    """The function's own settings; an empty `endpoint_name` fails each event with a sentence."""

    endpoint_name: str
    region: str
    base_url: str
    """Without a slash at its end."""
    shows_context: bool
    is_started_ahead: bool = False
    """Whether Lambda has started the environment before there was an event."""


def read_settings(environ: Mapping[str, str]) -> FunctionSettings:
    """Return what the variables say."""
    region = environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION") or ""
    given = environ.get("AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME") or environ.get("AWS_ENDPOINT_URL")
    return FunctionSettings(
        endpoint_name=environ.get("ENDPOINT_NAME", ""),
        region=region,
        base_url=(given or f"https://{runtime_host(region)}").rstrip("/"),
        shows_context=environ.get("MUSHER_SHOW_CONTEXT") == "1",
        is_started_ahead=environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") == "provisioned-concurrency",
    )


def runtime_host(region: str) -> str:
    """Return the host of SageMaker's runtime in a region of any partition."""
    found = [suffix for start, suffix in SUFFIXES if region.startswith(start)]
    return f"runtime.sagemaker.{region}.{found[0] if found else DEFAULT_SUFFIX}"
