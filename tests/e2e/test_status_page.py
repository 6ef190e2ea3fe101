"""localaws' status page in a browser: links that open one thing, and a function that tries to break it."""

import io
import json
import signal
import subprocess
import sys
import zipfile
from collections.abc import Generator
from pathlib import Path
from typing import Any

import boto3
import pytest

from musher import console
from musher.console import OtherConsole
from tests.e2e.browser import CHROMIUM, FLAGS, needs_chromium
from tests.sagemaker_role import ensure_role

ROOT = Path(__file__).parents[2]
KEYS = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}
JOB, GROUP = "musher-train-0123abcd", "/aws/sagemaker/TrainingJobs"
COUNT = "exec('import time\\nfor n in range(9999):\\n    print(n, flush=True)\\n    time.sleep(0.05)')"
FROM_END = (
    "(pre => pre.scrollHeight - pre.clientHeight - pre.scrollTop)(document.querySelector('#detail pre'))"
)
NASTY = "<img src=x onerror=alert(1)>"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    ],
}
pytestmark = [
    pytest.mark.slow,
    needs_chromium,
]


@pytest.fixture(scope="module")
def address() -> Generator[str, None, None]:
    """Yield the address of a localaws with a function that has run, and a job that prints without end."""
    command = [sys.executable, "-m", "localaws", "serve", "--port", "0"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    with process.stdout:
        url = process.stdout.readline().split()[-1]
        run_function(url)
        start_job(url)
        yield url
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 0


def run_function(url: str) -> None:
    """Create the function `watched` and invoke it."""
    iam, lam = (boto3.client(name, endpoint_url=url, **KEYS) for name in ("iam", "lambda"))
    role = iam.create_role(RoleName="watched", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("app.py", f"def handler(event, context):\n    print({NASTY!r})\n")
    lam.create_function(
        FunctionName="watched",
        Runtime="python3.11",
        Handler="app.handler",
        Role=role,
        Code={"ZipFile": buffer.getvalue()},
    )
    lam.get_waiter("function_active_v2").wait(FunctionName="watched")
    lam.invoke(FunctionName="watched")


def start_job(url: str) -> None:
    """Start a training job that counts."""
    iam, s3, sagemaker = (boto3.client(name, endpoint_url=url, **KEYS) for name in ("iam", "s3", "sagemaker"))
    s3.create_bucket(Bucket="status-page")
    sagemaker.create_training_job(
        TrainingJobName=JOB,
        RoleArn=ensure_role(iam, "status-page"),
        AlgorithmSpecification={
            "TrainingImage": "image:1",
            "TrainingInputMode": "File",
            "ContainerEntrypoint": ["python3", "-c"],
            "ContainerArguments": [COUNT],
        },
        OutputDataConfig={"S3OutputPath": "s3://status-page/"},
        ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 5},
        StoppingCondition={"MaxRuntimeInSeconds": 3600},
    )


@pytest.fixture(scope="module")
def browser() -> Generator[Any, None, None]:
    """Yield a browser."""
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, headless=True, args=FLAGS)
        yield started
        started.close()


@pytest.fixture
def page(browser: Any) -> Generator[Any, None, None]:
    """Yield a page that must not complain of anything."""
    opened, complaints = browser.new_page(), []
    opened.on("console", lambda message: complaints.append(message.text))
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.on("dialog", lambda dialog: complaints.append("a dialog"))
    yield opened
    opened.close()
    assert complaints == []


def test_a_link_to_a_function_shows_its_state_and_its_lines_as_text(address: str, page: Any) -> None:
    page.goto(f"{address}/_localaws/#function/watched")
    page.wait_for_selector("#detail pre")
    assert NASTY in page.inner_text("#detail pre")
    assert "Active" in page.inner_text("#detail dl")
    assert "Idle" in page.inner_text("#functions")
    assert page.query_selector("img") is None
    page.click("#detail .head a")
    page.wait_for_selector("#detail", state="hidden")


def test_musher_s_link_to_a_job_opens_it_and_follows_its_log(address: str, page: Any) -> None:
    page.goto(OtherConsole(url=f"{address}/_localaws/").page(console.TRAINING_JOB, name=JOB))
    page.wait_for_function("document.querySelector('#detail pre')?.scrollTop > 100", timeout=90_000)
    seen = page.evaluate(FROM_END)
    assert abs(seen) <= 8
    assert JOB in page.inner_text("#detail h2")
    assert "algo-1" in page.inner_text("#detail dl")
    assert "running" in page.inner_text("#jobs .head")


def test_who_reads_an_earlier_line_is_not_moved_to_the_end(address: str, page: Any) -> None:
    page.goto(OtherConsole(url=f"{address}/_localaws/").log(group=GROUP, prefix=f"{JOB}/"))
    page.wait_for_function("document.querySelector('#detail pre')?.scrollTop > 100", timeout=90_000)
    page.evaluate("document.querySelector('#detail pre').scrollTop = 40")
    before = page.inner_text("#detail pre")
    page.wait_for_function(
        "text => document.querySelector('#detail pre').innerText !== text", arg=before, timeout=90_000
    )
    assert page.evaluate("document.querySelector('#detail pre').scrollTop") == 40
    assert page.inner_text("#detail .head").split() == ["Log", GROUP, f"{JOB}/", "close"]


def test_a_link_to_what_is_gone_says_so(address: str, page: Any) -> None:
    page.goto(f"{address}/_localaws/#endpoint/of%2Fyesterday")
    page.wait_for_selector("#detail .empty")
    assert page.inner_text("#detail").split("\n")[0].lower().startswith("endpoint of/yesterday")
    assert "is not here" in page.inner_text("#detail .empty")
    page.goto(f"{address}/_localaws/#job/{JOB}")  # the same page: only the fragment changes
    page.wait_for_selector("#detail dl")
