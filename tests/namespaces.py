"""Whether this machine lets children have namespaces, which some tests are about."""

import functools

from localaws.processes import Supervisor


@functools.cache
def has_namespaces() -> bool:
    """Return whether children get namespaces on this machine."""
    supervisor = Supervisor()
    try:
        return not supervisor.refusal
    finally:
        supervisor.close()
