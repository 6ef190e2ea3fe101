"""Render the page of an audit: what was found, and what has changed since the one before."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from musher.report.strict import replace_surrogates

TEMPLATES = Path(__file__).parent


def render_audit(record: Mapping[str, Any], *, run_id: str, changes: Mapping[str, Any] | None) -> str:
    """Return the page for an audit's record; `changes` are those since an earlier one, if there was one."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    environment.policies["json.dumps_kwargs"] = {"sort_keys": False, "indent": 1}
    page = environment.get_template("audit.html.j2").render(
        record=record, run_id=run_id, changes=changes, total=sum(record["counts"].values())
    )
    return replace_surrogates(page)
