"""What it costs that policies count: calls as Airflow's role, `--iam off` beside `--iam enforce`.

Both localaws have the stack of infra/bootstrap.yaml; the requests are signed beforehand, as boto3 signs them,
and sent over one connection by the load generator of benchmarks/raw_http.py. Both take turns.

added_ms         milliseconds of the server's processor that a call takes more where policies count, the worst
                 of the calls below; it does not depend on what else the machine does
list_jobs_ms     the same for sagemaker:ListTrainingJobs (JSON), median of the rounds
get_role_ms      for iam:GetRole (a form)
get_object_ms    for s3:GetObject of 1 KiB
wait_ms          milliseconds that a client waits longer, the worst of the three
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from configparser import ConfigParser
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials

from benchmarks.raw_http import seconds_for
from benchmarks.servers import ROOT, WAIT_S, Server, free_port, running
from benchmarks.tables import print_table

ACCOUNT, REGION = "123456789012", "us-east-1"
BUCKET = f"musher-{ACCOUNT}-{REGION}"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/musher-airflow"
KEY = "musher/data/photo.jpg"
PATIENT = Config(read_timeout=300, retries={"total_max_attempts": 1})
"""A stack takes its time where other work has the machine, and is made once."""
FORM, JSON = "application/x-www-form-urlencoded", "application/x-amz-json-1.1"


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One request, before it is signed."""

    service: str
    method: str = "POST"
    path: str = "/"
    body: bytes = b""
    headers: Mapping[str, str]


CALLS = {
    "list_jobs": Asked(
        service="sagemaker",
        body=b"{}",
        headers={"Content-Type": JSON, "X-Amz-Target": "SageMaker.ListTrainingJobs"},
    ),
    "get_role": Asked(
        service="iam",
        body=b"Action=GetRole&Version=2010-05-08&RoleName=musher-sagemaker",
        headers={"Content-Type": FORM},
    ),
    "get_object": Asked(service="s3", method="GET", path=f"/{BUCKET}/{KEY}", headers={}),
}


def find_clock(pid: int) -> int:
    """Return the clock of the processor's time that a process takes; /proc counts hundredths of a second.

    It is what clock_getcpuclockid(3) gives on Linux.
    """
    return (~pid << 3) | 2


class Side:
    """One of the two localaws."""

    def __init__(self, server: Server, root: Mapping[str, str]) -> None:
        self.port = server.port
        self._processor = find_clock(server.process.pid)
        self._root = root
        self._session: Credentials | None = None

    def _client(self, service: str) -> Any:
        address = f"http://127.0.0.1:{self.port}"
        return boto3.client(service, region_name=REGION, endpoint_url=address, config=PATIENT, **self._root)

    def prepare(self) -> None:
        """Apply the stack, put an object, and take Airflow's role."""
        iam, cloudformation = self._client("iam"), self._client("cloudformation")
        iam.create_user(UserName="airflow")
        user = f"arn:aws:iam::{ACCOUNT}:user/airflow"
        cloudformation.create_stack(
            StackName="bootstrap",
            TemplateBody=(ROOT / "infra" / "bootstrap.yaml").read_text(),
            Parameters=[{"ParameterKey": "AirflowPrincipalArn", "ParameterValue": user}],
            Capabilities=["CAPABILITY_NAMED_IAM"],
        )
        cloudformation.get_waiter("stack_create_complete").wait(
            StackName="bootstrap", WaiterConfig={"Delay": 1}
        )
        self._client("s3").put_object(Bucket=BUCKET, Key=KEY, Body=bytes(1024))
        made = iam.create_access_key(UserName="airflow")["AccessKey"]
        keys = {"aws_access_key_id": made["AccessKeyId"], "aws_secret_access_key": made["SecretAccessKey"]}
        self._root = keys
        taken = self._client("sts").assume_role(RoleArn=ROLE, RoleSessionName="benchmark")["Credentials"]
        self._session = Credentials(taken["AccessKeyId"], taken["SecretAccessKey"], taken["SessionToken"])

    def sign(self, asked: Asked) -> Sequence[bytes]:
        """Return a request as boto3 would send it."""
        url = f"http://127.0.0.1:{self.port}{asked.path}"
        headers = {**asked.headers, "User-Agent": "Boto3/1.43 md/Botocore#1.43 ua/2.1 os/linux"}
        request = AWSRequest(method=asked.method, url=url, data=asked.body, headers=headers)
        signer = S3SigV4Auth if asked.service == "s3" else SigV4Auth
        signer(self._session, asked.service, REGION).add_auth(request)
        lines = [f"{asked.method} {asked.path} HTTP/1.1", f"Host: {urlsplit(url).netloc}"]
        lines += [f"{name}: {value}" for name, value in request.headers.items()]
        lines.append(f"Content-Length: {len(asked.body)}")
        return ["\r\n".join(lines).encode() + b"\r\n\r\n", asked.body]

    def measure(self, name: str, count: int) -> tuple[float, float]:
        """Return the milliseconds that a call took, of the server's processor and of the client."""
        request = self.sign(CALLS[name])

        def repeat() -> Iterator[Sequence[bytes]]:
            for _ in range(count):
                yield request

        before_s = time.clock_gettime(self._processor)
        waited_s = seconds_for(repeat(), port=self.port, connections=1)
        used_s = time.clock_gettime(self._processor) - before_s
        return used_s / count * 1000, waited_s / count * 1000


def wait_for_file(path: Path) -> None:
    """Wait for a file, which is there soon after the port; raises TimeoutError after WAIT_S."""
    deadline = time.monotonic() + WAIT_S
    while not path.exists():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{path} is not there after {WAIT_S} s")
        time.sleep(0.02)


def start(stack: ExitStack, folder: Path, mode: str) -> Side:
    """Start a localaws, and prepare it."""
    port, root = free_port(), {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
    argv = [sys.executable, "-m", "localaws", "serve", "--port", str(port), "--iam", mode]
    file = folder / "root"
    if mode == "enforce":
        argv += ["--credentials-file", str(file)]
    server = stack.enter_context(running(mode, argv, port=port))
    if mode == "enforce":
        wait_for_file(file)
        parser = ConfigParser()
        parser.read(file)
        root = dict(parser["default"])
    side = Side(server, root)
    side.prepare()
    return side


def measure(*, rounds: int, count: int) -> dict[str, float]:
    """Let both take turns; return what a call takes more, in milliseconds."""
    results: dict[str, float] = {}
    waits, rows = [], []
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        sides = [start(stack, folder, mode) for mode in ("off", "enforce")]
        for name in CALLS:
            taken = [[side.measure(name, count) for side in sides] for _ in range(rounds + 1)][
                1:
            ]  # warm then
            added_ms, wait_ms = (
                statistics.median(enforced[kind] - off[kind] for off, enforced in taken) for kind in (0, 1)
            )
            results[f"{name}_ms"] = added_ms
            waits.append(wait_ms)
            used = [statistics.median(each[side][0] for each in taken) for side in (0, 1)]
            rows.append([name, *(f"{value:.3f}" for value in (*used, added_ms, wait_ms))])
    print_table(["call", "off, ms", "enforce, ms", "added, ms", "waited longer, ms"], rows)
    return {"added_ms": max(results.values()), **results, "wait_ms": max(waits)}


def main() -> None:
    """Measure and print the JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--count", type=int, default=60, help="calls of one round")
    arguments = parser.parse_args()
    results = measure(rounds=arguments.rounds, count=arguments.count)
    print(json.dumps({name: round(value, 4) for name, value in results.items()}))


if __name__ == "__main__":
    main()
