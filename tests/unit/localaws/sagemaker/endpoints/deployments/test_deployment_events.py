"""The event of a deployment, and what an update keeps."""

import json
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from moto import mock_aws
from moto.events.models import events_backends
from moto.sagemaker.exceptions import SagemakerClientError
from moto.sqs.models import sqs_backends

from localaws.sagemaker.endpoints.deployments.events import event_detail, event_status, publish, to_json
from localaws.sagemaker.endpoints.deployments.retention import check_kind, retain_properties
from localaws.sagemaker.endpoints.fleet import Fleet, Variant
from localaws.sagemaker.endpoints.plan import VariantPlan

ACCOUNT, REGION = "123456789012", "us-east-1"
NOW = datetime(2026, 1, 2, tzinfo=UTC)


def endpoint(status: str = "Updating") -> Any:
    return SimpleNamespace(
        endpoint_name="ep",
        arn=f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:endpoint/ep",
        endpoint_config_name="old",
        production_variants=[{"VariantName": "v", "CurrentInstanceCount": 1}],
        endpoint_status=status,
        creation_time=datetime(1970, 1, 1),
        last_modified_time=datetime(1970, 1, 1, 0, 0, 1, 500_000),
        tags=[{"Key": "team", "Value": "photos"}],
    )


@pytest.mark.parametrize(
    ("status", "written"),
    [
        ("Updating", "UPDATING"),
        ("RollingBack", "ROLLING_BACK"),
        ("InService", "IN_SERVICE"),
        ("UpdateRollbackFailed", "UPDATE_ROLLBACK_FAILED"),
    ],
)
def test_statuses_are_written_in_capitals(status: str, written: str) -> None:
    assert event_status(status) == written


def test_the_detail_tells_of_the_endpoint_and_of_what_goes_on() -> None:
    detail = event_detail(endpoint(), pending={"EndpointConfigName": "new", "StartTime": NOW})
    assert json.loads(to_json(detail)) == {
        "EndpointName": "ep",
        "EndpointArn": f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:endpoint/ep",
        "EndpointConfigName": "old",
        "ProductionVariants": [{"VariantName": "v", "CurrentInstanceCount": 1}],
        "EndpointStatus": "UPDATING",
        "CreationTime": 0,
        "LastModifiedTime": 1500,
        "Tags": {"team": "photos"},
        "PendingDeploymentSummary": {"EndpointConfigName": "new", "StartTime": 1767312000000},
    }
    assert "PendingDeploymentSummary" not in event_detail(endpoint(), pending=None)


def rule(name: str, target: str) -> None:
    backend = events_backends[ACCOUNT][REGION]
    pattern = {"source": ["aws.sagemaker"], "detail": {"EndpointStatus": ["UPDATING"]}}
    backend.put_rule(name, event_pattern=json.dumps(pattern), state="ENABLED")
    backend.put_targets(name, None, [{"Id": "t", "Arn": target}])


@mock_aws
def test_a_rule_hands_the_event_to_its_queue() -> None:
    queue = sqs_backends[ACCOUNT][REGION].create_queue("changes", {})
    rule("deployments", f"arn:aws:sqs:{REGION}:{ACCOUNT}:changes")
    for status in ("Updating", "InService"):
        detail = event_detail(endpoint(status), pending=None)
        publish(detail, account_id=ACCOUNT, region=REGION, now=NOW)
    (message,) = queue._messages
    event = json.loads(message.body)
    assert event["detail-type"] == "SageMaker Endpoint Deployment State Change"
    assert (event["source"], event["detail"]["EndpointName"]) == ("aws.sagemaker", "ep")
    assert event["resources"] == [f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:endpoint/ep"]


@mock_aws
def test_a_target_that_moto_does_not_know_is_logged_and_ends_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    rule("deployments", f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:f")
    publish(event_detail(endpoint(), pending=None), account_id=ACCOUNT, region=REGION, now=NOW)
    assert "endpoint ep: an event was not delivered" in caplog.text


def plan(name: str, *, count: int = 1, weight: float = 1.0, **changes: Any) -> VariantPlan:
    values: dict[str, Any] = {"startup_s": 1.0, "role_arn": "", "container": {}}
    return VariantPlan(name=name, count=count, weight=weight, **values | changes)


def running(name: str, *, count: int, weight: float, shadow: Variant | None = None) -> Variant:
    instances: Any = tuple(range(count))
    return Variant(plan=plan(name), weight=weight, instances=instances, shadow=shadow)


@pytest.mark.parametrize(
    ("excluded", "kept", "kept_of_shadow"),
    [
        ((), (3, 7.0), (2, 5.0)),
        (("DesiredInstanceCount",), (1, 7.0), (1, 5.0)),
        (("DesiredWeight",), (3, 1.0), (2, 1.0)),
        (("DesiredWeight", "DesiredInstanceCount", "DataCaptureConfig"), (1, 1.0), (1, 1.0)),
    ],
)
def test_what_is_not_excluded_is_retained_of_variants_and_their_shadows(
    excluded: tuple[str, ...], kept: tuple[int, float], kept_of_shadow: tuple[int, float]
) -> None:
    shadow = running("s", count=2, weight=5.0)
    fleet = Fleet(variants={"v": running("v", count=3, weight=7.0, shadow=shadow)})
    plans = [plan("v", shadow=plan("s")), plan("new")]
    found, new = retain_properties(plans, fleet=fleet, excluded=excluded)
    assert found.shadow is not None
    assert (found.count, found.weight) == kept
    assert (found.shadow.count, found.shadow.weight) == kept_of_shadow
    assert new is plans[1]


def test_instances_do_not_become_serverless_by_an_update() -> None:
    fleet = Fleet(variants={"v": running("v", count=1, weight=1.0)})
    check_kind([plan("v")], fleet=fleet)
    with pytest.raises(SagemakerClientError, match="cannot be updated to a serverless one"):
        check_kind([plan("v", is_serverless=True)], fleet=fleet)
