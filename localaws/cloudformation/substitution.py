"""Fn::Sub in one pass, where moto looks through the whole text once for each `${` of it.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference-sub.html
"""

import re
from collections.abc import Mapping
from typing import Any

from moto.cloudformation import parsing

VARIABLE = re.compile(r"\$\{(!?)([^{}]+)\}")

_clean_json = parsing.clean_json


def clean_json(value: Any, resources: parsing.ResourceMap) -> Any:
    """Return a value of a template with its functions resolved; moto calls this for all that is below."""
    if isinstance(value, dict) and "Fn::Sub" in value:
        return substitute(value["Fn::Sub"], resources)
    return _clean_json(value, resources)


def substitute(argument: Any, resources: parsing.ResourceMap) -> Any:
    """Return the text of an Fn::Sub with its variables replaced; `${!Name}` becomes `${Name}`.

    A variable without a value, and a brace that is not closed, stay as they are.
    """
    text, mapping = argument if isinstance(argument, list) else (argument, {})
    known: dict[str, str] = {}

    def replace(found: re.Match[str]) -> str:
        is_literal, name = found[1], found[2]
        if is_literal:
            return f"${{{name}}}"
        if name not in known:
            value = find_value(name, mapping, resources)
            known[name] = found[0] if value is None else str(value)
        return known[name]

    return VARIABLE.sub(replace, str(clean_json(text, resources)))


def find_value(name: str, mapping: Mapping[str, Any], resources: parsing.ResourceMap) -> Any:
    """Return what a variable stands for: a value of its own, an attribute or a reference."""
    if name in mapping:
        return clean_json(mapping[name], resources)
    function = {"Fn::GetAtt": name.split(".")} if "." in name else {"Ref": name}
    return clean_json(function, resources)


def install() -> None:
    """Let moto's parser, which finds itself by this name, resolve functions here."""
    setattr(parsing, "clean_json", clean_json)  # noqa: B010 - mypy refuses to assign it
