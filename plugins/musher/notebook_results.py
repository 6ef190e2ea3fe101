"""What the tasks of the DAG notebook_instance hand on: see results.py."""

from typing import TypedDict


class NotebookResult(TypedDict):
    """A notebook instance in service."""

    name: str
    arn: str
    instance_type: str
    volume_gb: int
    seconds: float
    """Until it was in service; near 0 where it was before."""


class NotebookAddress(TypedDict):
    """An address with which whoever has it is in a notebook instance."""

    url: str
    valid_s: int
    """Seconds within which it must be opened."""
    session_s: int
    """Seconds that the session then lasts."""
