"""Print the Params of `operationalize_model`: name, default, what is allowed, meaning. `make params`."""

import json
import textwrap
from collections.abc import Mapping
from typing import Any

from airflow.sdk import Param

from musher.params.form import FORM

WIDTH = 110
INDENT = " " * 6


def describe_params(form: Mapping[str, Param]) -> str:
    """Return the Params in the form's order, under its sections."""
    lines: list[str] = []
    section: str | None = None
    for name, param in form.items():
        found = param.schema.get("section") or "What matters"
        if found != section:
            lines += ["", found]
        section = found
        lines.append(f"  {name} = {json.dumps(param.value)}  {show_allowed(param.schema)}".rstrip())
        text = str(param.schema["description_md"]).replace("**", "").replace("`", "")
        lines += textwrap.wrap(text, width=WIDTH, initial_indent=INDENT, subsequent_indent=INDENT)
    return "\n".join(lines[1:])


def show_allowed(schema: Mapping[str, Any]) -> str:
    """Return the values that are allowed, or examples, in parentheses."""
    if "enum" in schema:
        return f"({', '.join(map(str, schema['enum']))})"
    if "examples" in schema:
        return f"(such as {', '.join(schema['examples'])})"
    items = schema.get("items", {})
    bounds = items or schema
    least = bounds.get("minimum", bounds.get("exclusiveMinimum"))
    if least is None:
        return ""
    word = "above " if "exclusiveMinimum" in bounds else ""
    each = "each " if items else ""
    most = f" to {bounds['maximum']}" if "maximum" in bounds else ""
    return f"({each}{word}{least}{most})"


def main() -> None:
    """Print them."""
    print(describe_params(FORM))


if __name__ == "__main__":
    main()
