"""Find the operation that a path of a REST service stands for."""

import functools
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote

LABEL = re.compile(r"\{([^}]+)\}")


@dataclass(frozen=True, kw_only=True)
class Route:
    """The address of one operation."""

    method: str
    uri: str
    operation: str

    @functools.cached_property
    def query(self) -> frozenset[tuple[str, str]]:
        """Parameters that stand in the address: `?uploads`, `?list-type=2`."""
        return frozenset(parse_qsl(self.uri.partition("?")[2], keep_blank_values=True))

    @property
    def letters(self) -> int:
        """How many letters stand fixed: of two routes that fit, the one with more is meant."""
        return len(LABEL.sub("", self.uri))


@functools.cache
def compile_uri(uri: str) -> re.Pattern[str]:
    """Return what matches a requestUri, whose labels stand in braces (`{Name+}` holds slashes)."""
    parts = re.split(r"(\{[^}]+\})", uri.partition("?")[0].rstrip("/"))
    return re.compile("".join(map(_compile_part, parts)) + "/?", re.DOTALL)


def _compile_part(part: str) -> str:
    if not part.startswith("{"):
        return re.escape(part)
    return "(.+)" if part.endswith("+}") else "([^/]+)"


def match_path(uri: str, path: str) -> dict[str, str] | None:
    """Return the labels of a path, decoded; None where it is another operation's."""
    match = compile_uri(uri).fullmatch(path)
    if match is None:
        return None
    names = [name.rstrip("+") for name in LABEL.findall(uri.partition("?")[0])]
    return dict(zip(names, map(unquote, match.groups()), strict=True))


class Routes:
    """The operations of one service by method and path."""

    def __init__(self, model: Any) -> None:
        self.protocol = str(model["metadata"]["protocol"])
        self._routes: dict[str, list[Route]] = {}
        for name, operation in model["operations"].items():
            http = operation["http"]
            route = Route(method=http["method"], uri=http["requestUri"], operation=name)
            self._routes.setdefault(route.method, []).append(route)
        for routes in self._routes.values():
            routes.sort(key=lambda route: -route.letters)

    def find(self, *, method: str, path: str, query: str) -> str | None:
        """Return the operation with the most fixed letters that fits; None where none does."""
        sent = frozenset(parse_qsl(query, keep_blank_values=True))
        for route in self._routes.get(method, ()):
            if route.query <= sent and match_path(route.uri, path) is not None:
                return route.operation
        return None
