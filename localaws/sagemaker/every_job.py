"""All jobs of one kind, of every account and region, for the status page."""

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from moto.sagemaker import models as moto_models

from localaws.backends import every_backend

Job = TypeVar("Job")


def newest_first(kind: type[Job], jobs_of: Callable[[Any], Iterable[Any]]) -> list[tuple[str, str, Job]]:
    """Return (account, region, job) of the jobs of a class; `jobs_of` gives those that a backend keeps."""
    found: list[Any] = [
        (account_id, region, job)
        for account_id, region, backend in every_backend(moto_models.sagemaker_backends)
        for job in list(jobs_of(backend))
        if isinstance(job, kind)
    ]
    return sorted(found, key=lambda place: place[2].creation_time, reverse=True)
