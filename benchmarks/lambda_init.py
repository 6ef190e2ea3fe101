"""What the Lambda function costs at its start and while it is warm, beside boto3 for the same call.

A start is a fresh interpreter that imports the handler and signs its first request, up to sending it, beside
one that imports boto3 and makes a client of SageMaker's runtime; both have compiled bytecode. They take
turns, after one of each that is not counted. A warm invocation is one event, answered by an endpoint of
another process that says [[1]] at once, beside boto3's invoke_endpoint of the same body to the same endpoint;
in turns of 50, by processor time. Last, the function runs in localaws, in front of an endpoint there: Invoke
beside InvokeEndpoint, in turn, each over one connection of its own.

ratio            seconds of a start, ours / boto3's, median of the pairs
warm_ratio       processor time of a warm invocation, ours / boto3's, median of the pairs
new_connections  connections that 100 warm invocations have opened
overhead_ms      Invoke less InvokeEndpoint, medians, through localaws
"""

import argparse
import asyncio
import contextlib
import http.client
import io
import json
import statistics
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import benchmarks.source_paths  # noqa: F401 - makes the function's modules importable
from benchmarks.localaws import create_endpoint
from benchmarks.servers import BUCKET, ROOT, client, free_port, localaws_argv, make_role, running, wait_for
from benchmarks.tables import print_table

ENVIRON = {
    "ENDPOINT_NAME": "trivial",
    "AWS_REGION": "us-east-1",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_SESSION_TOKEN": "token",
}
EVENT = {"url": "https://example.com/dog.jpg"}
OURS = """
import time; started = time.perf_counter()
import musher_lambda, sigv4, lambda_events, os
from aws_credentials import RoleCredentials
question = lambda_events.read_event({"url": "https://example.com/dog.jpg"})
settings = musher_lambda.read_settings(os.environ)
request = sigv4.Request("POST", settings.base_url + "/endpoints/x/invocations", {}, question.body)
credentials = RoleCredentials(os.environ).current(deadline=time.monotonic() + 60)
sigv4.sign(request, credentials=credentials, region=settings.region, service="sagemaker", now=time.time())
print(time.perf_counter() - started)
"""
THEIRS = """
import time; started = time.perf_counter()
import boto3
boto3.client("sagemaker-runtime")
print(time.perf_counter() - started)
"""
TURN = 50
FUNCTION_ROLE = "arn:aws:iam::123456789012:role/benchmark-function"
TRUST = """{"Statement": {
    "Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"
}}"""


def start_s(program: str) -> float:
    """Return the seconds that a fresh interpreter says its start took."""
    argv = [sys.executable, "-c", program]
    environ = ENVIRON | {"PYTHONPATH": str(ROOT / "lambda"), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(argv, env=environ, capture_output=True, text=True, check=True, timeout=120)
    return float(done.stdout)


def measure_start(pairs: int) -> dict[str, float]:
    """Start both in turn."""
    start_s(OURS), start_s(THEIRS)
    found = [(start_s(OURS), start_s(THEIRS)) for _ in range(pairs)]
    return {
        "start_ms": statistics.median(ours for ours, _ in found) * 1000,
        "boto3_start_ms": statistics.median(theirs for _, theirs in found) * 1000,
        "ratio": statistics.median(ours / theirs for ours, theirs in found),
    }


def serve(port: int) -> None:
    """Answer every POST with [[1]], and every GET with the number of connections before its own."""
    opened = 0

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal opened
        opened += 1
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                sizes = [
                    int(line.split(b":")[1]) for line in head.split(b"\r\n") if b"content-length:" in line
                ]
                await reader.readexactly(sum(sizes))
                body = b"[[1]]" if head.startswith(b"post") else str(opened - 1).encode()
                writer.write(
                    b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
                    b"content-length: %d\r\n\r\n%b" % (len(body), body)
                )
                await writer.drain()
        writer.close()

    async def main() -> None:
        server = await asyncio.start_server(talk, "127.0.0.1", port)
        await server.serve_forever()

    asyncio.run(main())


@contextlib.contextmanager
def quick_endpoint() -> Generator[int, None, None]:
    """Run the server in a process of its own; give its port."""
    port = free_port()
    argv = [sys.executable, "-c", f"from benchmarks.lambda_init import serve; serve({port})"]
    with subprocess.Popen(argv, cwd=ROOT) as process:
        try:
            wait_for(port, process)
            yield port
        finally:
            process.terminate()


class Context:
    """What of Lambda's context is used."""

    aws_request_id = "benchmark"

    def get_remaining_time_in_millis(self) -> int:
        """Return the rest of 30 s."""
        return 30_000


def cpu_ms(call: Callable[[], object], *, times: int) -> float:
    """Return the processor time of one call, in milliseconds."""
    started = time.process_time()
    for _ in range(times):
        call()
    return (time.process_time() - started) / times * 1000


def measure_warm(turns: int) -> dict[str, float]:
    """Let both invoke the same endpoint in turn."""
    import musher_lambda

    with quick_endpoint() as port:
        function = musher_lambda.make_function(ENVIRON | {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}"})
        runtime, body = client("sagemaker-runtime", port=port), json.dumps(EVENT).encode()

        def ours() -> None:
            with contextlib.redirect_stdout(io.StringIO()):
                answer = function.handle(EVENT, Context())
            assert answer["body"] == "[[1]]", answer

        def theirs() -> None:
            answer = runtime.invoke_endpoint(
                EndpointName="trivial", ContentType="application/json", Accept="application/json", Body=body
            )
            json.loads(answer["Body"].read())

        ours()
        theirs()
        found = [(cpu_ms(ours, times=TURN), cpu_ms(theirs, times=TURN)) for _ in range(turns)]
        before = count_connections(port)
        for _ in range(100):
            ours()
        opened = count_connections(port) - before - 1  # the first count's own
        function._client.close()
        runtime.close()
    return {
        "warm_cpu_ms": statistics.median(ours for ours, _ in found),
        "boto3_warm_cpu_ms": statistics.median(theirs for _, theirs in found),
        "warm_ratio": statistics.median(ours / theirs for ours, theirs in found),
        "new_connections": opened,
    }


def count_connections(port: int) -> int:
    """Return how many connections the server had before this one."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    with contextlib.closing(connection):
        connection.request("GET", "/")
        return int(connection.getresponse().read())


def pack_function() -> bytes:
    """Return the function's code as a zip."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path in sorted(Path(ROOT / "lambda").glob("*.py")):
            archive.write(path, path.name)
    return buffer.getvalue()


def make_function(port: int) -> None:
    """Make the function in localaws, in front of the endpoint."""
    role = FUNCTION_ROLE.rpartition("/")[2]
    client("iam", port=port).create_role(RoleName=role, AssumeRolePolicyDocument=TRUST)
    functions = client("lambda", port=port)
    functions.create_function(
        FunctionName="classify",
        Runtime="python3.11",
        Role=FUNCTION_ROLE,
        Handler="musher_lambda.handler",
        Code={"ZipFile": pack_function()},
        Timeout=30,
        Environment={"Variables": {"ENDPOINT_NAME": "trivial"}},
    )
    functions.get_waiter("function_active_v2").wait(
        FunctionName="classify", WaiterConfig={"Delay": 1, "MaxAttempts": 60}
    )


def call_ms(connection: http.client.HTTPConnection, path: str, service: str) -> tuple[float, bytes]:
    """Send the event over a kept connection; return milliseconds and the answer."""
    scope = f"Credential=test/20260101/us-east-1/{service}/aws4_request, SignedHeaders=host"
    headers = {
        "Content-Type": "application/json",
        "Authorization": f"AWS4-HMAC-SHA256 {scope}, Signature={'0' * 64}",
    }
    started = time.perf_counter()
    connection.request("POST", path, body=json.dumps(EVENT).encode(), headers=headers)
    answer = connection.getresponse()
    body = answer.read()
    if answer.status != 200:
        raise RuntimeError(f"{path} answered {answer.status} {body!r}")
    return (time.perf_counter() - started) * 1000, body


def measure_overhead(requests: int) -> dict[str, float]:
    """Ask the function and its endpoint in turn, through localaws."""
    port = free_port()
    with running("localaws", localaws_argv(port), port=port):
        client("s3", port=port).create_bucket(Bucket=BUCKET)
        make_role(port)
        create_endpoint(port)
        make_function(port)
        function, endpoint = (http.client.HTTPConnection("127.0.0.1", port, timeout=60) for _ in range(2))
        found = []
        with contextlib.closing(function), contextlib.closing(endpoint):
            for _ in range(requests):
                through, body = call_ms(function, "/2015-03-31/functions/classify/invocations", "lambda")
                if json.loads(body)["body"] != "[[1]]":
                    raise RuntimeError(f"the function answered {body!r}")
                straight, _ = call_ms(endpoint, "/endpoints/trivial/invocations", "sagemaker")
                found.append((through, straight))
    through_ms, straight_ms = (
        statistics.median(column) for column in zip(*found[requests // 10 :], strict=True)
    )
    return {
        "invoke_ms": through_ms,
        "invoke_endpoint_ms": straight_ms,
        "overhead_ms": through_ms - straight_ms,
    }


def main() -> None:
    """Measure all of it, print a table and the JSON line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pairs", type=int, default=15, help="starts of each, and turns of warm invocations")
    parser.add_argument("--requests", type=int, default=300, help="invocations through localaws")
    arguments = parser.parse_args()
    results: dict[str, Any] = measure_start(arguments.pairs) | measure_warm(arguments.pairs)
    results |= measure_overhead(arguments.requests)
    rounded = {name: round(value, 3) for name, value in results.items()}
    print_table(["figure", "value"], list(rounded.items()))
    print(json.dumps(rounded))


if __name__ == "__main__":
    main()
