"""What all sections of the form have in common."""

from typing import Any

import pytest

from tests.isolated_airflow import isolate_airflow

isolate_airflow()

from airflow.sdk import Param  # noqa: E402
from airflow.sdk.exceptions import ParamValidationError  # noqa: E402
from jsonschema import Draft202012Validator  # noqa: E402

from musher.params.section import EXPERTS, in_section, make_title, order  # noqa: E402


@pytest.mark.parametrize(
    ("name", "title"),
    [("epochs", "Epochs"), ("batch_size", "Batch size"), ("max_wait_s", "Max wait (seconds)")],
)
def test_a_param_without_a_title_is_called_by_its_name(name: str, title: str) -> None:
    assert make_title(name) == title


def test_a_param_knows_its_section_title_and_markdown() -> None:
    [param] = in_section(
        "Data", {"max_bad": {"default": 0, "type": "integer", "description": "As `few`."}}
    ).values()
    assert param.value == 0
    assert param.description is None
    assert param.schema == {
        "title": "Max bad",
        "description_md": "As **few**.",
        "type": "integer",
        "section": "Data",
    }


def test_an_open_param_has_no_section_and_comes_first_and_experts_come_last() -> None:
    params = in_section(
        "Training",
        {
            "decay": {"default": 0, "description": "d"},
            "epochs": {"default": 1, "description": "e"},
            "source": {"default": "x", "description": "s", "is_open": True},
        },
        experts=["decay"],
    )
    assert params["decay"].schema["section"] == EXPERTS
    assert "section" not in params["source"].schema
    assert "is_open" not in params["source"].schema
    assert list(order(params)) == ["source", "epochs", "decay"]


def test_a_copy_has_a_value_of_its_own() -> None:
    import copy

    [param] = in_section(
        "Tuning", {"sizes": {"default": [1, 2], "type": "array", "description": "d"}}
    ).values()
    copied = copy.deepcopy({"sizes": param})["sizes"]
    copied.value.append(3)
    assert param.value == [1, 2]
    assert copied.schema is param.schema
    assert copied.resolve([4]) == [4]
    assert param.value == [1, 2]


@pytest.mark.parametrize(
    ("schema", "value", "is_fine"),
    [
        ({"type": "integer", "minimum": 1}, 1, True),
        ({"type": "integer", "minimum": 1}, 0, False),
        ({"type": "integer", "minimum": 1}, "1", False),
        ({"type": ["string", "null"], "format": "date"}, None, True),
        ({"type": ["string", "null"], "format": "date"}, "2026-13-01", False),
        ({"type": "array", "items": {"enum": [32, 64]}}, [32, 64], True),
        ({"type": "array", "items": {"enum": [32, 64]}}, [33], False),
    ],
)
def test_a_value_is_refused_as_param_refuses_it(schema: dict[str, Any], value: Any, is_fine: bool) -> None:
    [param] = in_section("Tuning", {"wanted": {"default": value, "description": "d", **schema}}).values()
    plain = Param(value, schema=param.schema)
    if is_fine:
        assert param.resolve() == param.resolve(suppress_exception=True) == plain.resolve() == value
        return
    with pytest.raises(ParamValidationError) as refused:
        param.resolve()
    with pytest.raises(ParamValidationError) as plainly:
        plain.resolve()
    assert str(refused.value) == str(plainly.value)
    assert param.resolve(suppress_exception=True) is None


def test_a_value_is_validated_without_the_schema_being_validated(monkeypatch: pytest.MonkeyPatch) -> None:
    """The schema's own validation took nine tenths of each task's time with its Params."""

    def check_schema(*arguments: Any, **named: Any) -> None:
        raise AssertionError("the schema was validated")

    monkeypatch.setattr(Draft202012Validator, "check_schema", check_schema)
    [param] = in_section("Tuning", {"epochs": {"default": 1, "type": "integer", "description": "d"}}).values()
    assert param.resolve() == 1
