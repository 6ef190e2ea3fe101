"""Pages of Application Auto Scaling, and which policies a request is about."""

from types import SimpleNamespace
from typing import Any

import pytest
from moto.applicationautoscaling.models import ApplicationAutoscalingBackend, FakeScheduledAction

from localaws.autoscaling.actions import (
    InvalidNextTokenError,
    describe_scheduled_actions,
    is_of,
    take_page,
)

POLICY = SimpleNamespace(
    service_namespace="sagemaker",
    resource_id="endpoint/dogs/variant/AllTraffic",
    scalable_dimension="sagemaker:variant:DesiredInstanceCount",
)


@pytest.mark.parametrize(
    ("items", "most"), [(0, 2), (2, 2), (5, 2), (7, 3), (51, None), (120, 100), (60, "9")]
)
def test_pages_hold_everything_once(items: int, most: int | str | None) -> None:
    pages: list[list[int]] = []
    token = None
    while True:
        page, following = take_page(range(items), token=token, most=most)
        assert len(page) <= min(int(most or 50), 50)
        pages.append(list(page))
        token = following.get("NextToken")
        if token is None:
            break
    assert [item for page in pages for item in page] == list(range(items))
    assert all(pages) or items == 0


def test_a_page_of_less_than_one_item_has_one() -> None:
    """It would be empty, with a token that leads nowhere."""
    assert take_page([1, 2], token=None, most=-1) == ([1], {"NextToken": "1"})


def test_a_token_beyond_the_end_has_nothing_to_show() -> None:
    assert take_page([1, 2], token="2", most=None) == ([], {})


@pytest.mark.parametrize("token", ["next", "-1", "1.5", " 1", "²", "1_0", "9" * 5000])
def test_a_token_that_no_page_had_is_refused(token: str) -> None:
    with pytest.raises(InvalidNextTokenError, match="next token supplied is invalid") as caught:
        take_page([1], token=token, most=None)
    assert caught.value.error_type == "InvalidNextTokenException"


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({}, True),
        ({"ServiceNamespace": "sagemaker", "ResourceId": None}, True),
        ({"ServiceNamespace": "lambda"}, False),
        ({"ResourceId": "endpoint/dogs/variant/AllTraffic"}, True),
        ({"ResourceId": "endpoint/dogs/variant/AllTraffic2"}, False),
        ({"ResourceId": "dogs"}, False),
        ({"ScalableDimension": "sagemaker:variant:DesiredInstanceCount"}, True),
        ({"ScalableDimension": "sagemaker:variant:DesiredProvisionedConcurrency"}, False),
    ],
)
def test_a_policy_is_found_by_the_whole_of_what_is_named(
    wanted: dict[str, str | None], expected: bool
) -> None:
    assert is_of(POLICY, wanted) is expected


def scheduled(name: str) -> FakeScheduledAction:
    """Return an action without a time zone, a start and an end."""
    where: Any = {"account_id": "123456789012", "region": "us-east-1", **vars(POLICY)}
    times: Any = {"timezone": None, "start_time": None, "end_time": None}
    bounds: Any = {"MinCapacity": 2}
    return FakeScheduledAction(
        schedule="rate(1 hour)", scheduled_action_name=name, scalable_target_action=bounds, **where, **times
    )


def test_scheduled_actions_come_in_pages_and_say_nothing_of_what_is_not_set() -> None:
    backend = ApplicationAutoscalingBackend("us-east-1", "123456789012")
    backend.scheduled_actions = [scheduled(name) for name in ("a", "b", "c")]
    asked: dict[str, Any] = {"ServiceNamespace": "sagemaker", "MaxResults": 2}
    response: Any = SimpleNamespace(applicationautoscaling_backend=backend, _get_param=asked.get)
    first = describe_scheduled_actions(response).result
    assert [item["ScheduledActionName"] for item in first["ScheduledActions"]] == ["a", "b"]
    assert {"Timezone", "StartTime", "EndTime"}.isdisjoint(first["ScheduledActions"][0])
    asked["NextToken"] = first["NextToken"]
    last = describe_scheduled_actions(response).result
    assert [item["ScheduledActionName"] for item in last["ScheduledActions"]] == ["c"]
    assert "NextToken" not in last
