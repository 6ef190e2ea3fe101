"""Speak to the fault rules of a running localaws, from tests and scripts (standard library only).

faults = FaultClient("http://127.0.0.1:4566")
with faults.injected({"kind": "reset_after_effect", "service": "sagemaker", "action": "CreateTrainingJob"}):
    ...
assert faults.fired()[0]["outcome"] == "reset after the answer 200"
"""

import contextlib
import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Generator, Mapping, Sequence
from typing import Any

from localaws.errors import FaultRuleError

PATH = "/_localaws/faults"


class FaultClient:
    """The rules of the localaws at `url`. What it refuses raises FaultRuleError."""

    def __init__(self, url: str, *, timeout_s: float = 60.0) -> None:
        self._url = url.rstrip("/") + PATH
        self._timeout_s = timeout_s
        # never by a proxy that the environment names: the address is this machine's
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def put(
        self, *rules: Mapping[str, Any], api_limits: str | Sequence[Mapping[str, Any]] | None = None
    ) -> list[dict[str, Any]]:
        """Put rules and rates ("aws", or a list) in the place of all others; return the rules."""
        document = {"rules": rules, "api_limits": api_limits}
        return list(self._send("PUT", document=document)["rules"])

    def add(self, **rule: Any) -> dict[str, Any]:
        """Put one rule behind the others; return it with its id."""
        return self._send("POST", document=rule)

    def kill(self, *, child: str, name: str = "*", count: int = 1) -> list[str]:
        """Kill children now; return their names. It is an error where none matches."""
        killed = self._send("POST", document={"kind": "kill", "child": child, "name": name, "count": count})
        return list(killed["killed"])

    def rules(self) -> list[dict[str, Any]]:
        """Return the rules, with their `calls` and how often each has `fired`."""
        return list(self._send("GET")["rules"])

    def fired(self) -> list[dict[str, Any]]:
        """Return what has fired, the oldest first."""
        return list(self._send("GET", "/fired")["fired"])

    def remove(self, rule_id: str) -> None:
        """Forget one rule; it is an error where there is none."""
        self._send("DELETE", f"/{urllib.parse.quote(rule_id, safe='')}")

    def clear(self) -> None:
        """Forget all rules, rates, and what has fired."""
        self._send("DELETE")

    @contextlib.contextmanager
    def injected(self, *rules: Mapping[str, Any], **options: Any) -> Generator["FaultClient", None, None]:
        """Put rules, and forget them at the end; what has fired is to be read before that."""
        self.put(*rules, **options)
        try:
            yield self
        finally:
            self.clear()

    def _send(self, method: str, path: str = "", *, document: Any = None) -> dict[str, Any]:
        body = None if document is None else json.dumps(document).encode()
        request = urllib.request.Request(self._url + path, data=body, method=method)  # noqa: S310 - the caller's own address
        try:
            with self._opener.open(request, timeout=self._timeout_s) as answer:
                return dict(json.load(answer))
        except urllib.error.HTTPError as error:
            with error:
                raise FaultRuleError(said(error.read()) or f"{method} answered {error.code}") from error


def said(body: bytes) -> str:
    """Return the message of an error's body."""
    try:
        document = json.loads(body)
    except ValueError:
        return ""
    return str(document.get("message", "")) if isinstance(document, dict) else ""
