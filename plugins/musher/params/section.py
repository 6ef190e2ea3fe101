"""What all sections of the form are made with."""

from typing import Any

from airflow.sdk import Param

INSTANCE_TYPE = r"^ml\.[a-z0-9-]+\.[a-z0-9]+$"


class Schema(dict[str, Any]):
    """A Param's JSON schema, which nobody changes: a copy is the schema itself.

    Airflow copies all of a DAG's Params several times for each of its tasks; with the schemas that took half
    of the time in which the DAG is built.
    """

    def __deepcopy__(self, memo: dict[int, Any]) -> "Schema":
        """Return this schema."""
        return self


def in_section(section: str, params: dict[str, dict[str, Any]]) -> dict[str, Param]:
    """Return the Params of one section of the form, from their defaults, descriptions and JSON schemas."""
    return {
        name: Param(
            schema.pop("default"),
            description=schema.pop("description"),
            schema=Schema(schema, section=section),
        )
        for name, schema in params.items()
    }
