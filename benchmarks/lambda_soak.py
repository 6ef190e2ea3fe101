"""A function at its reserved limit for 10,000 invocations: never over it, none lost, no memory kept.

Twice as many clients as the function has reserved executions ask it all the time, each over a connection of
its own. An answer says when its execution began and ended, and in which process, so that the most that ran at
once is counted by what ran, not by what localaws says. Who is throttled must be told why in AWS's words, and
asks again.

over_limit     executions beyond the reserved ones at the moment when most ran
lost           invocations that were neither answered nor throttled in AWS's words
rss_growth_mb  of localaws' memory from the first tenth on
"""

import argparse
import contextlib
import http.client
import io
import json
import time
import zipfile
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from benchmarks.lambda_init import FUNCTION_ROLE, TRUST
from benchmarks.servers import client, free_port, localaws_argv, running
from benchmarks.tables import print_table

NAME = "soak"
RESERVED = 5
REASON = "ReservedFunctionConcurrentInvocationLimitExceeded"
SPEED = 40
"""AWS seconds in one: AWS takes ten requests a second for each reserved execution, which is too slow here."""
PAUSE_S = 0.002
"""Before a client that was throttled asks again."""
HANDLER = """
import os, time

def handle(event, context):
    began = time.monotonic()
    time.sleep(0.002)
    return {"began": began, "ended": time.monotonic(), "process": os.environ["AWS_LAMBDA_LOG_STREAM_NAME"]}
"""
AUTHORIZATION = (
    "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/lambda/aws4_request, SignedHeaders=host, "
    f"Signature={'0' * 64}"
)


@dataclass(kw_only=True)
class Seen:
    """What one client met."""

    answers: list[dict[str, Any]] = field(default_factory=list)
    throttled: int = 0
    odd: Counter[str] = field(default_factory=Counter)
    """Anything else, by what it was."""


def make_function(port: int, *, reserved: int) -> None:
    """Make the function, with its reserved executions."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("soak.py", HANDLER)
    role = FUNCTION_ROLE.rpartition("/")[2]
    client("iam", port=port).create_role(RoleName=role, AssumeRolePolicyDocument=TRUST)
    functions = client("lambda", port=port)
    functions.create_function(
        FunctionName=NAME,
        Runtime="python3.11",
        Role=FUNCTION_ROLE,
        Handler="soak.handle",
        Code={"ZipFile": buffer.getvalue()},
        Timeout=30,
    )
    waiter = functions.get_waiter("function_active_v2")
    waiter.wait(FunctionName=NAME, WaiterConfig={"Delay": 1, "MaxAttempts": 60})
    functions.put_function_concurrency(FunctionName=NAME, ReservedConcurrentExecutions=reserved)


def ask(port: int, times: int) -> Seen:
    """Let one client be answered so many times."""
    seen = Seen()
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
        while len(seen.answers) + seen.odd.total() < times:
            headers = {"Content-Type": "application/json", "Authorization": AUTHORIZATION}
            connection.request("POST", f"/2015-03-31/functions/{NAME}/invocations", b"{}", headers)
            answer = connection.getresponse()
            note(seen, answer.status, answer.headers.get("x-amz-function-error", ""), answer.read())
    return seen


def note(seen: Seen, status: int, error: str, body: bytes) -> None:
    """Count one answer."""
    found = json.loads(body)
    if status == 200 and not error:
        seen.answers.append(found)
    elif status == 429 and found.get("Reason") == REASON:
        seen.throttled += 1
        time.sleep(PAUSE_S)
    else:
        seen.odd[f"{status} {error or found}"[:200]] += 1


def most_at_once(answers: Sequence[dict[str, Any]]) -> int:
    """Return how many executions ran when most did; all clocks are this machine's one."""
    moments = sorted(moment for answer in answers for moment in ((answer["began"], 1), (answer["ended"], -1)))
    running_now = most = 0
    for _, change in moments:
        running_now += change
        most = max(most, running_now)
    return most


def soak(port: int, *, invocations: int, clients: int) -> list[Seen]:
    """Let all clients ask at once; return what each met."""
    share, rest = divmod(invocations, clients)
    counts = [share + (place < rest) for place in range(clients)]
    with ThreadPoolExecutor(clients) as pool:
        return list(pool.map(lambda count: ask(port, count), counts))


def measure(*, invocations: int, reserved: int) -> dict[str, Any]:
    """Run it all; the first tenth warms localaws up."""
    port = free_port()
    with running("localaws", [*localaws_argv(port), "--speed", str(SPEED)], port=port) as server:
        make_function(port, reserved=reserved)
        early = soak(port, invocations=invocations // 10, clients=2 * reserved)
        before_mb = server.memory_mb()
        started = time.perf_counter()
        late = soak(port, invocations=invocations - invocations // 10, clients=2 * reserved)
        seconds = time.perf_counter() - started
        growth_mb = server.memory_mb() - before_mb
    seen = [*early, *late]
    answers = [answer for one in seen for answer in one.answers]
    return {
        "invocations": len(answers),
        "throttled": sum(one.throttled for one in seen),
        "environments": len({answer["process"] for answer in answers}),
        "most_at_once": most_at_once(answers),
        "over_limit": max(0, most_at_once(answers) - reserved),
        "lost": sum((one.odd for one in seen), Counter[str]()).total(),
        "rss_growth_mb": round(growth_mb, 1),
        "answered_per_s": round((invocations - invocations // 10) / seconds),
        "odd": dict(sum((one.odd for one in seen), Counter[str]())),
    }


def main() -> None:
    """Measure, print a table and the JSON line."""
    parser = argparse.ArgumentParser(description="A function at its reserved limit.")
    parser.add_argument("--invocations", type=int, default=10_000)
    parser.add_argument("--reserved", type=int, default=RESERVED)
    arguments = parser.parse_args()
    results = measure(invocations=arguments.invocations, reserved=arguments.reserved)
    print_table(["figure", "value"], [(name, str(value)) for name, value in results.items()])
    print(json.dumps(results))


if __name__ == "__main__":
    main()
