"""Put a function's code and layers in place, and tell the function how it went."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from localaws.functions.packages import Packages

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Deployment:
    """What is to be unpacked for one version of a function, and whom to tell."""

    arn: str
    code: bytes
    layers: Sequence[bytes]
    succeeded: Callable[[Path, tuple[Path, ...]], None]
    """Gets the folder of the code and those of the layers."""
    failed: Callable[[str], None]
    """Gets the reason."""


def deploy(deployment: Deployment, *, packages: Packages) -> bool:
    """Unpack the code; return whether it could be. It raises nothing: this is a thread's work."""
    try:
        task_root = packages.unpack(deployment.code)
        layer_roots = tuple(packages.unpack(code) for code in deployment.layers)
    except Exception as error:  # noqa: BLE001 - the state of the function says what went wrong
        logger.warning("%s was not deployed: %s", deployment.arn, error)
        deployment.failed(str(error))
        return False
    deployment.succeeded(task_root, layer_roots)
    logger.info("%s is deployed", deployment.arn)
    return True
