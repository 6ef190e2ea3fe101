"""A CloudWatch Logs and a botocore waiter in memory, as far as the operators call them."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from botocore.exceptions import ClientError, WaiterError


def refuse(code: str, operation: str) -> ClientError:
    """Return the error that boto3 raises for an error code."""
    return ClientError({"Error": {"Code": code, "Message": code}}, operation)


class FakeLogs:
    """A log group with given streams, as AwsLogsHook shows it."""

    def __init__(self, streams: dict[str, list[str]]) -> None:
        self.streams = streams
        self.conn = self

    def describe_log_streams(self, *, logGroupName: str, limit: int, logStreamNamePrefix: str = "") -> Any:  # noqa: N803
        names = [name for name in self.streams if name.startswith(logStreamNamePrefix)][:limit]
        return {"logStreams": [{"logStreamName": name} for name in names]}

    def get_log_events(self, group: str, stream: str, *, continuation_token: Any) -> list[dict[str, str]]:
        start = int(continuation_token.value or 0)
        continuation_token.value = str(len(self.streams[stream]))
        return [{"message": line} for line in self.streams[stream][start:]]


class FakeWaiter:
    """A botocore waiter that reads the next state of a script: True, False, or still waiting."""

    def __init__(
        self, describe: Callable[[], dict[str, Any]], judge: Callable[[dict[str, Any]], bool | None]
    ) -> None:
        self.describe, self.judge = describe, judge
        self.config = SimpleNamespace(delay=10, max_attempts=3)

    def wait(self, **arguments: Any) -> None:
        answer = self.describe()
        verdict = self.judge(answer)
        if verdict is True:
            return
        reason = "Max attempts exceeded" if verdict is None else "Waiter encountered a terminal failure state"
        raise WaiterError(name="x", reason=reason, last_response=answer)
