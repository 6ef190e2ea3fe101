"""Templates are read as data, in YAML and JSON, and refused in CloudFormation's words."""

from typing import Any

import pytest
from moto.cloudformation.exceptions import ValidationError

from localaws.cloudformation.templates import load


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("!Ref Role", {"Ref": "Role"}),
        ("!Condition IsProduction", {"Condition": "IsProduction"}),
        ("!GetAtt Role.Arn", {"Fn::GetAtt": ["Role", "Arn"]}),
        ("!GetAtt Nested.Outputs.Arn", {"Fn::GetAtt": ["Nested", "Outputs.Arn"]}),
        ("!GetAtt [Role, Arn]", {"Fn::GetAtt": ["Role", "Arn"]}),
        ("!Sub '${AWS::Region}-dogs'", {"Fn::Sub": "${AWS::Region}-dogs"}),
        ("!Sub ['${A}', {A: !Ref B}]", {"Fn::Sub": ["${A}", {"A": {"Ref": "B"}}]}),
        ("!Join ['-', [a, !Ref B]]", {"Fn::Join": ["-", ["a", {"Ref": "B"}]]}),
        (
            "!If [C, !GetAtt A.B, !Ref 'AWS::NoValue']",
            {"Fn::If": ["C", {"Fn::GetAtt": ["A", "B"]}, {"Ref": "AWS::NoValue"}]},
        ),
        (
            "!Transform {Name: 'AWS::Include', Parameters: {a: 1}}",
            {"Fn::Transform": {"Name": "AWS::Include", "Parameters": {"a": 1}}},
        ),
        ("!GetAZs ''", {"Fn::GetAZs": ""}),
    ],
)
def test_a_short_form_is_its_long_form(text: str, expected: Any) -> None:
    assert load(f"a: {text}") == {"a": expected}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2012-10-17", "2012-10-17"),
        ("9999-99-99", "9999-99-99"),
        ("2012-10-17T00:00:00Z", "2012-10-17T00:00:00Z"),
        ("30", 30),
        ("0.5", 0.5),
        ("true", True),
        ("'30'", "30"),
        ("null", None),
    ],
)
def test_a_date_is_a_text_and_a_number_a_number(text: str, expected: Any) -> None:
    """An unquoted `Version: 2012-10-17` is how most policies in templates are written."""
    assert load(f"Version: {text}") == {"Version": expected}


@pytest.mark.parametrize(
    "text",
    ['{"a": {"Ref": "B"}}', '{\n\t"a":\n\t\t{"Ref": "B"}\n}', '{"a": {"\\u0052ef": "B"}}', "a: {Ref: B}"],
)
def test_json_is_read_too_with_tabs(text: str) -> None:
    assert load(text) == {"a": {"Ref": "B"}}


@pytest.mark.parametrize("text", ["", "text", "30", "[]", '["a"]', "- a\n- b", "null", "# nothing\n"])
def test_what_is_no_map_has_an_unsupported_structure(text: str) -> None:
    with pytest.raises(ValidationError) as caught:
        load(text)
    assert caught.value.message == "Template format error: unsupported structure."


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a: [", "(line 1, column 5)"),
        ("a: 1\nb: {\n", "(line 3, column 1)"),
        ("a: 1\n b: 2", "(line 2, column 3)"),
        ("\ta: 1", "(line 1, column 1)"),
        ("a: 1\n---\nb: 2", "(line 2, column 1)"),
        ("a: !Sub [1", "(line 1, column 11)"),
        ("a: \x01", "special characters are not allowed"),
        ("{[1]: 2}", "found unhashable key"),
        ("a: !!binary x", "failed to decode base64 data"),
        ('{"a": 1,}x', "(line 1, column 10)"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_place(text: str, reason: str) -> None:
    with pytest.raises(ValidationError) as caught:
        load(text)
    kind = "JSON" if text.startswith("{") else "YAML"
    assert caught.value.message.startswith(f"Template format error: {kind} not well-formed. ")
    assert reason in caught.value.message


@pytest.mark.parametrize("opening", ["[", '{"a":', "- "], ids=["list", "map", "block"])
def test_a_template_nested_too_deeply_is_refused(opening: str) -> None:
    """A few kilobytes are enough to exhaust a reader that calls itself."""
    with pytest.raises(ValidationError, match="Template format error"):
        load(opening * 5_000)


@pytest.mark.parametrize(
    "text",
    [
        "a: !!python/object/apply:os.system [true]",
        "a: !!python/name:os.system",
        "a: &x [1]\nb: *x",
        "a: &x {b: *x}",
    ],
)
def test_programs_and_aliases_are_no_content(text: str) -> None:
    with pytest.raises(ValidationError, match="Template format error: YAML"):
        load(text)


@pytest.mark.parametrize("text", ["[" * 200_000, '{"a":' * 200_000, "a: " + "{a: [" * 150_000])
def test_brackets_without_end_are_refused_at_once(text: str) -> None:
    """The reader's time grows by the square of their number: 40,000 took 18 s."""
    with pytest.raises(ValidationError, match="nested too deeply"):
        load(text)


def test_brackets_of_any_usual_depth_are_read() -> None:
    assert load("a: " + "[" * 150 + "]" * 150)["a"] is not None


def test_no_template_is_refused_as_on_aws() -> None:
    with pytest.raises(ValidationError, match="Either Template URL or Template Body must be specified"):
        load(None)
