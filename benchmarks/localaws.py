"""What localaws costs: its start, a training job's start, an invocation's detour, a request for state.

ready_ratio         seconds to the first answer, localaws / moto_server, median of interleaved pairs
job_start_s         CreateTrainingJob to the script's first line, less the bare interpreter's own start
invoke_overhead_ms  InvokeEndpoint through localaws less the same request to the process, medians
invoke_rps_8        InvokeEndpoint over 8 connections, each always busy, requests a second
invoke_cpu_ms       processor time of localaws for one of them; what other programs do changes it less
describe_ratio      DescribeTrainingJob, moto_server / localaws (benchmarks/localaws_api.py)
list_ratio          a page of 100 of 1,000 training jobs, moto_server / localaws
"""

import argparse
import contextlib
import http.client
import io
import json
import signal
import statistics
import subprocess
import sys
import tarfile
import time
from collections.abc import Generator
from itertools import repeat
from pathlib import Path
from typing import Any

from benchmarks.localaws_api import measure_api
from benchmarks.raw_http import seconds_for
from benchmarks.servers import (
    BUCKET,
    IMAGE,
    ROLE,
    ROOT,
    WAIT_S,
    client,
    free_port,
    localaws_argv,
    make_role,
    moto_argv,
    running,
)
from benchmarks.tables import print_table

CONNECTIONS = 8
SERVE = """
import asyncio, os

ANSWER = b"HTTP/1.1 200 OK\\r\\ncontent-type: application/json\\r\\ncontent-length: 5\\r\\n\\r\\n[[1]]"


async def talk(reader, writer):
    try:
        while True:
            head = await reader.readuntil(b"\\r\\n\\r\\n")
            for line in head.lower().split(b"\\r\\n"):
                if line.startswith(b"content-length:"):
                    await reader.readexactly(int(line.split(b":")[1]))
            writer.write(ANSWER)
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


async def main():
    server = await asyncio.start_server(talk, "127.0.0.1", int(os.environ["SAGEMAKER_BIND_TO_PORT"]))
    print("listening on", os.environ["SAGEMAKER_BIND_TO_PORT"], flush=True)
    await server.serve_forever()

asyncio.run(main())
"""


def first_answer(port: int, process: "subprocess.Popen[bytes]") -> None:
    """Ask for the caller's identity until the server answers; raises RuntimeError after WAIT_S."""
    deadline = time.monotonic() + WAIT_S
    body = "Action=GetCallerIdentity&Version=2011-06-15"
    authorization = "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/sts/aws4_request, Signature=0"
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Authorization": authorization}
    while time.monotonic() < deadline and process.poll() is None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("POST", "/", body=body, headers=headers)
            if connection.getresponse().status == 200:
                return
        except OSError:
            time.sleep(0.005)
        finally:
            connection.close()
    raise RuntimeError(f"no answer on port {port} within {WAIT_S} s")


@contextlib.contextmanager
def server(*argv: str, port: int) -> Generator[float, None, None]:
    """Run a server; yield the seconds until its first answer."""
    started = time.perf_counter()
    with subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            first_answer(port, process)
            yield time.perf_counter() - started
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=WAIT_S)


def ready_seconds(argv: Any) -> float:
    """Return the seconds from start to first answer of a fresh server."""
    port = free_port()
    with server(*argv(port), port=port) as seconds:
        return seconds


def measure_ready(pairs: int) -> dict[str, float]:
    """Start both servers in turn, after one uncounted start of each."""
    ready_seconds(localaws_argv), ready_seconds(moto_argv)
    runs = [(ready_seconds(localaws_argv), ready_seconds(moto_argv)) for _ in range(pairs)]
    return {
        "localaws_ready_s": statistics.median(ours for ours, _ in runs),
        "moto_ready_s": statistics.median(theirs for _, theirs in runs),
        "ready_ratio": statistics.median(ours / theirs for ours, theirs in runs),
    }


def tar_gz(files: dict[str, str]) -> bytes:
    """Return a .tar.gz that holds `files`."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, text in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(text.encode())
            archive.addfile(info, io.BytesIO(text.encode()))
    return buffer.getvalue()


def interpreter_start_s() -> float:
    """Return the seconds from spawning a bare interpreter to its first statement."""
    before = time.time()
    done = subprocess.run(
        [sys.executable, "-u", "-c", "import time; print(time.time())"], capture_output=True, check=True
    )
    return float(done.stdout) - before


def job_start_s(sagemaker: Any, logs: Any, name: str) -> float:
    """Return the seconds from CreateTrainingJob to the first statement of the script."""
    before = time.time()
    sagemaker.create_training_job(
        TrainingJobName=name,
        RoleArn=ROLE,
        AlgorithmSpecification={"TrainingImage": IMAGE, "TrainingInputMode": "File"},
        HyperParameters={
            "sagemaker_program": '"first.py"',
            "sagemaker_submit_directory": f'"s3://{BUCKET}/code.tar.gz"',
        },
        OutputDataConfig={"S3OutputPath": f"s3://{BUCKET}/jobs"},
        ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
        StoppingCondition={"MaxRuntimeInSeconds": 60},
    )
    waiter = sagemaker.get_waiter("training_job_completed_or_stopped")
    waiter.wait(TrainingJobName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 60})
    group = "/aws/sagemaker/TrainingJobs"
    stream = logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=name)["logStreams"][0]
    events = logs.get_log_events(logGroupName=group, logStreamName=stream["logStreamName"])["events"]
    first = next(e["message"] for e in events if e["message"].startswith("first "))
    return float(first.split()[1]) - before


def measure_job_start(port: int, runs: int) -> dict[str, float]:
    """Run tiny jobs and bare interpreters in turn, after one uncounted job."""
    s3, sagemaker, logs = (client(name, port=port) for name in ("s3", "sagemaker", "logs"))
    make_role(port)
    code = tar_gz({"first.py": "import time; print('first', time.time())\n"})
    s3.put_object(Bucket=BUCKET, Key="code.tar.gz", Body=code)
    job_start_s(sagemaker, logs, "start-warm-up")
    jobs, bare = [], []
    for run in range(runs):
        jobs.append(job_start_s(sagemaker, logs, f"start-{run}"))
        bare.append(interpreter_start_s())
    own = statistics.median(bare)
    return {"interpreter_start_s": own, "job_start_s": statistics.median(jobs) - own}


def create_endpoint(port: int) -> int:
    """Deploy the trivial server; return the port its process listens on."""
    s3, sagemaker, logs = (client(name, port=port) for name in ("s3", "sagemaker", "logs"))
    s3.put_object(Bucket=BUCKET, Key="model.tar.gz", Body=tar_gz({"code/serve.py": SERVE}))
    container = {"Image": IMAGE, "ModelDataUrl": f"s3://{BUCKET}/model.tar.gz"}
    sagemaker.create_model(ModelName="trivial", ExecutionRoleArn=ROLE, PrimaryContainer=container)
    variant = {
        "VariantName": "AllTraffic",
        "ModelName": "trivial",
        "InitialInstanceCount": 1,
        "InstanceType": "ml.m5.large",
    }
    sagemaker.create_endpoint_config(EndpointConfigName="trivial", ProductionVariants=[variant])
    sagemaker.create_endpoint(EndpointName="trivial", EndpointConfigName="trivial")
    waiter = sagemaker.get_waiter("endpoint_in_service")
    waiter.wait(EndpointName="trivial", WaiterConfig={"Delay": 1, "MaxAttempts": 60})
    group = "/aws/sagemaker/Endpoints/trivial"
    stream = logs.describe_log_streams(logGroupName=group)["logStreams"][0]["logStreamName"]
    events = logs.get_log_events(logGroupName=group, logStreamName=stream)["events"]
    line = next(e["message"] for e in events if e["message"].startswith("listening on "))
    return int(line.split()[-1])


def request_ms(connection: http.client.HTTPConnection, path: str) -> float:
    """Send one invocation on a kept-alive connection; return milliseconds."""
    started = time.perf_counter()
    connection.request("POST", path, body=b'{"url": "x"}', headers={"Content-Type": "application/json"})
    answer = connection.getresponse()
    body = answer.read()
    if answer.status != 200 or body != b"[[1]]":
        raise RuntimeError(f"{path} answered {answer.status} {body!r}")
    return (time.perf_counter() - started) * 1000


def measure_invoke(port: int, requests: int) -> dict[str, float]:
    """Send the same request straight and through localaws, in turn, on one connection each."""
    straight = http.client.HTTPConnection("127.0.0.1", create_endpoint(port), timeout=10)
    through = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    with contextlib.closing(straight), contextlib.closing(through):
        pairs = [
            (request_ms(through, "/endpoints/trivial/invocations"), request_ms(straight, "/invocations"))
            for _ in range(requests)
        ][requests // 10 :]
    ours, theirs = (statistics.median(column) for column in zip(*pairs, strict=True))
    return {"invoke_through_ms": ours, "invoke_direct_ms": theirs, "invoke_overhead_ms": ours - theirs}


def cpu_s(pid: int) -> float:
    """Return the processor seconds that the threads of a process have used (nanoseconds in schedstat)."""
    threads = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(thread.read_text().split()[0]) for thread in threads) / 1e9


def measure_load(port: int, requests: int, *, pid: int) -> dict[str, float]:
    """Keep 8 connections busy with invocations as an SDK signs them; the load generator is raw_http's."""
    body = b'{"url": "x"}'
    scope = "Credential=test/20260101/us-east-1/sagemaker/aws4_request, SignedHeaders=host"
    head = (
        f"POST /endpoints/trivial/invocations HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
        f"Authorization: AWS4-HMAC-SHA256 {scope}, Signature={'0' * 64}\r\nX-Amz-Date: 20260101T000000Z\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    request = (head.encode() + body,)
    seconds_for(repeat(request, requests // 10), port=port, connections=CONNECTIONS)
    before_s = cpu_s(pid)
    seconds = seconds_for(repeat(request, requests), port=port, connections=CONNECTIONS)
    used_ms = (cpu_s(pid) - before_s) / requests * 1000
    return {"invoke_rps_8": requests / seconds, "invoke_cpu_ms": used_ms}


def main() -> None:
    """Measure all of it, print a table and the JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=5, help="pairs of server starts, and of job starts")
    parser.add_argument("--requests", type=int, default=1000, help="invocations of each kind")
    arguments = parser.parse_args()
    results = measure_ready(arguments.pairs)
    results |= measure_api(rounds=arguments.pairs, jobs=1000, count=100)
    port = free_port()
    with running("localaws", localaws_argv(port), port=port) as localaws:
        client("s3", port=port).create_bucket(Bucket=BUCKET)
        results |= measure_job_start(port, arguments.pairs)
        results |= measure_invoke(port, arguments.requests)
        results |= measure_load(port, 10 * arguments.requests, pid=localaws.process.pid)
    rounded = {name: round(value, 4) for name, value in results.items()}
    print_table(["figure", "value"], list(rounded.items()))
    print(json.dumps(rounded))


if __name__ == "__main__":
    main()
