"""Each kind of constraint that a service model can have, and AWS's sentence about what breaks it."""

from typing import Any

import pytest
from botocore.model import ShapeResolver

from localaws.wire.checks import Check, WrongTypeError, make_rules
from localaws.wire.compiler import Compiler
from localaws.wire.wording import MAX_VALUE_CHARACTERS, Violation, show, tell, tell_one

SHAPES: dict[str, Any] = {
    "Name": {"type": "string", "min": 2, "max": 5, "pattern": "[a-z]*"},
    "Word": {"type": "string", "enum": ["Zebra", "Ant"]},
    "Secret": {"type": "string", "max": 3, "sensitive": True},
    "Count": {"type": "integer", "min": 1, "max": 10},
    "Ratio": {"type": "double", "min": 0, "max": 1},
    "Size": {"type": "long"},
    "Flag": {"type": "boolean"},
    "When": {"type": "timestamp"},
    "Text": {"type": "timestamp", "timestampFormat": "iso8601"},
    "Bytes": {"type": "blob"},
    "Names": {"type": "list", "member": {"shape": "Name"}, "min": 1, "max": 2},
    "Tag": {
        "type": "structure",
        "required": ["Key"],
        "members": {"Key": {"shape": "Name"}, "VpcId": {"shape": "Name"}, "Inner": {"shape": "Tag"}},
    },
    "Tags": {"type": "list", "member": {"shape": "Tag"}},
    "Labels": {"type": "map", "key": {"shape": "Name"}, "value": {"shape": "Name"}, "max": 2},
    "TagsByName": {"type": "map", "key": {"shape": "Name"}, "value": {"shape": "Tag"}},
    "Matrix": {"type": "list", "member": {"shape": "Names"}},
}
INPUT = {
    "type": "structure",
    "required": ["Name"],
    "members": {name: {"shape": name} for name in SHAPES},
}


class Model:
    """A service with one operation."""

    service_name = "sample"
    protocol = "json"

    def operation_model(self, _: str) -> Any:
        """Return the operation."""
        return self

    @property
    def input_shape(self) -> Any:
        """Its members."""
        return ShapeResolver(SHAPES | {"Input": INPUT}).get_shape_by_name("Input")


def make_check(**change: Any) -> Check:
    """Return the check of the operation's input."""
    model: Any = Model()
    for name, value in change.items():
        setattr(model, name, value)
    check = Compiler(model).check_for("Act")
    assert check is not None
    return check


CHECK = make_check()
SMALL, LARGE = (
    "Member must have length greater than or equal to 2",
    "Member must have length less than or equal to 5",
)
PATTERN = "Member must satisfy regular expression pattern: [a-z]*"
ALL_OF_NAME = f"[{LARGE}, {SMALL}, {PATTERN}]"


def told(check: Check = CHECK, **members: Any) -> list[str]:
    """Return what is said of a request whose name is right, one sentence for each violation."""
    found: list[Violation] = []
    check({"Name": "name"} | members, "", found)
    return [str(violation) for violation in found]


@pytest.mark.parametrize(
    ("members", "sentence"),
    [
        ({"Name": None}, "Value null at 'name' failed to satisfy constraint: Member must not be null"),
        ({"Name": "a"}, f"Value 'a' at 'name' failed to satisfy constraint: {SMALL}"),
        ({"Name": "aaaaaa"}, f"Value 'aaaaaa' at 'name' failed to satisfy constraint: {LARGE}"),
        ({"Name": "A B"}, f"Value 'A B' at 'name' failed to satisfy constraint: {PATTERN}"),
        ({"Name": "ab\n"}, f"Value 'ab\n' at 'name' failed to satisfy constraint: {PATTERN}"),
        (
            {"Word": "ant"},
            "Value 'ant' at 'word' failed to satisfy constraint: "
            "Member must satisfy enum value set: [Zebra, Ant]",
        ),
        (
            {"Count": 0},
            "Value '0' at 'count' failed to satisfy constraint: "
            "Member must have value greater than or equal to 1",
        ),
        (
            {"Count": 11},
            "Value '11' at 'count' failed to satisfy constraint: "
            "Member must have value less than or equal to 10",
        ),
        (
            {"Ratio": 1.5},
            "Value '1.5' at 'ratio' failed to satisfy constraint: "
            "Member must have value less than or equal to 1",
        ),
        (
            {"Names": []},
            "Value '[]' at 'names' failed to satisfy constraint: "
            "Member must have length greater than or equal to 1",
        ),
        (
            {"Names": ["aa", "bb", "cc"]},
            "Value '[aa, bb, cc]' at 'names' failed to satisfy constraint: "
            "Member must have length less than or equal to 2",
        ),
        (
            {"Names": ["ok", "B"]},
            f"Value '[ok, B]' at 'names' failed to satisfy constraint: "
            f"Member must satisfy constraint: {ALL_OF_NAME}",
        ),
        (
            {"Names": ["ok", None]},
            "Value '[ok, null]' at 'names' failed to satisfy constraint: "
            "Member must satisfy constraint: [Member must not be null]",
        ),
        (
            {"Labels": {"K": "ok"}},
            f"Value '{{K=ok}}' at 'labels' failed to satisfy constraint: "
            f"Map keys must satisfy constraint: {ALL_OF_NAME}",
        ),
        (
            {"Labels": {"ok": "V"}},
            f"Value '{{ok=V}}' at 'labels' failed to satisfy constraint: "
            f"Map value must satisfy constraint: {ALL_OF_NAME}",
        ),
        (
            {"Labels": {"ok": None}},
            "Value '{ok=null}' at 'labels' failed to satisfy constraint: "
            "Map value must satisfy constraint: [Member must not be null]",
        ),
        (
            {"Labels": dict.fromkeys(("aa", "bb", "cc"), "ok")},
            "Value '{aa=ok, bb=ok, cc=ok}' at 'labels' failed to satisfy constraint: "
            "Member must have length less than or equal to 2",
        ),
        (
            {"Secret": "hush"},
            "Value at 'secret' failed to satisfy constraint: Member must have length less than or equal to 3",
        ),
    ],
)
def test_each_constraint_has_its_sentence(members: dict[str, Any], sentence: str) -> None:
    assert told(**members) == [sentence]


@pytest.mark.parametrize(
    ("members", "path"),
    [
        ({"Tag": {"Key": "K!"}}, "tag.key"),
        ({"Tag": {}}, "tag.key"),
        ({"Tag": {"Key": "ok", "VpcId": "V!"}}, "tag.vpcId"),
        ({"Tag": {"Key": "ok", "Inner": {"Key": "ok", "Inner": {}}}}, "tag.inner.inner.key"),
        ({"Tags": [{"Key": "ok"}, {}]}, "tags.2.member.key"),
        ({"TagsByName": {"aa": {"Key": "ok"}, "bb": {}}}, "tagsByName.bb.member.key"),
        ({"Matrix": [["ok"], []]}, "matrix.2.member"),
        ({"Matrix": [["ok"], ["no", "N"]]}, "matrix.2.member"),
    ],
)
def test_a_member_is_named_by_its_path(members: dict[str, Any], path: str) -> None:
    (sentence,) = told(**members)
    assert f" at '{path}' failed to satisfy constraint: " in sentence


@pytest.mark.parametrize(
    "members",
    [
        {},
        {"Name": "ab"},
        {"Name": "abcde"},
        {"Word": "Ant"},
        {"Word": None, "Tags": None, "Count": None},
        {"Count": 1},
        {"Count": 10.0},
        {"Ratio": 0},
        {"Size": 2**63 - 1},
        {"Flag": False},
        {"When": 0},
        {"When": 1.5e9},
        {"Text": "whatever the format"},
        {"Bytes": "aGk="},
        {"Bytes": b"hi"},
        {"Tags": []},
        {"TagsByName": {}},
        {"Unknown": {"to": ["the", "model"]}},
        {"Tag": {"Key": "ok", "Unknown": 1}},
    ],
)
def test_what_the_model_allows_passes(members: dict[str, Any]) -> None:
    """What the model does not know is not looked at, nor are members that are null."""
    assert told(**members) == []


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity"])
def test_texts_that_stand_for_numbers_are_numbers_that_keep_no_bound(text: str) -> None:
    (sentence, *_) = told(Ratio=text)
    assert sentence.startswith(
        f"Value '{text}' at 'ratio' failed to satisfy constraint: Member must have value"
    )


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"Name": 5}, "NUMBER_VALUE can not be converted to a String (at 'name')"),
        ({"Name": True}, "TRUE_VALUE can not be converted to a String (at 'name')"),
        ({"Name": ["a"]}, "Start of list can not be converted to a String (at 'name')"),
        ({"Name": {}}, "Start of structure or map can not be converted to a String (at 'name')"),
        ({"Count": "5"}, "STRING_VALUE can not be converted to an Integer (at 'count')"),
        ({"Count": 1.5}, "NUMBER_VALUE can not be converted to an Integer (at 'count')"),
        ({"Count": True}, "TRUE_VALUE can not be converted to an Integer (at 'count')"),
        ({"Count": 2**31}, "NUMBER_VALUE can not be converted to an Integer (at 'count')"),
        ({"Size": 2**63}, "NUMBER_VALUE can not be converted to a Long (at 'size')"),
        ({"Ratio": "half"}, "STRING_VALUE can not be converted to a Double (at 'ratio')"),
        ({"Ratio": 10**400}, "NUMBER_VALUE can not be converted to a Double (at 'ratio')"),
        ({"Flag": "true"}, "STRING_VALUE can not be converted to a Boolean (at 'flag')"),
        ({"Flag": 0}, "NUMBER_VALUE can not be converted to a Boolean (at 'flag')"),
        ({"When": "2026-11-28"}, "STRING_VALUE can not be converted to milliseconds since epoch (at 'when')"),
        ({"When": 1e12}, "NUMBER_VALUE can not be converted to milliseconds since epoch (at 'when')"),
        ({"Bytes": "a"}, "STRING_VALUE can not be converted to a ByteBuffer (at 'bytes')"),
        ({"Names": "ab"}, "Expected list or null (at 'names')"),
        ({"Names": ["ab", 5]}, "NUMBER_VALUE can not be converted to a String (at 'names')"),
        ({"Labels": []}, "Expected map or null (at 'labels')"),
        ({"Tag": "t"}, "Unexpected value for a structure (at 'tag')"),
        ({"Tags": [{"Key": "ok"}, 5]}, "Unexpected value for a structure (at 'tags.2.member')"),
    ],
)
def test_a_value_of_another_type_cannot_be_read_at_all(members: dict[str, Any], message: str) -> None:
    with pytest.raises(WrongTypeError) as caught:
        told(**members)
    assert str(caught.value) == message


def test_all_that_is_wrong_is_told_at_once_what_is_missing_first() -> None:
    sentences = told(Name=None, Count=0, Tags=[{}, {"Key": "K"}])
    assert [sentence.partition(" at '")[2].partition("'")[0] for sentence in sentences] == [
        "name",
        "count",
        "tags.1.member.key",
        "tags.2.member.key",
        "tags.2.member.key",
    ]


def test_ec2_s_members_have_no_rules_but_must_be_there() -> None:
    """EC2 words its refusals by itself."""
    check = make_check(protocol="ec2")
    assert told(check, Name="A B C D E F", Count=99) == []
    assert len(told(check, Name=None)) == 1


@pytest.mark.parametrize(
    ("pattern", "value", "is_kept"),
    [
        ("a|b", "ab", False),
        ("^a+$", "aaa", True),
        ("[\\p{L}]+", "anything: Java's classes are not Python's", True),
        ("(?<name>x)", "not x: a group as Java names it", True),
        (".*", "a\nb", False),
        ("[\\s\\S]*", "a\nb", True),
    ],
)
def test_patterns_match_the_whole_and_those_of_java_alone_are_left_out(
    pattern: str, value: str, is_kept: bool
) -> None:
    shape = ShapeResolver({"S": {"type": "string", "pattern": pattern}}).get_shape_by_name("S")
    assert all(rule.keeps(value) for rule in make_rules(shape)) == is_kept


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "null"),
        ("text", "'text'"),
        ("", "''"),
        (5, "'5'"),
        (1.5, "'1.5'"),
        (True, "'true'"),
        ([], "'[]'"),
        ([1, "a", None, [False]], "'[1, a, null, [false]]'"),
        ({"k": {"l": [1]}}, "'{k={l=[1]}}'"),
        ("x" * MAX_VALUE_CHARACTERS, f"'{'x' * MAX_VALUE_CHARACTERS}'"),
        ("x" * 2000, f"'{'x' * MAX_VALUE_CHARACTERS}...'"),
    ],
)
def test_values_are_written_as_java_does(value: Any, shown: str) -> None:
    assert show(value) == shown


def test_messages_count_what_is_wrong() -> None:
    one = tell_one(value=1, member="a", rule="Member must be two")
    assert (
        one
        == "1 validation error detected: Value '1' at 'a' failed to satisfy constraint: Member must be two"
    )
    violation = Violation(member="a", value=1, rule="r")
    assert tell([violation] * 3).startswith("3 validation errors detected: Value '1' at 'a'")
    assert tell([violation] * 3).count("; ") == 2
