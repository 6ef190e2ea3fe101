"""Other services write to logs, too."""

import json
import uuid
from typing import Any


def test_events_of_eventbridge_arrive_in_a_log_group(localaws: Any) -> None:
    """It counts fractions of milliseconds."""
    logs, events, name = localaws.client("logs"), localaws.client("events"), uuid.uuid4().hex
    group = f"/aws/events/{name}"
    logs.create_log_group(logGroupName=group)
    events.put_rule(Name=name, EventPattern=json.dumps({"source": [name]}))
    arn = f"arn:aws:logs:us-east-1:123456789012:log-group:{group}"
    events.put_targets(Rule=name, Targets=[{"Id": "logs", "Arn": arn}])
    detail = json.dumps({"key": "value"})
    answer = events.put_events(Entries=[{"Source": name, "DetailType": "any", "Detail": detail}])
    assert answer["FailedEntryCount"] == 0
    (event,) = logs.filter_log_events(logGroupName=group)["events"]
    assert json.loads(event["message"])["detail"] == {"key": "value"}
    events.remove_targets(Rule=name, Ids=["logs"])
    events.delete_rule(Name=name)
