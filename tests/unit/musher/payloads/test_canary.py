"""What the test of the live function tells CloudWatch, and how it knows a cold start."""

import base64
import json
from typing import Any

import pytest

from musher.payloads.canary import Sighting, build_data, read_start

REPORT = "REPORT RequestId: r\tDuration: 2.00 ms\tBilled Duration: 102 ms\tMemory Size: 256 MB\t"
COLD_REPORT = f"{REPORT}Init Duration: 99.10 ms\t"
PLACE = [{"Name": "Project", "Value": "dogs"}, {"Name": "Alias", "Value": "live"}]
OF_VERSION = [*PLACE, {"Name": "Version", "Value": "7"}]


def encoded(*lines: str) -> str:
    """Return lines as Invoke gives the end of a log."""
    return base64.b64encode("\n".join(lines).encode()).decode()


def own(**fields: Any) -> str:
    """Return the function's own line."""
    return json.dumps({"level": "INFO", "message": "answered", **fields})


@pytest.mark.parametrize(
    ("log", "is_cold"),
    [
        (encoded("START RequestId: r", own(cold_start=True), COLD_REPORT), True),
        (encoded(own(cold_start=False), REPORT), False),
        (encoded(own(cold_start=False), COLD_REPORT), False),  # started ahead: nobody has waited
        (encoded(COLD_REPORT), True),
        (encoded(REPORT), False),
        (encoded("{not json", "{}", '["cold_start"]', own(cold_start="true"), REPORT), False),
        (encoded(own(cold_start=True, reason="REPORT \tInit Duration: 1"), REPORT), True),
        (encoded("END RequestId: r"), None),
        (encoded("says: REPORT of mine\tInit Duration: 5 ms", REPORT), False),
        ("", None),
        ("no base64!", None),
        (None, None),
    ],
)
def test_a_cold_start_is_what_the_log_says_and_is_never_guessed(
    log: str | None, is_cold: bool | None
) -> None:
    assert read_start(log) is is_cold


def test_success_and_latency_are_told_for_the_alias_and_for_its_version() -> None:
    seen = Sighting(is_good=True, version="7", milliseconds=12.34567, is_cold=False)
    found = build_data(seen, project="dogs", alias="live")
    assert [(item["MetricName"], item["Dimensions"], item["Value"], item["Unit"]) for item in found] == [
        ("CanarySuccess", PLACE, 1.0, "Count"),
        ("CanarySuccess", OF_VERSION, 1.0, "Count"),
        ("CanaryWarmLatency", PLACE, 12.346, "Milliseconds"),
        ("CanaryWarmLatency", OF_VERSION, 12.346, "Milliseconds"),
    ]


@pytest.mark.parametrize(
    ("members", "names"),
    [
        ({"milliseconds": 900.0, "is_cold": True}, ["CanarySuccess", "CanaryColdLatency"]),
        ({"milliseconds": 900.0, "is_cold": None}, ["CanarySuccess"]),
        ({"milliseconds": None, "is_cold": True}, ["CanarySuccess"]),
    ],
)
def test_a_latency_is_told_only_where_it_is_known_what_it_was(
    members: dict[str, Any], names: list[str]
) -> None:
    found = build_data(Sighting(is_good=False, **members), project="dogs", alias="live")
    assert [item["MetricName"] for item in found] == names
    assert found[0]["Value"] == 0.0
