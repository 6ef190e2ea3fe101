"""The members of a request as a tree: mappings, lists and scalars, alike in all protocols.

Protocols: https://smithy.io/2.0/aws/protocols/
"""

import functools
import json
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl

from localaws.protocols import MODELS, REST_MODELS
from localaws.wire.readers import ENTRY_NUMBER
from localaws.wire.routing import match_path

Tree = Mapping[str, Any]
Path = tuple[str, ...]
EACH = "*"
"""In a path: all entries of a list, or all values of a mapping."""
LEVELS = ("member", "entry")
"""What forms put between a list or a mapping and its numbered entries."""


def read_path(text: str) -> Path:
    """Return a path that is written with dots."""
    return tuple(text.split("."))


def find(tree: Any, path: Path) -> Iterator[Any]:
    """Yield what stands at a path."""
    if not path:
        yield tree
        return
    name, rest = path[0], path[1:]
    if name == EACH:
        entries = tree if isinstance(tree, list) else tree.values() if isinstance(tree, dict) else ()
        for entry in entries:
            yield from find(entry, rest)
    elif isinstance(tree, dict) and tree.get(name) is not None:
        yield from find(tree[name], rest)


def find_texts(tree: Any, path: Path) -> list[str]:
    """Return the scalars that stand at a path, or in a list there; texts without a letter are not there."""
    found = [each for item in find(tree, path) for each in (item if isinstance(item, list) else [item])]
    scalars = [item for item in found if item != "" and isinstance(item, str | int | float)]
    return [str(item).lower() if isinstance(item, bool) else str(item) for item in scalars]


def read_json(body: bytes) -> dict[str, Any]:
    """Return the members of a body in JSON; none where it is no object, which the service itself refuses."""
    try:
        found = json.loads(body) if body.strip() else {}
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def read_form(body: bytes) -> dict[str, Any]:
    """Return the members of a form (query and EC2 protocol); of one that is sent twice, the first."""
    tree: dict[str, Any] = {}
    for name, text in parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True):
        *folders, last = name.split(".")
        place = tree
        for folder in folders:
            below = place.setdefault(folder, {})
            if not isinstance(below, dict):
                below = place[folder] = {}
            place = below
        place.setdefault(last, text)
    try:
        return {name: _plain(node) for name, node in tree.items()}
    except RecursionError:  # a name with a thousand dots
        return {}


def _plain(node: Any) -> Any:
    """Return lists and mappings of a form as other protocols write them."""
    if not isinstance(node, dict):
        return node
    if len(node) == 1 and (level := next(iter(node))) in LEVELS and isinstance(node[level], dict):
        entries = _plain(node[level])
        return entries if level == "member" or not isinstance(entries, list) else _map(entries)
    if node and all(ENTRY_NUMBER.fullmatch(name) for name in node):
        return [_plain(node[name]) for name in sorted(node, key=int)]
    return {name: _plain(below) for name, below in node.items()}


def _map(entries: list[Any]) -> dict[str, Any]:
    """Return a mapping whose entries a form numbers."""
    pairs = [list(entry.values()) for entry in entries if isinstance(entry, dict)]
    return {str(pair[0]): pair[1] for pair in pairs if len(pair) == 2}


@functools.cache
def has_members_in_body(service: str, operation: str) -> bool:
    """Tell whether the body of an operation of a REST service is its members, not a payload of its own."""
    model = MODELS.load_service_model(REST_MODELS.get(service, service), "service-2")
    shape = model["shapes"].get(model["operations"][operation].get("input", {}).get("shape"), {})
    return "payload" not in shape


@functools.cache
def _find_uri(service: str, operation: str) -> str:
    model = MODELS.load_service_model(REST_MODELS.get(service, service), "service-2")
    return str(model["operations"][operation]["http"]["requestUri"])


def read_labels(service: str, operation: str, *, path: str, query: str) -> dict[str, Any]:
    """Return what path and query of a request to a REST service hold, of a repeated parameter all."""
    found: dict[str, Any] = {}
    for name, text in parse_qsl(query, keep_blank_values=True) if query else ():
        found[name] = text if name not in found else [*_listed(found[name]), text]
    return found | (match_path(_find_uri(service, operation), path) or {})


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
