"""Links from a task to what it made on AWS, shown as buttons of the task in Airflow's UI.

Airflow reads a link from XCom. It stores them itself when a task has ended; a job runs for hours, so an
operator stores them as soon as the name is known (`show_links`), and Airflow's own storing finds them there,
also after a deferral, when the operator is another object in another process.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from airflow.sdk import BaseOperator, BaseOperatorLink, Context
from airflow.sdk.execution_time.xcom import XCom
from airflow.sdk.types import TaskInstanceKey

if TYPE_CHECKING:
    from musher.console import Console

logger = logging.getLogger(__name__)


class StoredLink(BaseOperatorLink):
    """A link that the task itself has stored under this link's XCom key."""

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        """Return the stored address, or the empty text: then the UI shows a button that does nothing."""
        return str(XCom.get_value(key=self.xcom_key, ti_key=ti_key) or "")


class ResourceLink(StoredLink):
    """The page of the job, endpoint or function in the console: AWS's, or MUSHER_CONSOLE_URL."""

    name = "Console"


class LogLink(StoredLink):
    """The log of the job, endpoint or function there."""

    name = "Log"


LINKS = (ResourceLink(), LogLink())


def show_links(
    context: Context,
    *,
    find_console: Callable[[], "Console | None"],
    kind: str,
    name: str,
    log: tuple[str, str],
) -> None:
    """Store the links to a resource and to its log (group, streams' prefix); empty ones without a console.

    A link is a convenience: that it cannot be found or stored never fails a task that has paid for a job.
    """
    with _at_most_warning(name):
        console = find_console()
        if console is None:
            _store(context, ["" for _ in LINKS])
            return
        group, prefix = log
        _store(context, [console.page(kind, name=name), console.log(group=group, prefix=prefix)])


def show_no_links(context: Context) -> None:
    """Store that there is nothing to link to: else Airflow logs an error for each link that it misses."""
    with _at_most_warning("nothing to link to"):
        _store(context, ["" for _ in LINKS])


def _store(context: Context, addresses: Sequence[str]) -> None:
    for link, address in zip(LINKS, addresses, strict=True):
        context["ti"].xcom_push(key=link.xcom_key, value=address)


@contextmanager
def _at_most_warning(name: str) -> Iterator[None]:
    try:
        yield
    except Exception:  # whatever it is, see show_links
        logger.warning("%s: the links to the console are not stored", name, exc_info=True)
