"""Lists of jobs: filtered before they are cut into pages, which moto does the other way round."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from moto.sagemaker.exceptions import AWSValidationException

DEFAULT_PAGE = 10
"""Jobs in an answer where the request names no MaxResults (AWS's default)."""
FILTERS = (
    "NameContains",
    "StatusEquals",
    "CreationTimeAfter",
    "CreationTimeBefore",
    "LastModifiedTimeAfter",
    "LastModifiedTimeBefore",
)


@dataclass(frozen=True, kw_only=True)
class JobKind:
    """One kind of job, and what a summary of it holds besides what all have."""

    name: str
    """`Training`, `Processing` or `Transform`."""
    members: tuple[str, ...] = ()
    default_order: str = "Ascending"

    def read(self, job: Any, member: str) -> Any:
        """Return an attribute of a job by its name in the API (`TrainingEndTime`)."""
        words = re.findall("[A-Z][a-z]*", member)
        return getattr(job, "_".join(words).lower(), None)

    def name_of(self, job: Any) -> str:
        """Return a job's name."""
        return str(self.read(job, f"{self.name}JobName"))

    def status_of(self, job: Any) -> str:
        """Return a job's status."""
        return str(self.read(job, f"{self.name}JobStatus"))

    def summary(self, job: Any) -> dict[str, Any]:
        """Return a job as the list shows it."""
        own = (f"{self.name}JobName", f"{self.name}JobStatus", f"{self.name}EndTime")
        members = (*own, "CreationTime", "LastModifiedTime", *self.members)
        found = {member: self.read(job, member) for member in members}
        found[f"{self.name}JobArn"] = job.arn
        return {member: value for member, value in found.items() if value is not None}


@dataclass(frozen=True, kw_only=True)
class ListRequest:
    """What a List action asks for."""

    filters: Mapping[str, Any]
    sort_by: str
    is_descending: bool
    start: int
    limit: int

    @classmethod
    def read(cls, get: Callable[..., Any], *, kind: JobKind) -> "ListRequest":
        """Read the parameters through moto's `get`; raises AWS's error for a token that is not ours."""
        return cls(
            filters={name: get(name) for name in FILTERS},
            sort_by=get("SortBy", "CreationTime"),
            is_descending=get("SortOrder", kind.default_order) == "Descending",
            start=parse_token(get("NextToken")),
            limit=get("MaxResults", DEFAULT_PAGE),
        )


def parse_token(token: str | None) -> int:
    """Return the start that a NextToken stands for; raises AWS's error for one that is not ours."""
    if token is None:
        return 0
    if not re.fullmatch(r"\d{1,9}", token):
        raise AWSValidationException(f"Invalid pagination token: {token}")
    return int(token)


def list_jobs(jobs: Iterable[Any], request: ListRequest, *, kind: JobKind) -> dict[str, Any]:
    """Return the answer of a List action: one page, and where the next begins."""
    found = [job for job in list(jobs) if _matches(job, request.filters, kind=kind)]
    keys: dict[str, Callable[[Any], Any]] = {"Name": kind.name_of, "Status": kind.status_of}
    key = keys.get(request.sort_by, lambda job: job.creation_time)
    found.sort(key=lambda job: (key(job), kind.name_of(job)), reverse=request.is_descending)
    end = request.start + request.limit
    page: dict[str, Any] = {
        f"{kind.name}JobSummaries": [kind.summary(job) for job in found[request.start : end]]
    }
    return page | ({"NextToken": str(end)} if end < len(found) else {})


def _matches(job: Any, filters: Mapping[str, Any], *, kind: JobKind) -> bool:
    checks: dict[str, Callable[[Any], bool]] = {
        "NameContains": lambda value: value.lower() in kind.name_of(job).lower(),
        "StatusEquals": lambda value: value == kind.status_of(job),
        "CreationTimeAfter": lambda value: job.creation_time > value,
        "CreationTimeBefore": lambda value: job.creation_time < value,
        "LastModifiedTimeAfter": lambda value: job.last_modified_time > value,
        "LastModifiedTimeBefore": lambda value: job.last_modified_time < value,
    }
    return all(check(filters[name]) for name, check in checks.items() if filters.get(name) is not None)
