"""The embedded AWS that a worker's cases run against, and clients of it whose calls break no count."""

import contextlib
import json
import os
import subprocess
import time
import urllib.request
from collections.abc import Callable, Generator
from functools import cache
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from benchmarks.chaos.processes import die_with_parent
from localaws.faults.client import FaultClient
from scripts.local_stack import AIRFLOW_PRINCIPAL, PYTHON, REGION, ROOT, STACK_NAME, STACK_S, make_client

SPEED = 30
"""AWS seconds in a second: an update that is watched for a minute takes two."""

READY_S, STOP_S = 120.0, 60.0
OBSERVER = "observer"


class Cloud:
    """A running localaws."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.faults = FaultClient(url)
        iam = make_client("iam", url=url)
        iam.create_user(UserName=OBSERVER)
        self._key = iam.create_access_key(UserName=OBSERVER)["AccessKey"]

    def client(self, service: str) -> Any:
        """Return a client of a user of its own: no fault concerns it. A fork has connections of its own."""
        return self._client(service, os.getpid())

    @cache  # noqa: B019 - it lives as long as the process
    def _client(self, service: str, pid: int) -> Any:
        return boto3.client(
            service,
            region_name=REGION,
            endpoint_url=self.url,
            aws_access_key_id=self._key["AccessKeyId"],
            aws_secret_access_key=self._key["SecretAccessKey"],
            config=Config(retries={"total_max_attempts": 1}),
        )

    def prepare(self, *, project: str) -> None:
        """Create what an installation has: bucket and roles of this project."""
        names = {"Project": project, "AirflowPrincipalArn": AIRFLOW_PRINCIPAL}
        cloudformation = make_client("cloudformation", url=self.url)
        cloudformation.create_stack(
            StackName=f"{STACK_NAME}-{project}",
            TemplateBody=(ROOT / "infra" / "bootstrap.yaml").read_text(),
            Capabilities=["CAPABILITY_NAMED_IAM"],
            Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in names.items()],
        )
        waiter = cloudformation.get_waiter("stack_create_complete")
        waiter.wait(StackName=f"{STACK_NAME}-{project}", WaiterConfig={"Delay": 1, "MaxAttempts": STACK_S})

    def forget(self, *, bucket: str, prefix: str) -> None:
        """Remove objects, so that they are stored anew."""
        s3 = self.client("s3")
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
            for each in page.get("Contents", []):
                s3.delete_object(Bucket=bucket, Key=each["Key"])

    def children(self) -> list[str]:
        """Return the names of the processes that localaws has now."""
        with urllib.request.urlopen(f"{self.url}/_localaws/health", timeout=30) as answer:
            return sorted(each["name"] for each in json.load(answer)["children"])


@contextlib.contextmanager
def running_cloud(folder: Path) -> Generator[Cloud, None, None]:
    """Start a localaws, without a thread in this process, which is forked; stop it at the end."""
    folder.mkdir(parents=True, exist_ok=True)
    ready, log = folder / "localaws.ready", folder / "localaws.log"
    argv = [str(PYTHON), "-m", "localaws", "serve", "--verbose", "--port", "0", "--speed", str(SPEED)]
    with ready.open("w") as out, log.open("w") as err:
        process = subprocess.Popen(
            argv,
            cwd=ROOT,
            stdout=out,
            stderr=err,
            env=dict(os.environ),
            preexec_fn=die_with_parent,
        )
    try:
        yield Cloud(_wait_ready(process, ready))
    finally:
        process.terminate()
        try:
            process.wait(timeout=STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_ready(process: "subprocess.Popen[bytes]", ready: Path) -> str:
    deadline = time.monotonic() + READY_S
    while time.monotonic() < deadline and process.poll() is None:
        if "ready" in (told := ready.read_text()) and told.endswith("\n"):
            return told.split()[-1]
        time.sleep(0.05)
    raise SystemExit(f"localaws did not get ready: see {ready.with_name('localaws.log')}")


def wait_until(condition: Callable[[], bool], *, limit_s: float) -> bool:
    """Wait until something holds, at most so long; return whether it does."""
    deadline = time.monotonic() + limit_s
    while not (holds := condition()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return holds
