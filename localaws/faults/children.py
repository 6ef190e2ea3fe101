"""Which child processes there are to kill, by what they are and whose they are.

A child's name says both: `JOB/algo-1`, `endpoint NAME VARIANT/i-...`, `lambda-FUNCTION`.
"""

import logging
import re
from collections.abc import Iterable
from fnmatch import fnmatchcase

from localaws.faults.spec import Kill
from localaws.processes import Child

logger = logging.getLogger(__name__)

KINDS = {
    "job_host": re.compile(r"([^/ ]+)/algo-\d+"),
    "endpoint_instance": re.compile(r"endpoint ([^ ]+) .+"),
    "transform_instance": re.compile(r"transform job ([^ ]+) .+"),
    "execution_environment": re.compile(r"lambda-(.+)"),
}
"""What a child is -> its name, in which stands that of the job, endpoint or function."""


def find_victims(children: Iterable[Child], order: Kill) -> list[Child]:
    """Return the running children that a rule means, in the order of their names."""
    pattern = KINDS[order.child]
    meant = []
    for child in children:
        match = pattern.fullmatch(child.name)
        if match and any(fnmatchcase(name, order.name) for name in (match[1], child.name)):
            meant.append(child)
    running = (
        child for child in sorted(meant, key=lambda each: (each.name, each.pid)) if child.poll() is None
    )
    return [child for child, _ in zip(running, range(order.count), strict=False)]


def kill(children: Iterable[Child], order: Kill) -> list[str]:
    """Kill the children that a rule means; return their names."""
    victims = find_victims(children, order)
    for child in victims:
        logger.info("killing %s (pid %s)", child.name, child.pid)
        child.kill()
    return [child.name for child in victims]
