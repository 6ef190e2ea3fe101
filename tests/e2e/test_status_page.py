"""localaws' status page in a real browser, with a function that tries to break it."""

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

from tests.e2e.browser import CHROMIUM, FLAGS, needs_chromium

ROOT = Path(__file__).parents[2]
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
    """Yield the address of a localaws with the function `watched`, which has run once."""
    command = [sys.executable, "-m", "localaws", "serve", "--port", "0"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    with process.stdout:
        url = process.stdout.readline().split()[-1]
        run_function(url)
        yield url
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 0


def run_function(url: str) -> None:
    """Create the function `watched` and invoke it."""
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}
    iam, lam = (boto3.client(name, endpoint_url=url, **keys) for name in ("iam", "lambda"))
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


@pytest.fixture(scope="module")
def browser() -> Generator[Any, None, None]:
    """Yield a browser."""
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, headless=True, args=FLAGS)
        yield started
        started.close()


def test_a_link_to_a_function_shows_its_state_and_its_lines_as_text(address: str, browser: Any) -> None:
    page, complaints = browser.new_page(), []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("dialog", lambda dialog: complaints.append("a dialog"))
    page.goto(f"{address}/_localaws/#function/watched")
    page.wait_for_selector("#lines pre")
    assert NASTY in page.inner_text("#lines pre")
    assert "Active" in page.inner_text("#facts")
    assert "Idle" in page.inner_text("#functions")
    assert page.query_selector("img") is None
    page.click("#facts a")
    page.wait_for_selector("#detail", state="hidden")
    assert complaints == []
