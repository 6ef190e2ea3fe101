"""What instances tell EventBridge."""

from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from localaws.ec2.notices import STATE_CHANGE, build_event
from localaws.ec2.quotas import STANDARD, describe


@pytest.mark.parametrize(
    ("region", "partition"),
    [("eu-central-1", "aws"), ("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov")],
)
def test_an_event_names_the_instance_in_its_region_s_partition(region: str, partition: str) -> None:
    instance = SimpleNamespace(id="i-1", owner_id="123456789012", region_name=region)
    now = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    event = build_event(instance, STATE_CHANGE, now=now, detail={"state": "running"})
    assert event["resources"] == [f"arn:{partition}:ec2:{region}:123456789012:instance/i-1"]
    assert event["detail"] == {"instance-id": "i-1", "state": "running"}
    assert event["time"] == "2026-01-02T03:04:05Z"


def test_a_quota_s_arn_is_of_its_region_s_partition() -> None:
    told = describe(STANDARD, value=1.0, account_id="123456789012", region="cn-north-1")
    assert told["QuotaArn"].startswith("arn:aws-cn:servicequotas:cn-north-1:123456789012:ec2/L-")
