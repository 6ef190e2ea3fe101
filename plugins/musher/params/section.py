"""What all sections of the form are made with."""

import re
from collections.abc import Collection, Mapping
from typing import Any

from airflow.sdk import Param

EXPERTS = "Expert"
"""The section of what hardly anyone changes; it comes last."""

INSTANCE_TYPE = r"^ml\.[a-z0-9-]+\.[a-z0-9]+$"


class FormParam(Param):
    """A Param that is copied and validated as quickly as a value can be.

    Airflow copies all of a DAG's Params four times for each of its tasks, which took two thirds of the
    time in which the DAG is built. Only the value of a copy may change: it is copied, if it is a list.
    """

    def __deepcopy__(self, memo: dict[int, Any]) -> "FormParam":
        """Return a Param with a value of its own, and this one's schema."""
        copied = FormParam.__new__(FormParam)
        copied.__dict__.update(self.__dict__)
        if isinstance(self.value, list):
            copied.value = list(self.value)
        return copied

    def resolve(self, *arguments: Any, **named: Any) -> Any:
        """Return the value, or raise ParamValidationError, as Param does.

        Param also holds the schema itself against JSON schema's own, for each Param in each task: nine tenths
        of the time. A test does that for this form. What is wrong is left to Param, which says it.
        """
        if not arguments and "value" not in named and _is_valid(self.value, schema=self.schema):
            return self.value
        return super().resolve(*arguments, **named)


def _is_valid(value: Any, *, schema: Mapping[str, Any]) -> bool:
    """Return whether the schema allows the value."""
    from jsonschema import Draft202012Validator, FormatChecker

    return bool(Draft202012Validator(schema, format_checker=FormatChecker()).is_valid(value))


FormParam.__module__, FormParam.__name__ = Param.__module__, Param.__name__
"""Airflow takes for a Param, when it writes a DAG to its database, only what is called so."""

CODE = r"`([^`]+)`"
"""The form draws code as a box that covers the lines above and below, so that it is shown in bold."""

UNITS = {"s": "seconds"}
"""What the last part of a Param's name stands for, as its title says it."""


def in_section(
    section: str, params: dict[str, dict[str, Any]], *, experts: Collection[str] = ()
) -> dict[str, Param]:
    """Return the Params of one section of the form, from their defaults, descriptions and JSON schemas.

    The Params named in `experts` go to a section of their own. One with `is_open` has none: the form shows it
    at once, above all sections, which are closed. A description is Markdown, which the form shows only where
    there is no plain one.
    """
    return {
        name: FormParam(
            schema.pop("default"),
            schema=_complete(name, schema, section=EXPERTS if name in experts else section),
        )
        for name, schema in params.items()
    }


def _complete(name: str, schema: dict[str, Any], *, section: str) -> dict[str, Any]:
    """Return a Param's schema with all that the form shows of it."""
    text = re.sub(CODE, r"**\1**", schema.pop("description"))
    described = {"title": make_title(name), "description_md": text, **schema}
    return described if described.pop("is_open", False) else {**described, "section": section}


def make_title(name: str) -> str:
    """Return what a Param is called where nothing better is given: max_wait_s -> Max wait (seconds)."""
    words, _, last = name.rpartition("_")
    if last in UNITS:
        return f"{words.replace('_', ' ').capitalize()} ({UNITS[last]})"
    return name.replace("_", " ").capitalize()


def order(params: Mapping[str, Param]) -> dict[str, Param]:
    """Return Params as the form is to show them: open ones first, experts' last, else as they come."""
    return dict(sorted(params.items(), key=lambda item: _place(item[1])))


def _place(param: Param) -> int:
    section = param.schema.get("section")
    return 0 if section is None else 2 if section == EXPERTS else 1
