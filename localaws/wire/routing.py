"""Find the operation that a path of a REST service stands for."""

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote

LABEL = re.compile(r"\{([^}]+)\}")
NO_HEADERS: Mapping[str, str] = {}


@dataclass(frozen=True, kw_only=True)
class Route:
    """The address of one operation."""

    method: str
    uri: str
    operation: str
    needed_query: frozenset[str] = frozenset()
    needed_headers: frozenset[str] = frozenset()
    """Names without which it is another operation of the same address: S3's copies, and parts of uploads."""
    is_deprecated: bool = False

    @functools.cached_property
    def query(self) -> frozenset[tuple[str, str]]:
        """Parameters that stand in the address: `?uploads`, `?list-type=2`."""
        return frozenset(parse_qsl(self.uri.partition("?")[2], keep_blank_values=True))

    @property
    def letters(self) -> int:
        """How many letters stand fixed: of two routes that fit, the one with more is meant."""
        return len(LABEL.sub("", self.uri))

    @property
    def rank(self) -> tuple[int, int, bool]:
        """The order in which routes are tried."""
        return -self.letters, -len(self.needed_query | self.needed_headers), self.is_deprecated

    def has_needs(self, *, names: frozenset[str], headers: Mapping[str, str]) -> bool:
        """Tell whether a request has what the operation cannot do without."""
        return self.needed_query <= names and self.needed_headers <= headers.keys()


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
        for name in model["operations"]:
            route = read_route(model, name)
            self._routes.setdefault(route.method, []).append(route)
        for routes in self._routes.values():
            routes.sort(key=lambda route: route.rank)

    def find(
        self, *, method: str, path: str, query: str, headers: Mapping[str, str] = NO_HEADERS
    ) -> str | None:
        """Return the operation with the most fixed letters that fits; None where none does.

        Of several with one address, it is the one that finds what it needs, or else the last.
        """
        sent = frozenset(parse_qsl(query, keep_blank_values=True))
        names = frozenset(name for name, _ in sent)
        found: Route | None = None
        for route in self._routes.get(method, ()):
            if found is not None and route.uri != found.uri:
                continue
            if route.query <= sent and match_path(route.uri, path) is not None:
                found = route
                if route.has_needs(names=names, headers=headers):
                    break
        return None if found is None else found.operation


def read_route(model: Any, name: str) -> Route:
    """Return the address of an operation."""
    operation = model["operations"][name]
    shape = model.get("shapes", {}).get(operation.get("input", {}).get("shape"), {})
    needed = [shape["members"][member] for member in shape.get("required", ())]

    def names(location: str) -> frozenset[str]:
        return frozenset(each["locationName"] for each in needed if each.get("location") == location)

    return Route(
        method=operation["http"]["method"],
        uri=operation["http"]["requestUri"],
        operation=name,
        needed_query=names("querystring"),
        needed_headers=frozenset(header.lower() for header in names("header")),
        is_deprecated=bool(operation.get("deprecated")),
    )
