"""Policy documents: read whole or in part, with the line and column of what is wrong; nothing raises."""

import json
from typing import Any

import pytest

from musher.iam.documents import MAX_CHARACTERS, read_document
from musher.iam.positions import Position, find_position
from tests.unit.musher.iam.accounts import allow

TEXT = """{
  "Version": "2012-10-17",
  "Statement": [
    {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"},
    {
      "Effect": "Allow",
      "Action": ["a:b", "c:d"],
      "Resource": "*"
    }
  ]
}
"""


@pytest.mark.parametrize(
    ("pointer", "line", "column"),
    [
        ("", 1, 1),
        ("/Version", 2, 14),
        ("/Statement", 3, 16),
        ("/Statement/0", 4, 5),
        ("/Statement/0/Action", 4, 35),
        ("/Statement/1/Action/1", 7, 25),
        ("/Statement/1/Nothing", 5, 5),
        ("/Statement/7", 3, 16),
        ("/Statement/x", 3, 16),
        ("/Version/0", 2, 14),
    ],
)
def test_a_part_of_a_document_is_found(pointer: str, line: int, column: int) -> None:
    assert find_position(TEXT, pointer) == Position(line=line, column=column)


def test_of_two_members_of_one_name_the_last_counts() -> None:
    assert find_position('{"a": 1,\n "a": 2}', "/a") == Position(line=2, column=7)


@pytest.mark.parametrize("text", ["", "{", '{"a"', "[", "[1", '{"a": }'])
def test_a_broken_text_has_positions_too(text: str) -> None:
    assert find_position(text, "/a/0").line == 1


def test_a_statement_is_read_with_its_place() -> None:
    found = read_document("p.json", TEXT)
    assert found.flaws == ()
    assert [statement.pointer for statement in found.statements] == ["/Statement/0", "/Statement/1"]
    assert found.statements[1].actions == ("a:b", "c:d")
    assert found.find("/Statement/1").line == 5


def test_one_statement_needs_no_list() -> None:
    (statement,) = read_document("p.json", {"Statement": allow("s3:GetObject")}).statements
    assert (statement.pointer, statement.resources) == ("/Statement", ("*",))


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        ('{"Statement": [\n  {"Effect" "Allow"}]}', 2, 13, "no JSON"),
        ("", 1, 1, "no JSON"),
        ("[]", 1, 1, "no JSON object"),
        ("{}", 1, 1, "no Statement"),
        ("[" * 100_000, 1, 1, "nested too deeply"),
        ("x" * (MAX_CHARACTERS + 1), 1, 1, "characters"),
        ('{"Statement": [\n  7]}', 2, 3, "no JSON object"),
        ('{"Statement": [\n  {"Effect": "Maybe", "Action": "*"}]}', 2, 14, "neither Allow nor Deny"),
        ('{"Statement": [{"Action": "*"}]}', 1, 16, "neither Allow nor Deny"),
        ('{"Statement": [{"Effect": "Allow"}]}', 1, 16, "either Action or NotAction"),
        ('{"Statement": [{"Effect": "Allow", "Action": {"a": 1}}]}', 1, 46, "neither a text nor"),
        ('{"Statement": [{"Effect": "Allow", "Action": "*", "Efect": 1}]}', 1, 60, "no element"),
        ('{"Statement": {"Effect": "Allow", "Action": "*", "Principal": 5}}', 1, 63, "Principal"),
        ('{"Statement": {"Effect": "Allow", "Action": "*", "Condition": []}}', 1, 63, "Condition"),
        ('{"Statement": {"Effect": "Allow", "Action": "*", "Condition": {"Bool": 1}}}', 1, 63, "Condition"),
    ],
)
def test_what_is_wrong_is_told_with_line_and_column(text: str, line: int, column: int, message: str) -> None:
    (flaw,) = read_document("p.json", text).flaws
    assert message in flaw.message
    assert (flaw.position.line, flaw.position.column) == (line, column)


def test_a_bad_statement_does_not_hide_the_others() -> None:
    found = read_document("p.json", {"Statement": [{"Effect": "Allow"}, allow("s3:*")]})
    assert len(found.flaws) == 1
    assert [statement.actions for statement in found.statements] == [("s3:*",)]


def test_not_action_is_about_all_but_some() -> None:
    (statement,) = read_document(
        "p", {"Statement": {"Effect": "Allow", "NotAction": ["iam:*"], "Resource": "*"}}
    ).statements
    assert statement.is_about("s3:GetObject")
    assert not statement.is_about("IAM:PassRole")


@pytest.mark.parametrize(
    ("condition", "narrowed"),
    [
        ({"StringEquals": {"aws:ResourceTag/project": "x"}}, True),
        ({"StringEquals": {"cloudwatch:namespace": "x"}}, True),
        ({"StringEquals": {"aws:ResourceAccount": "x"}}, True),
        ({"StringEquals": {"iam:PassedToService": "x"}}, False),
        ({"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}, False),
        ({"Bool": {"aws:MultiFactorAuthPresent": "true"}}, False),
        ({"StringLike": {"aws:ResourceTag/project": "*"}}, False),
        ({"StringEqualsIfExists": {"aws:ResourceTag/project": "x"}}, False),
        ({"Null": {"aws:ResourceTag/project": "false"}}, False),
    ],
)
def test_a_condition_on_the_resource_names_it(condition: dict[str, Any], narrowed: bool) -> None:
    content = {"Statement": allow("ec2:TerminateInstances", Condition=condition)}
    (statement,) = read_document("p", content).statements
    assert statement.is_narrowed is narrowed
    assert statement.is_broad is not narrowed


def test_truth_values_and_numbers_are_texts_as_in_iam() -> None:
    condition = {"Bool": {"aws:SecureTransport": False}, "NumericLessThan": {"s3:max-keys": 10}}
    (statement,) = read_document("p", {"Statement": allow("s3:*", Condition=condition)}).statements
    assert statement.values_of("aws:securetransport") == ("false",)
    assert statement.values_of("s3:max-keys") == ("10",)
    assert statement.values_of("aws:sourceip") == ()


def test_a_document_from_an_object_has_lines_of_its_own() -> None:
    found = read_document("p", {"Statement": [allow("s3:*")]})
    assert json.loads(found.text)["Statement"][0]["Action"] == "s3:*"
    assert found.find("/Statement/0/Action").line == 5
