"""What one command asks for, read from SendCommand."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

TIMEOUT_S, EXECUTION_S = 3600, 3600
"""AWS seconds in which a command must have begun, and that it may take, where nothing is said."""
CONCURRENCY, ERRORS = "50", "0"
LOG_GROUP = "/aws/ssm/{document}"


@dataclass(frozen=True, kw_only=True)
class Bucket:
    """Where outputs go."""

    name: str
    prefix: str = ""
    region: str = ""


@dataclass(frozen=True, kw_only=True)
class Order:
    """One command, whichever instances it is for."""

    document: str
    script: str
    cwd: str = ""
    execution_s: int = EXECUTION_S
    """AWS seconds that it may take."""
    timeout_s: int = TIMEOUT_S
    """AWS seconds in which it must have begun."""
    comment: str = ""
    version: str = ""
    bucket: Bucket | None = None
    log_group: str = ""
    """Empty where nothing goes to CloudWatch Logs."""
    concurrency: str = CONCURRENCY
    errors: str = ERRORS
    """Numbers, or shares of the targets in percent."""
    parameters: Mapping[str, Sequence[str]]
    asked_ids: Sequence[str] = ()
    targets: Sequence[Mapping[str, Any]] = ()
    logs: Mapping[str, Any]
    """CloudWatchOutputConfig as it came."""


def read_order(request: Mapping[str, Any]) -> Order:
    """Read a request that validation has passed."""
    parameters = request.get("Parameters") or {}
    logs = request.get("CloudWatchOutputConfig") or {}
    document = request["DocumentName"].rpartition("/")[2]
    group = logs.get("CloudWatchLogGroupName") or LOG_GROUP.format(document=document)
    return Order(
        document=document,
        script="\n".join(parameters["commands"]) + "\n",
        cwd="".join(parameters.get("workingDirectory", [])),
        execution_s=int("".join(parameters.get("executionTimeout", [])) or EXECUTION_S),
        timeout_s=int(request.get("TimeoutSeconds") or TIMEOUT_S),
        comment=request.get("Comment", ""),
        version=request.get("DocumentVersion", ""),
        bucket=read_bucket(request),
        log_group=group if logs.get("CloudWatchOutputEnabled") else "",
        concurrency=request.get("MaxConcurrency", CONCURRENCY),
        errors=request.get("MaxErrors", ERRORS),
        parameters=parameters,
        asked_ids=request.get("InstanceIds") or [],
        targets=request.get("Targets") or [],
        logs=logs,
    )


def read_bucket(request: Mapping[str, Any]) -> Bucket | None:
    """Return where outputs go, None where they stay."""
    if not (name := request.get("OutputS3BucketName")):
        return None
    return Bucket(
        name=name, prefix=request.get("OutputS3KeyPrefix", ""), region=request.get("OutputS3Region", "")
    )


def read_share(text: str, *, of: int) -> int:
    """Return a number that may be written as a share, `10%`, rounded down."""
    return of * int(text[:-1]) // 100 if text.endswith("%") else int(text)
