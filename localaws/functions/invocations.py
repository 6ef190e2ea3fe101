"""One invocation and what comes of it: limits, error payloads and log lines as AWS words them. Pure."""

import base64
import json
import math
import secrets
import uuid
from dataclasses import dataclass, field
from datetime import datetime

SYNC_PAYLOAD_LIMIT = 6_291_456
"""Bytes of a RequestResponse payload (https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html)."""
EVENT_PAYLOAD_LIMIT = 1_048_576
"""Bytes of an Event payload."""
RESPONSE_LIMIT = 6_291_556
"""Bytes of a response."""
LOG_TAIL_BYTES = 4096
"""Bytes of log that X-Amz-Log-Result carries."""


def new_trace_id(now: datetime) -> str:
    """Return an X-Ray trace header of a request that is not sampled."""
    return (
        f"Root=1-{int(now.timestamp()):08x}-{secrets.token_hex(12)};Parent={secrets.token_hex(8)};Sampled=0"
    )


@dataclass(frozen=True, kw_only=True)
class Invocation:
    """One event on its way to a function."""

    payload: bytes
    arn: str
    trace_id: str
    client_context: str | None = None
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """The answer to an invocation; `error` is what X-Amz-Function-Error says, None for success."""

    payload: bytes
    error: str | None = None
    status: str | None = None
    error_type: str | None = None


@dataclass(frozen=True, kw_only=True)
class Result:
    """An outcome with the end of its log, and the version that ran."""

    outcome: Outcome
    log_tail: bytes
    version: str
    duration_ms: float | None = None
    """How long the handler ran; None where the environment did not come up."""

    def encoded_log(self) -> str:
        """Return the log as X-Amz-Log-Result carries it."""
        return base64.b64encode(self.log_tail).decode()


def platform_error(*, error_type: str, message: str, status: str = "error") -> Outcome:
    """Return the outcome of an invocation that Lambda itself ends."""
    payload = json.dumps({"errorType": error_type, "errorMessage": message}, separators=(",", ":")).encode()
    return Outcome(payload=payload, error="Unhandled", status=status, error_type=error_type)


def runtime_error(payload: bytes, *, error_type: str | None) -> Outcome:
    """Return the outcome of an error that the runtime reported, its payload unchanged."""
    return Outcome(payload=payload, error="Unhandled", status="error", error_type=error_type)


def timed_out(*, request_id: str, timeout_s: float) -> Outcome:
    """Return the outcome of a function that outran its Timeout."""
    message = f"RequestId: {request_id} Error: Task timed out after {timeout_s:.2f} seconds"
    return platform_error(error_type="Sandbox.Timedout", message=message, status="timeout")


def exited(*, request_id: str, code: int | None) -> Outcome:
    """Return the outcome of a runtime process that ended in the middle of an invocation."""
    message = f"RequestId: {request_id} Error: {describe_exit(code)}"
    return platform_error(error_type="Runtime.ExitError", message=message)


def out_of_memory(*, request_id: str) -> Outcome:
    """Return the outcome of a function that was killed at its memory limit."""
    message = f"RequestId: {request_id} Error: Runtime exited with error: signal: killed"
    return platform_error(error_type="Runtime.OutOfMemory", message=message)


def response_too_large() -> Outcome:
    """Return the outcome of a response over the limit."""
    message = f"Response payload size exceeded maximum allowed payload size ({RESPONSE_LIMIT} bytes)."
    return platform_error(error_type="Function.ResponseSizeTooLarge", message=message)


SIGNAL_WORDS = {6: "aborted", 9: "killed", 11: "segmentation fault", 15: "terminated"}


def describe_exit(code: int | None) -> str:
    """Say how a process ended, as Lambda does; a negative code is a signal."""
    if code is None or code == 0:
        return "Runtime exited without providing a reason"
    if code < 0:
        return f"Runtime exited with error: signal: {SIGNAL_WORDS.get(-code, f'signal {-code}')}"
    return f"Runtime exited with error: exit status {code}"


@dataclass(frozen=True, kw_only=True)
class Usage:
    """What one invocation used. Milliseconds, MiB; `init_ms` is None for a warm environment."""

    duration_ms: float
    init_ms: float | None
    memory_limit_mb: int
    memory_used_mb: int

    @property
    def billed_ms(self) -> int:
        """Milliseconds billed: the initialisation counts (AWS, since August 2025)."""
        return math.ceil(self.duration_ms + (self.init_ms or 0.0))


def report_line(*, request_id: str, usage: Usage, outcome: Outcome) -> str:
    """Return the REPORT line."""
    parts = [
        f"REPORT RequestId: {request_id}",
        f"Duration: {usage.duration_ms:.2f} ms",
        f"Billed Duration: {usage.billed_ms} ms",
        f"Memory Size: {usage.memory_limit_mb} MB",
        f"Max Memory Used: {usage.memory_used_mb} MB",
    ]
    if usage.init_ms is not None:
        parts.append(f"Init Duration: {usage.init_ms:.2f} ms")
    if outcome.status:
        parts.append(f"Status: {outcome.status}")
    if outcome.status == "error" and outcome.error_type:
        parts.append(f"Error Type: {outcome.error_type}")
    return "\t".join(parts) + "\t"


def exit_line(*, request_id: str, outcome: Outcome) -> str:
    """Return the log line of a runtime process that ended in the middle of an invocation."""
    message = json.loads(outcome.payload)["errorMessage"].partition(" Error: ")[2]
    return f"RequestId: {request_id} Error: {message}\nRuntime.ExitError"


def stream_name(*, now: datetime, version: str) -> str:
    """Return the log stream of a new environment: YYYY/MM/DD/[version]<32 hex digits>."""
    return f"{now:%Y/%m/%d}/[{version}]{secrets.token_hex(16)}"
