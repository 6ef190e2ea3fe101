"""List the jobs of one kind: those that are live, or that have changed since the last look.

ListTrainingJobs and its siblings filter by the time of the last change, but do not sort by it, so every page
is read: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ListTrainingJobs.html
"""

import logging
import os.path
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from musher import clock
from musher.triggers.polling.token_bucket import TokenBucket

logger = logging.getLogger(__name__)

Summary = dict[str, Any]
Pages = AsyncGenerator[dict[str, Summary], None]
"""The jobs of each page, by name."""

ListPage = Callable[..., Awaitable[dict[str, Any]]]
"""A List action: takes its parameters, returns a page."""

LISTS_PER_S = 1.0
"""Half of ListTrainingJobs' quota, 2 a second for an account and region; other processes have the other half.
AWS publishes none for its siblings: https://docs.aws.amazon.com/general/latest/gr/sagemaker.html"""

DESCRIBES_PER_S = 2.0
"""In a crowd. AWS publishes no rate of DescribeTrainingJob: this is that of ListTrainingJobs."""

PAGE = 100
"""AWS's own limit of a page."""

MAX_PAGES = 100
"""Of one look: 10,000 jobs. What lies behind is described job by job."""

OVERLAP_S = 20.0
"""How far a look goes back behind the one before: lists follow changes with a delay, and AWS's Date is in
whole seconds."""


class JobListing:
    """Read the lists of one kind of job, at LISTS_PER_S at most."""

    def __init__(self, *, member: str) -> None:
        """Take what AWS's members of the job begin with, such as `TrainingJob`."""
        self.member = member
        self._tokens = TokenBucket(per_s=LISTS_PER_S, burst=1)
        self._changed_after: datetime | None = None

    def read_live(self, list_page: ListPage, *, names: Collection[str]) -> Pages:
        """Give the jobs in progress, page by page; later changes count from here."""
        return self._read(list_page, names=names, StatusEquals="InProgress")

    def read_changed(self, list_page: ListPage, *, names: Collection[str]) -> Pages:
        """Give the jobs that have changed since the last look, and somewhat before it, page by page."""
        return self._read(list_page, names=names, LastModifiedTimeAfter=self._changed_after)

    async def search(self, list_page: ListPage, *, names: Collection[str]) -> Pages:
        """Give jobs of every status, the newest first, until all of `names` are found, page by page.

        It reads no longer than it would take to describe them.
        """
        missing = set(names)
        pages = max(1, round(len(names) * LISTS_PER_S / DESCRIBES_PER_S))
        reading = self._read_pages(list_page, _common_part(names), limit=min(pages, MAX_PAGES))
        async with aclosing(reading):
            async for page in reading:
                found = self._by_name(page)
                yield found
                missing -= found.keys()
                if not missing:
                    return

    async def _read(self, list_page: ListPage, *, names: Collection[str], **filters: Any) -> Pages:
        looked_at: datetime | None = None
        async for page in self._read_pages(list_page, {**filters, **_common_part(names)}, limit=MAX_PAGES):
            looked_at = looked_at or read_date(page)
            yield self._by_name(page)
        assert looked_at is not None  # there is a first page
        self._changed_after = looked_at - timedelta(seconds=OVERLAP_S)

    def _by_name(self, page: dict[str, Any]) -> dict[str, Summary]:
        return {str(job[f"{self.member}Name"]): job for job in page[f"{self.member}Summaries"]}

    async def _read_pages(
        self, list_page: ListPage, filters: dict[str, Any], *, limit: int
    ) -> AsyncGenerator[dict[str, Any], None]:
        token: dict[str, str] = {}
        for _ in range(limit):
            await self._tokens.take()
            page = await list_page(
                **filters, **token, SortBy="CreationTime", SortOrder="Descending", MaxResults=PAGE
            )
            yield page
            if "NextToken" not in page:
                return
            token = {"NextToken": page["NextToken"]}
        logger.info("more than %d %ss: the list is cut, the rest is described", limit * PAGE, self.member)


def _common_part(names: Collection[str]) -> dict[str, str]:
    """Return the filter for what all names begin with: other jobs of the account need not be read."""
    common = os.path.commonprefix(list(names))  # noqa: RUF071 - names are no paths
    return {"NameContains": common} if common else {}


def read_date(answer: dict[str, Any]) -> datetime:
    """Return when AWS answered by its own clock, which jobs' times are of; without a Date, by ours."""
    headers = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    try:
        return parsedate_to_datetime(headers["date"])
    except (KeyError, ValueError):
        return datetime.fromtimestamp(clock.now(), UTC)
