"""The form and the scripts of training/ declare the same hyper-parameters, value by value.

Plugins may not import training/, so both declare them; this is what keeps them one.
"""

from __future__ import annotations

import re
from typing import Any

import pytest

from imgclf.arguments import TrainConfig, parse_arguments
from imgclf.hyperparameters import Hyperparameter, hyperparameters
from imgclf.learning.recipe import Recipe
from imgclf.networks.registry import ARCHITECTURES
from imgclf.search_arguments import MAX_VIEWS
from musher.params.form import OPTIONS
from musher.params.model import IMAGE_SIZES, MODEL
from musher.params.section import CODE
from musher.params.training import TRAINING
from musher.params.tuning import TUNING
from musher.payloads.training import as_text

FORM = {**MODEL, **TRAINING}
DECLARED = {**hyperparameters(TrainConfig), **hyperparameters(Recipe)}
SHOWN = {"section", "title", "description_md", "examples"}
"""What the form shows beside a value and its bounds."""
KINDS = {int: "integer", float: "number", bool: "boolean", str: "string"}


def schema_of(declared: Hyperparameter) -> dict[str, Any]:
    """Return the JSON schema that a hyper-parameter's declaration stands for."""
    bounds = declared.bounds
    found = {
        "type": KINDS[declared.kind],  # type: ignore[index]
        "enum": sorted(declared.choices) or None,
        "minimum": bounds.least,
        "exclusiveMinimum": bounds.above,
        "maximum": bounds.most,
    }
    return {name: value for name, value in found.items() if value is not None}


def test_the_form_passes_exactly_what_is_declared() -> None:
    assert set(OPTIONS) == set(DECLARED)


@pytest.mark.parametrize("name", sorted(DECLARED))
def test_the_form_offers_a_hyper_parameter_as_it_is_declared(name: str) -> None:
    param, declared = FORM[name], DECLARED[name]
    schema = {key: value for key, value in param.schema.items() if key not in SHOWN}
    if "enum" in schema:
        schema["enum"] = sorted(schema["enum"])
    assert schema == schema_of(declared)
    assert param.value == declared.default
    assert type(param.value) is declared.kind
    assert param.schema["description_md"] == re.sub(CODE, r"**\1**", declared.help)


def test_a_job_without_options_trains_what_the_untouched_form_does() -> None:
    words = [text for name in OPTIONS for text in (f"--{name}", as_text(FORM[name].value))]
    assert parse_arguments(words, {}) == parse_arguments([], {})


def test_the_form_knows_the_image_sizes_of_every_architecture() -> None:
    sizes = {name: (record.min_image_size, record.image_size_step) for name, record in ARCHITECTURES.items()}
    assert sizes == IMAGE_SIZES


def test_trials_of_the_form_stay_within_what_the_script_takes() -> None:
    rate, batch = DECLARED["learning_rate"].bounds, DECLARED["batch_size"].bounds
    for name in ("learning_rate_min", "learning_rate_max"):
        schema = TUNING[name].schema
        assert (schema["exclusiveMinimum"], schema["maximum"]) == (rate.above, rate.most)
        assert TUNING[name].value in rate
    items = TUNING["batch_sizes"].schema["items"]
    assert (items["minimum"], items["maximum"]) == (batch.least, batch.most)
    assert all(size in batch for size in TUNING["batch_sizes"].value)
    assert TUNING["tuning_epochs"].schema["maximum"] == DECLARED["epochs"].bounds.most


def test_the_form_offers_as_many_views_as_the_scripts_make() -> None:
    schema = MODEL["feature_views"].schema
    assert (schema["minimum"], schema["maximum"]) == (1, MAX_VIEWS)
