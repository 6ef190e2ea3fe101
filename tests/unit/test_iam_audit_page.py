"""docs/iam-audit.md: its rules, ways and exit statuses are those of the code."""

import re
from pathlib import Path

from musher.iam.audit import CLEAN, FOUND, UNSEEN, WRONG
from musher.iam.escalations import WAYS
from musher.iam.options import build_parser
from musher.iam.rules.catalog import ALL

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "iam-audit.md").read_text()
ROWS = re.findall(r"^\| \[`([a-z-]+)`\]\((\S+)\) \| ([a-z, ]+) \| (.+) \|$", PAGE, re.MULTILINE)


def test_every_rule_has_a_row_in_the_order_of_the_code() -> None:
    expected = [(rule.id, rule.page, ", ".join(rule.severities), rule.title) for rule in ALL]
    assert expected == ROWS


def test_every_way_is_named() -> None:
    for way in WAYS:
        assert f"`{' + '.join(way.actions)}`" in PAGE, way.id


def test_the_exit_statuses_are_the_codes() -> None:
    rows = [int(number) for number in re.findall(r"^\| (\d) \|", PAGE, re.MULTILINE)]
    assert rows == [CLEAN, FOUND, WRONG, UNSEEN]


def test_the_options_that_it_names_exist() -> None:
    text = build_parser().format_help()
    actions = build_parser()._subparsers._group_actions[0].choices  # type: ignore[union-attr,index]
    known = text + "".join(parser.format_help() for parser in actions.values())  # type: ignore[union-attr]
    for option in set(re.findall(r"(?<![-\w])--[a-z][a-z-]*", PAGE)):
        assert option in known, option


def test_its_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", PAGE):
        assert (ROOT / "docs" / target).is_file(), target
