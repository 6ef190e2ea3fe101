"""Where the functions of custom resources answer: at localaws itself; moto names the host of its Docker.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-requesttypes-create.html
"""

from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

from moto.cloudformation import custom_model

from localaws.context import current

PORTS = {"http": 80, "https": 443}


def split(address: str) -> tuple[str, str]:
    """Return an address without its port, and the port."""
    parts = urlsplit(address)
    host = parts.netloc if parts.port is None else parts.netloc.rpartition(":")[0]
    return f"{parts.scheme}://{host}", str(parts.port or PORTS[parts.scheme])


def install() -> None:
    """Give moto's custom resources this address, of which they ask both halves."""
    module: Any = custom_model
    module.settings = SimpleNamespace(
        moto_server_host=lambda: split(current().endpoint_url)[0],
        moto_server_port=lambda: split(current().endpoint_url)[1],
    )
