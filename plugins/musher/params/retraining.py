"""The values of the DAG retrain_on_schedule, which has no form: nobody fills one in at three in the morning.

They are the form's defaults, and over them what the setting MUSHER_RETRAIN_CONF says, judged by the form's
own schemas.
"""

import json
from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from airflow.sdk.exceptions import ParamValidationError

from musher.errors import SettingsError
from musher.params.form import FORM, suggest_param
from musher.payloads.tags import LIVE

RETRAINING = "retrain_on_schedule"
"""The DAG's id."""

SETTING = "MUSHER_RETRAIN_CONF"
EXAMPLE = '{"source": "s3://bucket/photos"}'


def retraining_params(conf: str) -> dict[str, Any]:
    """Return each Param's value; raise SettingsError with all that is wrong with the setting's text.

    The source must be given: digits, the form's default, would be trained for nobody.
    """
    given = _parse(conf)
    if problems := list_problems(given):
        raise SettingsError(f"{SETTING} cannot be used: {'; '.join(problems)}.")
    return {**{name: param.value for name, param in FORM.items()}, **given, "lifetime": LIVE}


def retraining_source(conf: str) -> str:
    """Return the setting's source; raise SettingsError where it names none, and for nothing else.

    The rest of the setting is judged where a task runs: a DAG's file has no time for it.
    """
    source = _parse(conf).get("source")
    if not isinstance(source, str):
        raise SettingsError(f"{SETTING} names no source, as {EXAMPLE} does.")
    return source


def list_problems(given: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with the values given, by name."""
    problems = [] if "source" in given else [f"it names no source, as {EXAMPLE} does"]
    for name, value in given.items():
        if name not in FORM:
            near = suggest_param(name)
            problems.append(f"{name!r} is no Param" + (f", did you mean {near!r}?" if near else ""))
        elif name == "lifetime" and value != LIVE:
            problems.append(f"lifetime is {value!r}, and retraining is for what is {LIVE}")
        elif wrong := _find_fault(name, value):
            problems.append(wrong)
    return problems


def _find_fault(name: str, value: Any) -> str | None:
    """Return what the form's schema says against a value; a copy is asked, as it would keep the value."""
    try:
        deepcopy(FORM[name]).resolve(value)
    except ParamValidationError as error:
        return f"{name}: {str(error).partition(chr(10))[0]}"
    return None


def _parse(conf: str) -> dict[str, Any]:
    """Return the setting's object; an empty text is an empty one."""
    try:
        given = json.loads(conf or "{}")
    except ValueError as error:
        raise SettingsError(
            f"{SETTING} is not JSON ({error}). Set it to an object such as {EXAMPLE}."
        ) from None
    if not isinstance(given, dict):
        raise SettingsError(f"{SETTING} is {conf}: no JSON object. Set it to one such as {EXAMPLE}.")
    return given
