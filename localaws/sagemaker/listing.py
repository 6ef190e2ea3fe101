"""Lists of resources: filtered before they are cut into pages; moto does it the other way round, or not."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from moto.sagemaker.exceptions import AWSValidationException

from localaws.paging import cut

DEFAULT_PAGE = 10
"""Entries in an answer where the request names no MaxResults (AWS's default)."""
FILTERS = (
    "NameContains",
    "StatusEquals",
    "CreationTimeAfter",
    "CreationTimeBefore",
    "LastModifiedTimeAfter",
    "LastModifiedTimeBefore",
)
Summarise = Callable[[Any], Mapping[str, Any]]


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One kind of resource, and how its List action shows it."""

    answer: str
    """The member that holds the page: `TrainingJobSummaries`."""
    name: str
    """The attribute with a resource's name: `training_job_name`."""
    status: str = ""
    """The attribute with its status; empty where it has none."""
    summarise: Summarise
    default_sort: str = "CreationTime"
    default_order: str = "Ascending"

    def name_of(self, resource: Any) -> str:
        """Return a resource's name."""
        return str(getattr(resource, self.name))

    def status_of(self, resource: Any) -> str:
        """Return a resource's status."""
        return str(getattr(resource, self.status))


def job_kind(name: str, *, members: Sequence[str] = (), default_order: str = "Ascending") -> Kind:
    """Return a kind of job, `Training` say; `members` are those of its summary besides what all have."""
    own = (f"{name}JobName", f"{name}JobStatus", f"{name}EndTime")
    shown = (*own, "CreationTime", "LastModifiedTime", *members)

    def summarise(job: Any) -> dict[str, Any]:
        found = {member: getattr(job, attribute_of(member), None) for member in shown}
        found[f"{name}JobArn"] = job.arn
        return {member: value for member, value in found.items() if value is not None}

    return Kind(
        answer=f"{name}JobSummaries",
        name=attribute_of(own[0]),
        status=attribute_of(own[1]),
        summarise=summarise,
        default_order=default_order,
    )


def attribute_of(member: str) -> str:
    """Return moto's attribute for a name in the API: `training_end_time` for `TrainingEndTime`."""
    return "_".join(re.findall("[A-Z][a-z]*", member)).lower()


@dataclass(frozen=True, kw_only=True)
class ListRequest:
    """What a List action asks for."""

    filters: Mapping[str, Any]
    sort_by: str
    is_descending: bool
    start: int
    limit: int

    @classmethod
    def read(cls, get: Callable[..., Any], *, kind: Kind) -> "ListRequest":
        """Read the parameters through moto's `get`; raises AWS's error for a token that is not ours."""
        return cls(
            filters={name: get(name) for name in FILTERS},
            sort_by=get("SortBy", kind.default_sort),
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


def list_resources(resources: Iterable[Any], get: Callable[..., Any], *, kind: Kind) -> dict[str, Any]:
    """Return the answer of a List action with the parameters of `get`: a page, and the next's token."""
    request = ListRequest.read(get, kind=kind)
    found = [item for item in list(resources) if _matches(item, request.filters, kind=kind)]
    keys: dict[str, Callable[[Any], Any]] = {"Name": kind.name_of, "Status": kind.status_of}
    key = keys.get(request.sort_by, lambda item: item.creation_time)
    found.sort(key=lambda item: (key(item), kind.name_of(item)), reverse=request.is_descending)
    page, token = cut(found, start=request.start, limit=request.limit)
    answer: dict[str, Any] = {kind.answer: [kind.summarise(item) for item in page]}
    return answer if token is None else answer | {"NextToken": token}


def _matches(item: Any, filters: Mapping[str, Any], *, kind: Kind) -> bool:
    checks: dict[str, Callable[[Any], bool]] = {
        "NameContains": lambda value: value.lower() in kind.name_of(item).lower(),
        "StatusEquals": lambda value: value == kind.status_of(item),
        "CreationTimeAfter": lambda value: item.creation_time > value,
        "CreationTimeBefore": lambda value: item.creation_time < value,
        "LastModifiedTimeAfter": lambda value: item.last_modified_time > value,
        "LastModifiedTimeBefore": lambda value: item.last_modified_time < value,
    }
    return all(check(filters[name]) for name, check in checks.items() if filters.get(name) is not None)
