"""A Spot Instance that is taken away is told so, and ends; others are refused."""

import json
import re
from typing import Any

import pytest
import requests
from botocore.exceptions import ClientError

WATCHES = """#!/usr/bin/env python3
import os, time, urllib.error, urllib.request
url = os.environ["AWS_EC2_METADATA_SERVICE_ENDPOINT"] + "latest/meta-data/spot/instance-action"
while True:
    try:
        print("notice", urllib.request.urlopen(url).read().decode())
        break
    except urllib.error.HTTPError:
        time.sleep(0.05)
time.sleep(600)
"""
SPOT = {"MarketType": "spot"}


def test_a_spot_instance_is_told_that_it_is_taken_away(boxes: Any) -> None:
    instance_id = boxes.run(WATCHES, InstanceMarketOptions=SPOT)
    assert boxes.describe(instance_id)["InstanceLifecycle"] == "spot"
    boxes.wait_for_line(instance_id, "Cloud-init running")
    with pytest.raises(ClientError, match="one-time Spot Instance request"):
        boxes.ec2.stop_instances(InstanceIds=[instance_id])
    rule = {"kind": "spot_interruption", "job": instance_id}
    requests.post(f"{boxes.aws.url}/_localaws/faults", json=rule, timeout=60).raise_for_status()
    ended = boxes.wait(instance_id, "terminated")
    assert ended["StateReason"]["Code"] == "Server.SpotInstanceTermination"
    notice = json.loads(re.search("notice (.*)", boxes.console(instance_id))[1])
    assert notice["action"] == "terminate"
    assert notice["time"].endswith("Z")


@pytest.mark.parametrize(
    "options",
    [
        {"SpotInstanceType": "persistent"},
        {"SpotInstanceType": "persistent", "InstanceInterruptionBehavior": "stop"},
    ],
)
def test_spot_instances_that_come_back_are_refused(boxes: Any, options: Any) -> None:
    with pytest.raises(ClientError, match="one-time Spot Instances only"):
        boxes.run(InstanceMarketOptions=SPOT | {"SpotOptions": options})
