"""A localaws that goes on at another speed: its alarms follow."""

import json
import time
import urllib.request
from typing import Any

WAIT_S = 60.0


def put_speed(url: str, speed: float) -> None:
    request = urllib.request.Request(
        f"{url}/_localaws/clock", data=json.dumps({"speed": speed}).encode(), method="PUT"
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert json.load(answer)["speed"] == speed


def test_alarms_of_minutes_ring_within_seconds_once_time_passes_faster(start_server: Any) -> None:
    server = start_server()
    cloudwatch = server.client("cloudwatch")
    put_speed(server.url, 600)
    cloudwatch.put_metric_alarm(
        AlarmName="quiet",
        Namespace="tests",
        MetricName="m",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=10,
        Threshold=1.0,
        ComparisonOperator="LessThanThreshold",
        TreatMissingData="breaching",
    )
    started = time.monotonic()
    while cloudwatch.describe_alarms(AlarmNames=["quiet"])["MetricAlarms"][0]["StateValue"] != "ALARM":
        assert time.monotonic() - started < WAIT_S, "ten minutes have not passed in a minute"
        time.sleep(0.1)
