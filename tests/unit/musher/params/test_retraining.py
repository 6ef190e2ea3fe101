"""The Params of a DAG without a form: the form's defaults, and a setting that its schemas judge."""

import json
from typing import Any

import pytest

from musher.errors import SettingsError
from musher.params.form import FORM
from musher.params.retraining import retraining_params

SOURCE = {"source": "s3://bucket/photos"}


def test_what_is_not_given_is_the_form_s_default_and_what_is_deployed_is_live() -> None:
    params = retraining_params(json.dumps({**SOURCE, "epochs": 3, "batch_sizes": [32]}))
    assert set(params) == set(FORM)
    changed = {name: value for name, value in params.items() if value != FORM[name].value}
    assert changed == {**SOURCE, "epochs": 3, "batch_sizes": [32]}
    assert params["lifetime"] == "live"


def test_the_form_keeps_its_own_values() -> None:
    before = {name: param.value for name, param in FORM.items()}
    retraining_params(json.dumps({**SOURCE, "epochs": 3}))
    assert {name: param.value for name, param in FORM.items()} == before


@pytest.mark.parametrize("conf", ["", "{}", '{"epochs": 3}'])
def test_a_source_must_be_named(conf: str) -> None:
    with pytest.raises(SettingsError, match=r'names no source, as {"source": "s3://bucket/photos"} does'):
        retraining_params(conf)


@pytest.mark.parametrize(
    ("conf", "said"),
    [("epochs: 3", "is not JSON"), ("[]", r"is \[\]: no JSON object"), ("3", "is 3: no JSON")],
)
def test_what_is_no_object_is_refused(conf: str, said: str) -> None:
    with pytest.raises(SettingsError, match=f"MUSHER_RETRAIN_CONF {said}"):
        retraining_params(conf)


def test_all_that_is_wrong_is_said_at_once() -> None:
    given: dict[str, Any] = {"source": "letters", "epoch": 3, "epochs": 0, "lifetime": "trial", "use_spot": 1}
    with pytest.raises(SettingsError) as caught:
        retraining_params(json.dumps(given))
    for said in (
        "source: 'letters' does not match",
        "'epoch' is no Param, did you mean 'epochs'?",
        "0 is less than the minimum of 1",
        "lifetime is 'trial', and retraining is for what is live",
        "1 is not of type 'boolean'",
    ):
        assert said in str(caught.value)
