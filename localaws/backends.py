"""Every backend of one of moto's services."""

from collections.abc import Mapping
from typing import Any


def every_backend(backends: Mapping[str, Mapping[str, Any]]) -> list[tuple[str, str, Any]]:
    """Return account, region and backend of each that there is now; others may be made meanwhile."""
    return [
        (account_id, region, backend)
        for account_id, regions in list(backends.items())
        for region, backend in list(regions.items())
    ]
