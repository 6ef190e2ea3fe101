"""What runs in a notebook instance: kernels, terminals, AWS as the role, and files that stay."""

import time
from typing import Any

import pytest

pytestmark = pytest.mark.timeout(600)  # a server starts in seconds, or in many where all cores are busy


BOTO = """
import boto3
print(boto3.client("sts").get_caller_identity()["Arn"], boto3.session.Session().region_name)
"""
INSTALLED = """
import subprocess, sys
print(sys.prefix, subprocess.run(["jupyter", "--version"], capture_output=True, text=True).returncode)
"""


def test_a_cell_runs_in_a_kernel_as_the_role(notebooks: Any, running: str) -> None:
    browser = notebooks.enter(running)
    kernel = browser.open_kernel()
    assert browser.run(kernel, "print(6 * 7)") == "42\n"
    arn, region = browser.run(kernel, BOTO).split()
    assert arn.split(":", 5)[5].startswith("assumed-role/notebook-tests/")
    assert region == "us-east-1"
    assert browser.run(kernel, "import os; print(os.getcwd())") == "/home/ec2-user/SageMaker\n"
    assert browser.run(kernel, INSTALLED) == "/home/ec2-user/anaconda3 0\n"
    assert browser.run(kernel, "1 / 0") == "ZeroDivisionError: division by zero"


def test_both_kernels_are_offered(notebooks: Any, running: str) -> None:
    found = notebooks.enter(running).get("/api/kernelspecs").json()["kernelspecs"]
    assert {"conda_python3", "python3"} <= set(found)


def test_a_terminal_runs_commands(notebooks: Any, running: str) -> None:
    browser = notebooks.enter(running)
    name = browser.post("/api/terminals").json()["name"]
    socket = browser.socket(f"/terminals/websocket/{name}")
    socket.send('["stdin", "echo $((6*7))-$(whoami)\\r"]')
    said, deadline = "", time.monotonic() + 60
    while "42-root" not in said and time.monotonic() < deadline:
        said += socket.recv()
    socket.close()
    assert "42-root" in said


def test_it_sees_nothing_of_this_machine_but_its_programs(notebooks: Any, running: str) -> None:
    browser = notebooks.enter(running)
    kernel = browser.open_kernel("view.ipynb")
    seen = browser.run(kernel, "import os; print(sorted(os.listdir('/home')), os.listdir('/home/ec2-user'))")
    assert seen.startswith("['ec2-user'] ")
    assert "OSError" in browser.run(kernel, "open('/usr/bin/other', 'w')")
    pids = browser.run(kernel, "print(len([p for p in os.listdir('/proc') if p.isdigit()]))")
    assert 0 < int(pids) < 20


@pytest.mark.slow
def test_the_volume_outlives_a_stop_and_nothing_else_does(notebooks: Any) -> None:
    name = notebooks.create()
    notebooks.wait(name, "InService")
    browser = notebooks.enter(name)
    kernel = browser.open_kernel()
    write = "open('/home/ec2-user/SageMaker/kept', 'w').write('x'); open('/root/lost', 'w').write('x')"
    assert browser.run(kernel, write) == ""
    notebooks.stop(name)
    notebooks.start(name)
    browser = notebooks.enter(name)
    look = "import os; print(os.path.exists('kept'), os.path.exists('/root/lost'))"
    assert browser.run(browser.open_kernel(), look) == "True False\n"
    notebooks.stop(name)
    notebooks.delete(name)
    notebooks.create(name=name)
    notebooks.wait(name, "InService")
    browser = notebooks.enter(name)
    assert browser.run(browser.open_kernel(), look) == "False False\n"
    notebooks.stop(name)
    notebooks.delete(name)


@pytest.mark.slow
def test_two_instances_have_a_port_8443_each(notebooks: Any, running: str) -> None:
    other = notebooks.create()
    notebooks.wait(other, "InService")
    ask = (
        "import json, ssl, urllib.request as r\n"
        "c = ssl._create_unverified_context()\n"
        "print(len(json.load(r.urlopen('https://localhost:8443/api/sessions', context=c))))"
    )
    browser = notebooks.enter(other)
    kernel = browser.open_kernel()
    before = len(notebooks.enter(running).get("/api/sessions").json())
    notebooks.enter(running).open_kernel(f"more-{before}.ipynb")
    assert browser.run(kernel, ask) == "1\n"
    notebooks.stop(other)
    notebooks.delete(other)
