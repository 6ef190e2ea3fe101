"""An execution environment that a fault rule kills: its invocation fails, and the next has another."""

import threading
from typing import Any

from tests.sagemaker_jobs import wait_until

SLEEPER = """
import time

def handler(event, context):
    print("working")
    time.sleep(event)
    return "awake"
"""


def test_an_environment_that_is_killed_fails_its_invocation_and_no_other(
    functions: Any, fault_rules: Any
) -> None:
    name = functions.create(SLEEPER, Timeout=100)
    functions.invoke(name, 0)
    answers: list[Any] = []
    thread = threading.Thread(target=lambda: answers.append(functions.invoke(name, 90)))
    thread.start()
    wait_until(
        lambda: sum("working" in line for line in functions.log_events(name)) == 2,
        timeout_s=60,
        describe=functions.server.children,
    )
    assert fault_rules.kill(child="execution_environment", name=name) == [f"lambda-{name}"]
    thread.join(timeout=60)
    assert [answer.error for answer in answers] == ["Unhandled"]
    assert "signal: killed" in answers[0].json["errorMessage"]
    assert functions.invoke(name, 0).json == "awake"
