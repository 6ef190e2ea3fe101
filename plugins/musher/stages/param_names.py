"""Refuse names that are no Params, before hours of staging: Airflow takes a misspelt one in silence."""

from collections.abc import Sequence

from musher.errors import PreflightError
from musher.params.form import FORM, suggest_param
from musher.params.retraining import SETTING
from musher.stages.checks import describe_problems


def refuse_unknown_params(names: Sequence[str]) -> None:
    """Raise PreflightError for all names that are no Params, each with the nearest that is one."""
    if names:
        raise PreflightError(describe_problems([_unknown_param(name) for name in names]))


def _unknown_param(name: str) -> str:
    near = suggest_param(name)
    if name in FORM:  # of a DAG without a form
        remedy = f"Name it in {SETTING}, or trigger operationalize_model."
    else:
        remedy = f"Did you mean {near!r}?" if near else "Take one of the trigger form's."
    return f"{name!r} is no Param of this DAG, so it would have no effect. {remedy}"
