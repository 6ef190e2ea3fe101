"""What event source mappings are refused."""

from typing import Any

import pytest
from moto.awslambda.exceptions import InvalidParameterValueException

from localaws.functions.sources.validation import ABSENT, check_mapping, missing_source
from tests.objections import objection


@pytest.mark.parametrize("member", ABSENT)
def test_a_member_without_effect_is_refused_by_name(member: str) -> None:
    with pytest.raises(InvalidParameterValueException, match=f"does not implement {member} of event source"):
        check_mapping({"FunctionName": "dogs", member: ["something"]})


@pytest.mark.parametrize("nothing", [None, [], {}, 0, False])
@pytest.mark.parametrize("member", ["FilterCriteria", "FunctionResponseTypes", "TumblingWindowInSeconds"])
def test_what_asks_for_nothing_is_fine(member: str, nothing: Any) -> None:
    assert objection(check_mapping, {member: nothing}) is None


@pytest.mark.parametrize(
    "options", [{}, {"BatchSize": 5}, {"MaximumBatchingWindowInSeconds": 1}, {"Enabled": False}]
)
def test_what_localaws_does_or_what_concerns_speed_is_taken(options: dict[str, Any]) -> None:
    request = {"FunctionName": "dogs", "EventSourceArn": "arn:aws:sqs:us-east-1:1:q"} | options
    assert objection(check_mapping, request) is None


@pytest.mark.parametrize(
    ("arn", "message"),
    [
        ("arn:aws:sqs:us-east-1:1:q", "SQS Error Code: AWS.SimpleQueueService.NonExistentQueue."),
        ("arn:aws:kinesis:us-east-1:1:stream/s", "Stream not found: arn:aws:kinesis:us-east-1:1:stream/s"),
        ("arn:aws:dynamodb:us-east-1:1:table/t/stream/s", "Stream not found: arn:aws:dynamodb"),
        ("nothing", "Stream not found: nothing"),
    ],
)
def test_a_source_that_is_missing_is_named(arn: str, message: str) -> None:
    assert message in missing_source(arn)
