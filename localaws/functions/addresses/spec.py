"""One function URL: its settings. Pure.

https://docs.aws.amazon.com/lambda/latest/dg/urls-configuration.html
"""

import secrets
import string
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from moto.awslambda.exceptions import InvalidParameterValueException

PATH = "/_localaws/function-urls"
"""Where function URLs lie. A host of each function's own would be AWS's way, but few resolvers know it."""
ID_CHARACTERS = string.ascii_lowercase + string.digits


def new_url_id() -> str:
    """Return the id of a new function URL."""
    return "".join(secrets.choice(ID_CHARACTERS) for _ in range(32))


@dataclass(kw_only=True)
class FunctionUrl:
    """A function URL; `qualifier` is an alias, or `$LATEST`."""

    qualifier: str
    auth_type: str
    created: str
    last_modified: str
    cors: dict[str, Any] = field(default_factory=dict)
    invoke_mode: str | None = None
    id: str = field(default_factory=new_url_id)

    def change(self, request: Mapping[str, Any], *, now: str) -> None:
        """Take what an update says."""
        self.auth_type = request.get("AuthType") or self.auth_type
        self.cors = request.get("Cors", self.cors) or {}
        self.invoke_mode = request.get("InvokeMode") or self.invoke_mode
        self.last_modified = now

    def describe(self, *, arn: str, base: str) -> dict[str, Any]:
        """Return what AWS answers; `base` is the address of localaws."""
        optional = {"Cors": self.cors or None, "InvokeMode": self.invoke_mode}
        return {
            "FunctionUrl": f"{base}{PATH}/{self.id}/",
            "FunctionArn": arn,
            "AuthType": self.auth_type,
            "CreationTime": self.created,
            "LastModifiedTime": self.last_modified,
        } | {name: value for name, value in optional.items() if value is not None}


def check_request(request: Mapping[str, Any]) -> None:
    """Refuse settings that cannot be, or that localaws does not serve."""
    if request.get("InvokeMode") not in (None, "BUFFERED"):
        raise InvalidParameterValueException(
            f"localaws does not implement InvokeMode {request['InvokeMode']} of function URLs: use BUFFERED"
        )
