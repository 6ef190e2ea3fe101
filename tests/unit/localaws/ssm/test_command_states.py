"""The states of commands, and how those of invocations sum up."""

import pytest

from localaws.ssm.states import ENDS, INVOCATION, State, may_step, sum_up


def state(text: str) -> State:
    status, _, details = text.partition("/")
    return State(status=status, details=details)


@pytest.mark.parametrize(
    ("invocations", "cancelled", "expected"),
    [
        ([], False, "Success/NoInstancesInTag"),
        (["Pending", "Pending"], False, "Pending"),
        (["Pending", "Success"], False, "InProgress"),
        (["InProgress", "Failed"], False, "InProgress"),
        (["InProgress", "Failed"], True, "Cancelling"),
        (["Success", "Success"], False, "Success"),
        (["Success", "Failed", "TimedOut"], False, "Failed"),
        (["Success", "TimedOut/DeliveryTimedOut"], False, "TimedOut/DeliveryTimedOut"),
        (["Success", "Cancelled"], True, "Cancelled"),
    ],
)
def test_a_command_is_what_its_invocations_are(
    invocations: list[str], cancelled: bool, expected: str
) -> None:
    found = sum_up([state(each) for each in invocations], is_cancelled=cancelled)
    assert found == state(expected)


def test_nothing_follows_an_end() -> None:
    assert {each: INVOCATION[each] for each in sorted(ENDS)} == {each: frozenset() for each in sorted(ENDS)}
    assert may_step("Cancelling", "Success")  # it was faster
    assert not may_step("Cancelling", "InProgress")


def test_details_are_the_status_where_there_is_no_more_to_say() -> None:
    assert state("Success").as_members() == {"Status": "Success", "StatusDetails": "Success"}
