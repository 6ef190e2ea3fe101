"""Refuse names that are no Params, before hours of staging: Airflow takes a misspelt one in silence."""

import difflib
from collections.abc import Sequence

from musher.errors import PreflightError
from musher.params.form import SECTIONS
from musher.stages.preflight import describe_problems

KNOWN_PARAMS = tuple(name for section in SECTIONS for name in section)


def refuse_unknown_params(names: Sequence[str]) -> None:
    """Raise PreflightError for all names that are no Params, each with the nearest that is one."""
    if names:
        raise PreflightError(describe_problems([_unknown_param(name) for name in names]))


def _unknown_param(name: str) -> str:
    near = difflib.get_close_matches(name, KNOWN_PARAMS, n=1)
    remedy = f"Did you mean {near[0]!r}?" if near else "Take one of the trigger form's."
    return f"{name!r} is no Param of this DAG, so it would have no effect. {remedy}"
