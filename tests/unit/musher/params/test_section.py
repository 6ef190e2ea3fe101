"""What all sections of the form have in common."""

import pytest

from tests.isolated_airflow import isolate_airflow

isolate_airflow()

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
