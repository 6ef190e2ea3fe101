"""An idle instance is stopped from inside, by cron and a script such as AWS's own sample.

https://github.com/aws-samples/amazon-sagemaker-notebook-instance-lifecycle-config-samples
"""

from typing import Any

import pytest

pytestmark = pytest.mark.timeout(600)  # a server starts in seconds, or in many where all cores are busy


AUTOSTOP = """
import json, sys
from datetime import datetime
import boto3, requests, urllib3

urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
SECONDS = float(sys.argv[1])
NAME = json.load(open("/opt/ml/metadata/resource-metadata.json"))["ResourceName"]


def ask(path):
    return requests.get("https://localhost:8443" + path, verify=False).json()


def is_idle(text):
    return (datetime.now() - datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fz")).total_seconds() > SECONDS


kernels = [found["kernel"] for found in ask("/api/sessions")]
idle = bool(kernels) and all(
    each["execution_state"] == "idle" and not each["connections"] and is_idle(each["last_activity"])
    for each in kernels
)
terminals = ask("/api/terminals")
idle = idle and all(is_idle(each["last_activity"]) for each in terminals)
print("idle" if idle else "busy", len(kernels), len(terminals))
if idle:
    boto3.client("sagemaker").stop_notebook_instance(NotebookInstanceName=NAME)
"""
ON_START = f"""#!/bin/bash
set -ex
cat > autostop.py <<'EOF'
{AUTOSTOP}
EOF
if /usr/bin/python -c "import boto3" 2>/dev/null; then PYTHON=/usr/bin/python; else exit 1; fi
LINE="* * * * * $PYTHON $PWD/autostop.py 1 >> /home/ec2-user/SageMaker/log 2>&1"
(crontab -l 2>/dev/null; echo "$LINE") | crontab -
"""


@pytest.mark.slow
def test_an_idle_instance_stops_itself(patient_notebooks: Any) -> None:
    notebooks = patient_notebooks
    name = notebooks.create(LifecycleConfigName=notebooks.configure(on_start=ON_START))
    notebooks.wait(name, "InService")
    browser = notebooks.enter(name)
    kernel = browser.open_kernel()
    assert browser.run(kernel, "1") == ""
    notebooks.wait(name, "Stopped")
    without = notebooks.configure(on_start="#!/bin/sh\n")
    notebooks.sagemaker.update_notebook_instance(NotebookInstanceName=name, LifecycleConfigName=without)
    notebooks.wait(name, "Stopped")
    notebooks.start(name)
    said = notebooks.enter(name).get("/api/contents/log").json()["content"].splitlines()
    assert "idle 1 0" in said
    notebooks.stop(name)
    notebooks.delete(name)
