"""AWS, Airflow and the clock in memory, as far as operators and triggers call them."""

import asyncio
import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import jmespath
from botocore.exceptions import ClientError, WaiterError

from musher.hooks.waits import WAITERS


def refuse(code: str, operation: str) -> ClientError:
    """Return the error that boto3 raises for an error code."""
    told = {"Error": {"Code": code, "Message": code}, "ResponseMetadata": {"HTTPStatusCode": 400}}
    return ClientError(told, operation)


class FakeClock:
    """Time that passes only where somebody sleeps."""

    def __init__(self) -> None:
        self.time = 1_800_000_000.0
        self.slept: list[float] = []
        self.on_sleep: Callable[[], None] = lambda: None
        """What happens meanwhile."""

    def now(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += seconds
        self.on_sleep()
        await asyncio.sleep(0)


class FakeLogs:
    """A log group with given streams, as CloudWatch's client shows it."""

    def __init__(self, streams: dict[str, list[str]]) -> None:
        self.streams = streams
        self.tags: dict[str, dict[str, str]] = {}
        self.days: dict[str, int] = {}

    def create_log_group(self, *, logGroupName: str, tags: dict[str, str]) -> None:  # noqa: N803
        if logGroupName in self.tags:
            raise refuse("ResourceAlreadyExistsException", "CreateLogGroup")
        self.tags[logGroupName] = tags

    def put_retention_policy(self, *, logGroupName: str, retentionInDays: int) -> None:  # noqa: N803
        self.days[logGroupName] = retentionInDays

    def describe_log_streams(self, *, logGroupName: str, limit: int, logStreamNamePrefix: str = "") -> Any:  # noqa: N803
        names = [name for name in self.streams if name.startswith(logStreamNamePrefix)][:limit]
        return {"logStreams": [{"logStreamName": name} for name in names]}

    def get_log_events(
        self,
        *,
        logGroupName: str,  # noqa: N803
        logStreamName: str,  # noqa: N803
        startFromHead: bool,  # noqa: N803
        nextToken: str = "0",  # noqa: N803
    ) -> dict[str, Any]:
        lines = self.streams[logStreamName]
        events = [{"message": line} for line in lines[int(nextToken) :]]
        return {"events": events, "nextForwardToken": str(len(lines))}


class FakeWaiter:
    """A botocore waiter on a fake client, which judges its answers by waiters/*.json."""

    def __init__(self, client: Any, service: str, name: str) -> None:
        model = json.loads((WAITERS / f"{service}.json").read_text())["waiters"][name]
        self.client, self.acceptors = client, model["acceptors"]
        self.method = "".join(f"_{c.lower()}" if c.isupper() else c for c in model["operation"]).strip("_")
        self.config = SimpleNamespace(delay=model["delay"], max_attempts=model["maxAttempts"])

    def wait(self, *, WaiterConfig: Any, **arguments: str) -> None:  # noqa: N803
        try:
            answer = getattr(self.client, self.method)(**arguments)
        except ClientError as error:
            answer = dict(error.response)
        state = next((found["state"] for found in self.acceptors if self._matches(found, answer)), "retry")
        if state == "success":
            return
        reason = (
            "Max attempts exceeded" if state == "retry" else "Waiter encountered a terminal failure state"
        )
        if "Error" in answer and not any(self._matches(found, answer) for found in self.acceptors):
            reason = f"An error occurred ({answer['Error']['Code']}): {answer['Error']['Message']}"
        raise WaiterError(name="x", reason=reason, last_response=answer)

    def _matches(self, acceptor: dict[str, Any], answer: dict[str, Any]) -> bool:
        is_error = acceptor["matcher"] == "error"
        if is_error != ("Error" in answer):
            return False
        if is_error:
            return bool(answer["Error"]["Code"] == acceptor["expected"])
        return bool(jmespath.search(acceptor["argument"], answer) == acceptor["expected"])


class AsyncFake:
    """A fake client's methods as coroutines, and itself as the context that aiobotocore's clients are."""

    def __init__(self, fake: Any) -> None:
        self.fake = fake

    async def __aenter__(self) -> "AsyncFake":
        return self

    async def __aexit__(self, *_: object) -> None: ...

    def __getattr__(self, name: str) -> Callable[..., Any]:
        async def call(**arguments: Any) -> Any:
            return getattr(self.fake, name)(**arguments)

        return call


class FakeHook:
    """An AWS hook whose clients, blocking or not, are one fake."""

    def __init__(self, fake: Any, service: str) -> None:
        self.conn, self.service = fake, service

    async def get_async_conn(self) -> AsyncFake:
        return AsyncFake(self.conn)

    def get_waiter(self, name: str, *, deferrable: bool = False, client: Any = None) -> Any:
        waiter = FakeWaiter(self.conn, self.service, name)
        return AsyncFake(waiter) if deferrable else waiter

    def __getattr__(self, name: str) -> Any:
        return getattr(self.conn, name)


class FakeStore(dict[str, Any]):
    """Airflow's task state store, which outlives tries."""

    def set(self, key: str, value: Any) -> None:
        self[key] = json.loads(json.dumps(value))


class FakeTask:
    """One task of a run over all its tries: what Airflow counts and keeps, and what a person does to it."""

    def __init__(self) -> None:
        self.store = FakeStore()
        self.retries = 2
        self.try_number, self.max_tries, self.clear_number = 1, 2, 0
        self.state = "running"
        self.run_id = "manual__1"

    def context(self) -> Any:
        """Return the context of the try that begins now."""
        instance = SimpleNamespace(
            dag_id="d",
            run_id=self.run_id,
            task_id="run_job",
            map_index=-1,
            try_number=self.try_number,
            max_tries=self.max_tries,
            get_task_states=lambda **_: {self.run_id: {"run_job": self.state}},
            xcom_push=lambda **_: None,
        )
        run = SimpleNamespace(dag_id="d", run_id=self.run_id, clear_number=self.clear_number)
        return {"ti": instance, "dag_run": run, "task_state_store": self.store}

    def retry(self) -> Any:
        """Return the context of the next try, which Airflow starts by itself."""
        self.try_number += 1
        return self.context()

    def clear(self) -> Any:
        """Return the context of the try that follows a person's clearing of the ended or deferred task."""
        self.max_tries = self.try_number + self.retries
        self.clear_number += 1
        return self.retry()

    def clear_while_running(self) -> Any:
        """Return the context of the try that follows a clearing amid a try: max_tries stays."""
        self.clear_number += 1
        return self.retry()
