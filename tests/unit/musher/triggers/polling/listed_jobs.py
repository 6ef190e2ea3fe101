"""SageMaker's list and descriptions of training jobs in memory, for many waits at once."""

import asyncio
from datetime import UTC, datetime
from email.utils import format_datetime
from types import SimpleNamespace
from typing import Any

from botocore.exceptions import WaiterError

from musher.triggers.polling.poller import JobSource

START_S = 1_800_000_000.0
PAGE = 100


def now_s() -> float:
    """Return the seconds since 1970 in the loop's own time."""
    return START_S + asyncio.get_running_loop().time()


def now() -> datetime:
    """Return the loop's own time."""
    return datetime.fromtimestamp(now_s(), UTC)


class ListedJobs:
    """Jobs whose states a test sets; calls are noted with their time."""

    def __init__(self) -> None:
        self.jobs: dict[str, dict[str, Any]] = {}
        self.unlisted: set[str] = set()
        self.calls: list[tuple[float, str]] = []
        self.filters: list[dict[str, Any]] = []
        self.list_errors: list[Exception] = []
        self.opened: list[str] = []
        self.closed: list[str] = []

    def put(self, name: str, status: str = "InProgress") -> None:
        """Set a job's status now."""
        self.jobs[name] = {
            "TrainingJobName": name,
            "TrainingJobStatus": status,
            "CreationTime": self.jobs.get(name, {}).get("CreationTime", now()),
            "LastModifiedTime": now(),
        }

    def described(self) -> int:
        """Return how often a job was described."""
        return sum(call == "describe" for _, call in self.calls)

    def listed(self) -> list[float]:
        """Return the seconds at which pages were listed."""
        return [at for at, call in self.calls if call == "list"]

    async def list_page(self, **given: Any) -> dict[str, Any]:
        """Answer as ListTrainingJobs does."""
        assert given.pop("MaxResults") == PAGE
        assert (given.pop("SortBy"), given.pop("SortOrder")) == ("CreationTime", "Descending")
        self.calls.append((now_s() - START_S, "list"))
        if self.list_errors:
            raise self.list_errors.pop(0)
        start = int(given.pop("NextToken", 0))
        if not start:
            self.filters.append(given)
        found = [job for job in self.jobs.values() if self._matches(job, given)]
        page = [dict(job) for job in found[start : start + PAGE]]
        answer = {
            "TrainingJobSummaries": page,
            "ResponseMetadata": {"HTTPHeaders": {"date": format_datetime(now(), usegmt=True)}},
        }
        return answer | ({"NextToken": str(start + PAGE)} if len(found) > start + PAGE else {})

    def _matches(self, job: dict[str, Any], given: dict[str, Any]) -> bool:
        return (
            job["TrainingJobName"] not in self.unlisted
            and given.get("NameContains", "") in job["TrainingJobName"]
            and given.get("StatusEquals", job["TrainingJobStatus"]) == job["TrainingJobStatus"]
            and (
                "LastModifiedTimeAfter" not in given
                or job["LastModifiedTime"] > given["LastModifiedTimeAfter"]
            )
        )

    async def wait(self, *, TrainingJobName: str, WaiterConfig: Any) -> None:  # noqa: N803
        """Describe a job, and judge it as the waiter of waiters/sagemaker.json does."""
        self.calls.append((now_s() - START_S, "describe"))
        answer = self.jobs[TrainingJobName]
        judged = {state for state, matches in ENDS if matches(answer)}
        if "success" in judged:
            return
        reason = "Waiter encountered a terminal failure state" if judged else "Max attempts exceeded"
        raise WaiterError(name="x", reason=reason, last_response=answer)

    def source(self) -> JobSource:
        """Return where a poller finds these jobs."""
        acceptors = [SimpleNamespace(state=state, matcher_func=matches) for state, matches in ENDS]
        waiter = SimpleNamespace(wait=self.wait, config=SimpleNamespace(acceptors=acceptors))
        return JobSource(
            member="TrainingJob",
            open_client=lambda: self._open("sagemaker"),
            open_logs=lambda: self._open("logs"),
            make_waiter=lambda _: waiter,
            list_page=lambda _: self.list_page,
        )

    async def _open(self, service: str) -> Any:
        await asyncio.sleep(0)
        return Opened(self, service)


class Opened:
    """A client that notes when it is opened and closed."""

    def __init__(self, jobs: ListedJobs, service: str) -> None:
        self._jobs, self._service = jobs, service

    async def __aenter__(self) -> "Opened":
        self._jobs.opened.append(self._service)
        return self

    async def describe_training_job(self, *, TrainingJobName: str) -> dict[str, Any]:  # noqa: N803
        self._jobs.calls.append((now_s() - START_S, "describe"))
        return self._jobs.jobs[TrainingJobName]

    async def describe_log_streams(self, **_: Any) -> dict[str, Any]:
        self._jobs.calls.append((now_s() - START_S, "logs"))
        return {"logStreams": []}

    async def __aexit__(self, *_: object) -> None:
        self._jobs.closed.append(self._service)


def _is(status: str) -> Any:
    return lambda answer: answer.get("TrainingJobStatus") == status


ENDS = (
    ("success", _is("Completed")),
    ("failure", _is("Failed")),
    ("failure", _is("Stopped")),
    ("retry", lambda answer: answer.get("Error", {}).get("Code") == "ThrottlingException"),
)
