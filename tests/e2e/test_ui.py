"""`make up` as a person uses it: log in, trigger the DAG by its form, see it succeed; Ctrl-C ends all."""

import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.e2e.browser import CHROMIUM, FLAGS, needs_chromium

ROOT = Path(__file__).parents[2]
READY_S, RUN_S, STOP_S = 300, 400, 60

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(READY_S + RUN_S + STOP_S),
    needs_chromium,
]


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


@pytest.fixture
def stack(tmp_path: Path) -> Generator[tuple[str, str, str], None, None]:
    """Run `make up` on free ports; yield the UI's address, user and password; stop it with Ctrl-C."""
    argv = ["--ui-port", str(free_port()), "--aws-port", "0", "--folder", str(tmp_path / "up")]
    process = subprocess.Popen(
        [sys.executable, "-m", "scripts.up", *argv], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    found = None
    try:
        for line in process.stdout:
            if found := re.match(r"Airflow +(\S+) +\(user (\S+), password (\S+)\)", line):
                break
        assert found, "make up ended before Airflow was ready"
        yield found.group(1), found.group(2), found.group(3)
    finally:
        process.send_signal(signal.SIGINT)
        process.stdout.read()
        code = process.wait(timeout=STOP_S)
        process.stdout.close()
    assert code == 0
    assert list((tmp_path / "up" / "reports").glob("*/report.html"))
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", int(found.group(1).rsplit(":", 1)[1])), timeout=5).close()


def log_in(page: Any, *, url: str, user: str, password: str) -> None:
    page.goto(url)
    page.fill("input[name=username]", user)
    page.fill("input[name=password]", password)
    page.click("button[type=submit]")
    page.wait_for_load_state("networkidle")


def wait_for_end(page: Any, *, url: str) -> str:
    """Return the state in which the only run of the DAG ends."""
    deadline = time.monotonic() + RUN_S
    state = ""
    while state not in ("success", "failed") and time.monotonic() < deadline:
        page.wait_for_timeout(2000)
        runs = page.request.get(f"{url}/api/v2/dags/operationalize_model/dagRuns").json()["dag_runs"]
        state = runs[0]["state"] if runs else ""
    return state


def see_report(page: Any, *, url: str) -> None:
    """Open the only run's tab "Report" and find its numbers there; the frame runs no script of it."""
    from playwright.sync_api import expect

    [run] = page.request.get(f"{url}/api/v2/dags/operationalize_model/dagRuns").json()["dag_runs"]
    page.goto(f"{url}/dags/operationalize_model/runs/{quote(run['dag_run_id'], safe='')}")
    page.get_by_text("Report", exact=True).first.click()
    frame = page.frame_locator("iframe[title=Report]")
    expect(frame.get_by_text("test accuracy")).to_be_visible(timeout=30_000)
    expect(frame.get_by_text("What the function answered")).to_be_visible()


def test_a_person_triggers_the_dag_in_the_ui_and_it_succeeds(stack: tuple[str, str, str]) -> None:
    from playwright.sync_api import expect, sync_playwright

    url, user, password = stack
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, headless=True, args=FLAGS)
        page = browser.new_page(viewport={"width": 1300, "height": 1400})
        log_in(page, url=url, user=user, password=password)
        page.goto(f"{url}/dags/operationalize_model")
        page.get_by_role("button", name="Trigger").first.click()
        form = page.get_by_role("dialog")
        expect(form.get_by_text("Training", exact=True)).to_be_visible()
        expect(form.get_by_text("Data set").first).to_be_visible()  # no section need be opened
        expect(form.get_by_text("What stays").first).to_be_visible()
        expect(form.get_by_text("they stay").first).to_be_visible()  # and what that costs
        form.get_by_role("button", name="Trigger").last.click()
        assert wait_for_end(page, url=url) == "success"
        page.reload()
        expect(page.get_by_text("Success").first).to_be_visible()
        see_report(page, url=url)
        browser.close()
