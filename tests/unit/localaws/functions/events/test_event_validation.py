"""Which settings of asynchronous invocations are refused, and in which words."""

from typing import Any

import pytest
from moto.awslambda.exceptions import InvalidParameterValueException

from localaws.functions.events.validation import check_settings, destination_of
from tests.objections import objection

HERE = "us-east-1:123456789012"
DESTINATIONS = {
    "sqs": f"arn:aws:sqs:{HERE}:dogs",
    "sns": f"arn:aws:sns:{HERE}:dogs",
    "lambda": f"arn:aws:lambda:{HERE}:function:dogs",
    "events": f"arn:aws:events:{HERE}:event-bus/dogs",
}


def going_to(**sides: str) -> dict[str, Any]:
    """Return settings with destinations."""
    return {"DestinationConfig": {side: {"Destination": arn} for side, arn in sides.items()}}


@pytest.mark.parametrize("side", ["OnSuccess", "OnFailure"])
@pytest.mark.parametrize("arn", DESTINATIONS.values(), ids=DESTINATIONS)
def test_four_services_take_both(side: str, arn: str) -> None:
    assert objection(check_settings, going_to(**{side: arn})) is None


def test_a_bucket_takes_failures_only() -> None:
    check_settings(going_to(OnFailure="arn:aws:s3:::dogs"))
    with pytest.raises(InvalidParameterValueException) as caught:
        check_settings(going_to(OnSuccess="arn:aws:s3:::dogs", OnFailure=DESTINATIONS["sqs"]))
    assert caught.value.message == (
        "The provided destination config DestinationConfig("
        "onSuccess=OnSuccess(destination=arn:aws:s3:::dogs), "
        f"onFailure=OnFailure(destination={DESTINATIONS['sqs']})) is invalid."
    )


@pytest.mark.parametrize(
    "arn",
    ["arn:aws:kinesis:us-east-1:123456789012:stream/dogs", "arn:aws:iam::1:role/r", "dogs", "x:y:sqs:z"],
)
@pytest.mark.parametrize("side", ["OnSuccess", "OnFailure"])
def test_what_cannot_be_a_destination_is_shown(side: str, arn: str) -> None:
    with pytest.raises(InvalidParameterValueException) as caught:
        check_settings(going_to(**{side: arn}))
    shown = f"{side}(destination={arn})"
    assert shown in caught.value.message
    assert ("onFailure=null" if side == "OnSuccess" else "onSuccess=null") in caught.value.message


@pytest.mark.parametrize(
    "request_", [{}, {"Qualifier": "1"}, {"MaximumRetryAttempts": None, "DestinationConfig": None}]
)
def test_settings_must_say_something(request_: dict[str, Any]) -> None:
    with pytest.raises(InvalidParameterValueException, match="at least one of error handling or destination"):
        check_settings(request_)


@pytest.mark.parametrize(
    "request_",
    [{"MaximumRetryAttempts": 0}, {"MaximumEventAgeInSeconds": 60}, {"DestinationConfig": {}}],
)
def test_nought_and_nowhere_are_settings(request_: dict[str, Any]) -> None:
    """Zero attempts is a number; an empty DestinationConfig takes away the destinations that there were."""
    assert objection(check_settings, request_) is None


@pytest.mark.parametrize(
    ("destinations", "expected"),
    [
        ({}, ""),
        ({"OnFailure": None}, ""),
        ({"OnFailure": {}}, ""),
        ({"OnFailure": {"Destination": None}}, ""),
        ({"OnFailure": {"Destination": "arn"}}, "arn"),
        ({"OnSuccess": {"Destination": "arn"}}, ""),
    ],
)
def test_a_destination_is_a_text_or_nothing(destinations: dict[str, Any], expected: str) -> None:
    assert destination_of(destinations, "OnFailure") == expected
