"""Read the members of a request as its protocol writes them, by the names and types that the checks expect.

Protocols: https://smithy.io/2.0/aws/protocols/
"""

import gzip
import io
import json
import re
import zlib
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, parse_qsl

from botocore.utils import parse_timestamp

from localaws.protocols import Protocol
from localaws.wire.checks import WrongTypeError
from localaws.wire.compiler import label, wire_name
from localaws.wire.routing import match_path

Members = dict[str, Any]
NUMBER_TYPES = ("integer", "long", "float", "double")
ENTRY_NUMBER = re.compile(r"[0-9]{1,10}")
"""What numbers an entry of a list in a form. More digits Python may refuse to read."""


class UnreadableError(Exception):
    """The body is not what the protocol writes."""


def read_json(body: bytes) -> Any:
    """Return the JSON of a body, an empty one being no members; raises UnreadableError."""
    if not body.strip():
        return {}
    try:
        found = json.loads(body, parse_constant=_refuse_constant)
        if b"\\u" in body:  # half a surrogate pair is no text
            json.dumps(found, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise UnreadableError(str(error)) from error
    return found


def _refuse_constant(text: str) -> Any:
    raise ValueError(f"{text} is not JSON")


def unzip(body: bytes, *, max_bytes: int) -> bytes:
    """Return what gzip has packed; raises UnreadableError, also where it is more than `max_bytes`."""
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(body)) as packed:
            plain = packed.read(max_bytes + 1)
    except (zlib.error, OSError, EOFError) as error:
        raise UnreadableError(str(error)) from error
    if len(plain) > max_bytes:
        raise UnreadableError(f"the body has more than {max_bytes} bytes when it is unzipped")
    return plain


def is_gzip(headers: Mapping[str, str]) -> bool:
    """Tell whether a body is packed by gzip."""
    return headers.get("content-encoding", "").strip().lower() == "gzip"


def read_query(shape: Any, body: bytes, *, protocol: Protocol) -> Members:
    """Return the members of a form (query and EC2 protocol); raises UnreadableError, WrongTypeError."""
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True)
    except ValueError as error:
        raise UnreadableError(str(error)) from error
    tree: Members = {}
    for name, text in pairs:
        *folders, last = name.split(".")
        place = tree
        for folder in folders:
            below = place.setdefault(folder, {})
            if not isinstance(below, dict):
                below = place[folder] = {}
            place = below
        place.setdefault(last, text)
    form = EC2Form() if protocol is Protocol.EC2 else Form()
    found = form.read_structure(shape, tree, "")
    return found if isinstance(found, dict) else {}


class Form:
    """Give the tree of a form's dotted names the types of a shape."""

    def read(self, shape: Any, node: Any, member: str) -> Any:
        """Return a value of the shape; what is of another form is left as it is, for the check to refuse."""
        if shape.type_name == "structure":
            return self.read_structure(shape, node, member)
        if shape.type_name == "list":
            return self.read_list(shape, node, member)
        if shape.type_name == "map":
            return self.read_map(shape, node, member)
        return read_text(shape, node, member) if isinstance(node, str) else node

    def read_structure(self, shape: Any, node: Any, member: str) -> Any:
        """Return a structure's members, by the names that the checks know."""
        if not isinstance(node, dict):
            return {} if node == "" else node
        found = {}
        for name, below in shape.members.items():
            if (value := self.find(name, below, node)) is not None:
                path = f"{member}.{label(name)}" if member else label(name)
                found[wire_name(name, below)] = self.read(below, value, path)
        return found

    def find(self, name: str, shape: Any, node: Members) -> Any:
        """Return what stands in the form for a member."""
        if shape.type_name == "list" and shape.serialization.get("flattened"):
            return node.get(shape.member.serialization.get("name") or wire_name(name, shape))
        return node.get(wire_name(name, shape))

    def read_list(self, shape: Any, node: Any, member: str) -> Any:
        """Return a list's entries, in the order of their numbers."""
        if not isinstance(node, dict):
            return [] if node == "" else node
        if not shape.serialization.get("flattened"):
            node = node.get(shape.member.serialization.get("name", "member"), {})
        return self.read_numbered(shape.member, node, member)

    def read_numbered(self, shape: Any, node: Any, member: str) -> Any:
        """Return the entries below `1`, `2` and so on."""
        if not isinstance(node, dict):
            return node
        numbers = sorted(int(number) for number in node if ENTRY_NUMBER.fullmatch(number))
        entries = [(number, node.get(str(number))) for number in numbers]
        return [
            self.read(shape, entry, f"{member}.{number}.member")
            for number, entry in entries
            if entry is not None
        ]

    def read_map(self, shape: Any, node: Any, member: str) -> Any:
        """Return a map, whose entries a form numbers."""
        if not isinstance(node, dict):
            return {} if node == "" else node
        entries = node if shape.serialization.get("flattened") else node.get("entry", {})
        if not isinstance(entries, dict):
            return entries
        key, value = (
            part.serialization.get("name", name)
            for part, name in ((shape.key, "key"), (shape.value, "value"))
        )
        return {
            str(entry[key]): self.read(shape.value, entry.get(value), member)
            for entry in entries.values()
            if isinstance(entry, dict) and isinstance(entry.get(key), str)
        }


class EC2Form(Form):
    """EC2's form: capital names, and lists without a level of their own."""

    def find(self, name: str, shape: Any, node: Members) -> Any:
        """Return what stands in the form for a member."""
        sent = shape.serialization.get("queryName")
        return node.get(sent or wire_name(name, shape)[:1].upper() + wire_name(name, shape)[1:])

    def read_list(self, shape: Any, node: Any, member: str) -> Any:
        """Return a list's entries."""
        return self.read_numbered(shape.member, node, member)


def read_text(shape: Any, text: str, member: str) -> Any:
    """Return a scalar that a form, a path or a header holds as a text; raises WrongTypeError."""
    kind = shape.type_name
    try:
        if kind in NUMBER_TYPES:
            return int(text) if kind in ("integer", "long") else float(text)
        if kind == "timestamp":
            return text if "timestampFormat" in shape.serialization else parse_timestamp(text).timestamp()
    except (ValueError, OverflowError, OSError, RuntimeError) as error:
        raise WrongTypeError(f"{text[:100]!r} is not a value of type {kind}", member=member) from error
    if kind == "boolean" and text.lower() in ("true", "false"):
        return text.lower() == "true"
    return text


def read_rest_json(
    operation: Any, *, path: str, query: str, headers: Mapping[str, str], body: bytes
) -> Members:
    """Return the members of a REST-JSON request: from path, query, headers and body."""
    shape = operation.input_shape
    if shape is None:
        return {}
    labels = match_path(operation.http["requestUri"], path) or {}
    places: dict[str, Mapping[str, list[str]]] = {
        "uri": {name: [text] for name, text in labels.items()},
        "querystring": parse_qs(query, keep_blank_values=True),
        "header": {name: [text] for name, text in headers.items()},
    }
    found = _read_payload(shape, body)
    for name, member in shape.members.items():
        location, sent_name = member.serialization.get("location"), wire_name(name, member)
        if location is None:
            continue
        found.pop(sent_name, None)
        texts = places.get(location, {}).get(sent_name.lower() if location == "header" else sent_name)
        if texts is not None:
            found[sent_name] = read_texts(member, texts, label(name))
    return found


def _read_payload(shape: Any, body: bytes) -> Members:
    """Return the members that stand in the body; where one member is the body, that one."""
    payload = shape.serialization.get("payload")
    if payload is not None and shape.members[payload].type_name in ("blob", "string"):
        return {wire_name(payload, shape.members[payload]): body}
    sent = read_json(body)
    if not isinstance(sent, dict):
        raise UnreadableError("the body must be a JSON object")
    return dict(sent) if payload is None else {wire_name(payload, shape.members[payload]): sent}


def read_texts(shape: Any, texts: list[str], member: str) -> Any:
    """Return a scalar, or a list of scalars, that a path, a query or a header holds."""
    if shape.type_name == "list":
        return [read_text(shape.member, text, member) for text in texts]
    return read_text(shape, texts[0], member)
