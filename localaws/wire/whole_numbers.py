"""Whole numbers that JSON writes with a point or an exponent: AWS reads 1e3 as 1000."""

import json
import re
from typing import Any

from localaws.protocols import Protocol, read_call
from localaws.wire.compiler import find_compiler, wire_name
from localaws.wire.refusals import SERVICES

WRITTEN_OTHERWISE = re.compile(rb"[0-9](?:\.0|[eE])")
"""What stands in a body with such a number, and in some others."""


def rewrite(body: bytes, *, method: str, path: str, query: str, headers: dict[str, str]) -> bytes:
    """Return the body of a request with its whole numbers as such, where its service speaks JSON."""
    if not WRITTEN_OTHERWISE.search(body):
        return body
    call = read_call(method=method, path=path, query=query, headers=headers, body=body)
    contract = SERVICES.get(call.service) if call else None
    compiler = find_compiler(contract.model) if contract else None
    if call is None or compiler is None or call.protocol is not Protocol.JSON:
        return body
    if call.action not in compiler.model.operation_names:
        return body
    shape = compiler.model.operation_model(call.action).input_shape
    sent = json.loads(body)
    made = sent if shape is None else make_whole(sent, shape)
    return body if made == sent and repr(made) == repr(sent) else json.dumps(made).encode()


def make_whole(value: Any, shape: Any) -> Any:
    """Return a value that has been held against its shape, with integers where the shape has them."""
    kind = shape.type_name
    if kind in ("integer", "long"):
        return int(value) if isinstance(value, float) else value
    if kind == "list" and isinstance(value, list):
        return [make_whole(entry, shape.member) for entry in value]
    if kind == "map" and isinstance(value, dict):
        return {key: make_whole(entry, shape.value) for key, entry in value.items()}
    if kind == "structure" and isinstance(value, dict):
        members = {wire_name(name, member): member for name, member in shape.members.items()}
        return {
            name: make_whole(entry, members[name]) if name in members else entry
            for name, entry in value.items()
        }
    return value
