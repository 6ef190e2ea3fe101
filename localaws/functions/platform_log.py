"""What Lambda itself writes to a function's log, as text or as JSON.

https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-logformat.html
"""

import json
from datetime import UTC, datetime
from typing import Any

from localaws.functions import invocations
from localaws.functions.invocations import Outcome, Usage
from localaws.functions.output import FunctionLog
from localaws.functions.spec import EnvironmentSpec

QUIET = "WARN"
"""The SystemLogLevel at which only what went wrong is written."""


def utc_text() -> str:
    """Return the time as log lines have it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class TextLog:
    """Lines, as `LogFormat` Text has them."""

    def __init__(self, log: FunctionLog, spec: EnvironmentSpec) -> None:
        self._log = log
        self._spec = spec

    def begin_init(self, python: str) -> None:
        """Tell that an environment is initialised; LogResult begins later."""
        self._log.announce(
            f"INIT_START Runtime Version: {self._spec.runtime} (run by Python {python})",
        )

    def end_init(self, *, status: str | None, error_type: str | None = None) -> None:
        """Tell that an initialisation has failed."""
        kind = f"\tError Type: {error_type}" if error_type else ""
        self._log.write(f"INIT_REPORT Phase: init\tStatus: {status}{kind}")

    def start(self, request_id: str) -> None:
        """Tell that an event begins."""
        self._log.write(f"START RequestId: {request_id} Version: {self._spec.version}")

    def report(self, request_id: str, *, usage: Usage, outcome: Outcome) -> None:
        """Tell how an event ended."""
        if outcome.status == "timeout":
            timeout = f"Task timed out after {self._spec.timeout_s:.2f} seconds"
            self._log.write(f"{utc_text()} {request_id} {timeout}")
        elif outcome.error_type == "Runtime.ExitError":
            self._log.write(invocations.exit_line(request_id=request_id, outcome=outcome))
        self._log.write(f"END RequestId: {request_id}")
        self._log.write(invocations.report_line(request_id=request_id, usage=usage, outcome=outcome))


class JsonLog:
    """Events, as `LogFormat` JSON has them; SystemLogLevel WARN leaves out what went well."""

    def __init__(self, log: FunctionLog, spec: EnvironmentSpec) -> None:
        self._log = log
        self._spec = spec

    def _line(self, kind: str, record: dict[str, Any]) -> str:
        return json.dumps({"time": utc_text(), "type": f"platform.{kind}", "record": record})

    @property
    def _is_quiet(self) -> bool:
        return self._spec.system_log_level == QUIET

    def begin_init(self, python: str) -> None:
        """Tell that an environment is initialised; LogResult begins later."""
        if not self._is_quiet:
            record = {
                "initializationType": self._spec.initialization,
                "phase": "init",
                "runtimeVersion": f"{self._spec.runtime} (run by Python {python})",
                "functionName": self._spec.function_name,
                "functionVersion": self._spec.version,
            }
            self._log.announce(self._line("initStart", record))

    def end_init(self, *, status: str | None, error_type: str | None = None) -> None:
        """Tell that an initialisation has failed."""
        kind = {"errorType": error_type} if error_type else {}
        record = {"initializationType": self._spec.initialization, "phase": "init", "status": status}
        self._log.write(self._line("initReport", record | kind))

    def start(self, request_id: str) -> None:
        """Tell that an event begins."""
        if not self._is_quiet:
            record = {"requestId": request_id, "version": self._spec.version}
            self._log.write(self._line("start", record))

    def report(self, request_id: str, *, usage: Usage, outcome: Outcome) -> None:
        """Tell how an event ended."""
        if self._is_quiet and outcome.status is None:
            return
        metrics: dict[str, float] = {
            "durationMs": round(usage.duration_ms, 3),
            "billedDurationMs": usage.billed_ms,
            "memorySizeMB": usage.memory_limit_mb,
            "maxMemoryUsedMB": usage.memory_used_mb,
        }
        if usage.init_ms is not None:
            metrics["initDurationMs"] = round(usage.init_ms, 3)
        record = {"requestId": request_id, "metrics": metrics, "status": outcome.status or "success"}
        kind = {"errorType": outcome.error_type} if outcome.error_type else {}
        self._log.write(self._line("report", record | kind))


def open_log(log: FunctionLog, spec: EnvironmentSpec) -> TextLog | JsonLog:
    """Return what writes in the format of a function."""
    return JsonLog(log, spec) if spec.log_format == "JSON" else TextLog(log, spec)
