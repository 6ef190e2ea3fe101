"""README's table of what is real is the code's."""

import pytest

from localaws.coverage import PARTS, Status, find_refusal, write_table
from localaws.protocols import Call, Protocol
from scripts.coverage import BEGIN, END, README, insert_table


def test_readme_has_the_table_of_today() -> None:
    """`make coverage` writes it."""
    text = README.read_text()
    assert insert_table(text) == text


def test_a_page_without_the_two_comments_is_named() -> None:
    assert insert_table(f"a{BEGIN}old{END}b") == f"a{BEGIN}\n\n{write_table()}\n\n{END}b"
    with pytest.raises(ValueError, match="README has no"):
        insert_table(f"a{BEGIN}")


def test_what_is_refused_is_absent_and_says_why() -> None:
    assert all(part.status is Status.ABSENT for part in PARTS if part.refused)
    call = Call(service="ec2", action="CreateFleet", protocol=Protocol.EC2)
    assert (find_refusal(call) or "").startswith("instances are made by RunInstances")
    assert find_refusal(Call(service="ec2", action="DescribeInstances", protocol=Protocol.EC2)) is None


def test_each_part_is_one_row() -> None:
    assert len(write_table().splitlines()) == len(PARTS) + 2
    assert all("|" not in part.text and not part.text.endswith(".") for part in PARTS)
