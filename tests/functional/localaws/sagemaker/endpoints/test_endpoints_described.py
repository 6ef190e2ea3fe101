"""What the status page shows of endpoints."""

import json
import time
import urllib.request
from typing import Any


def test_an_endpoint_is_shown_with_its_instances(localaws: Any, endpoint_maker: Any) -> None:
    endpoint = endpoint_maker("on-the-page")
    endpoint.wait("InService")
    with urllib.request.urlopen(f"{localaws.url}/_localaws/status", timeout=30) as answer:
        shown = json.load(answer)["endpoints"]
    (row,) = [row for row in shown if row["name"] == "on-the-page"]
    (instance,) = row["instances"]
    assert (row["status"], row["config"], instance["state"]) == ("InService", "on-the-page", "HEALTHY")
    assert instance["pid"] == localaws.pid_of(f"SAGEMAKER_BIND_TO_PORT={endpoint.invoke_json(b'x')['port']}")
    assert row["log"]["group"] == "/aws/sagemaker/Endpoints/on-the-page"
    assert time.strptime(row["created"][:19], "%Y-%m-%dT%H:%M:%S")
