"""Lifecycle configurations: what their scripts find, how they fail, and what they set up."""

import re
from typing import Any

import pytest

from tests.sagemaker_jobs import wait_until

pytestmark = pytest.mark.timeout(600)  # a server starts in seconds, or in many where all cores are busy


ON_CREATE = """#!/bin/bash
set -e
echo created $PATH $HOME $(id -un)
cat /opt/ml/metadata/resource-metadata.json; echo
/usr/bin/python -c "import boto3; print(boto3.client('sts').get_caller_identity()['Arn'])"
touch /home/ec2-user/SageMaker/by-create
"""
ON_START = """#!/bin/bash
set -e
echo "export FROM_SCRIPT=set" >> /etc/profile.d/jupyter-env.sh
sudo -u ec2-user -i <<'EOF'
echo "$USER in $PWD"
source /home/ec2-user/anaconda3/bin/activate python3
which python jupyter
source /home/ec2-user/anaconda3/bin/deactivate
EOF
systemctl restart jupyter-server
nohup sh -c 'sleep 1; echo later > /home/ec2-user/SageMaker/later' > /dev/null 2>&1 &
echo started
"""


@pytest.mark.slow
def test_scripts_run_as_on_aws(patient_notebooks: Any) -> None:
    notebooks = patient_notebooks
    config = notebooks.configure(on_create=ON_CREATE, on_start=ON_START)
    name = notebooks.create(LifecycleConfigName=config)
    arn = notebooks.wait(name, "InService")["NotebookInstanceArn"]
    assert notebooks.lines(name, "LifecycleConfigOnCreate") == [
        "created /sbin:/bin:/usr/sbin:/usr/bin /root root",
        f'{{"ResourceArn": "{arn}", "ResourceName": "{name}"}}',
        "arn:aws:sts::123456789012:assumed-role/notebook-tests/SageMaker",
    ]
    assert notebooks.lines(name, "LifecycleConfigOnStart") == [
        "ec2-user in /home/ec2-user",
        "/home/ec2-user/anaconda3/bin/python",
        "/home/ec2-user/anaconda3/bin/jupyter",
        "started",
    ]
    browser = notebooks.enter(name)
    kernel = browser.open_kernel()
    look = "import os; print(os.environ['FROM_SCRIPT'], sorted(os.listdir('.')))"
    wait_until(
        lambda: browser.run(kernel, look) == "set ['by-create', 'later']\n",
        timeout_s=30,
        describe=lambda: browser.run(kernel, look),
    )
    notebooks.stop(name)
    notebooks.start(name)
    assert len(notebooks.lines(name, "LifecycleConfigOnCreate")) == 3
    assert notebooks.lines(name, "LifecycleConfigOnStart").count("started") == 2
    notebooks.stop(name)
    notebooks.delete(name)


@pytest.mark.parametrize(
    ("script", "code", "said"),
    [
        ("#!/bin/bash\necho before\nexit 3\necho after\n", 3, "before"),
        ("#!/bin/bash\r\necho never\r\n", 127, "No such file or directory"),
        ("#!/bin/bash\nset -e\nconda install scipy\n", 127, "conda: command not found"),
        (
            "#!/bin/bash\nset -e\nsource /home/ec2-user/anaconda3/bin/activate R\n",
            1,
            "EnvironmentNameNotFound: Could not find conda environment: R",
        ),
    ],
    ids=["exit code", "line ends of Windows", "no conda", "no such environment"],
)
def test_a_script_that_fails_ends_the_start(notebooks: Any, script: str, code: int, said: str) -> None:
    name = notebooks.create(LifecycleConfigName=notebooks.configure(on_start=script))
    found = notebooks.wait(name, "Failed")
    arn = found["NotebookInstanceArn"]
    assert re.fullmatch(
        r"Notebook Instance Lifecycle Config 'arn:aws:sagemaker:us-east-1:\d+:"
        rf"notebook-instance-lifecycle-config/[\w-]+' for Notebook Instance '{arn}' took longer than 5 "
        r"minutes\. Please check your CloudWatch logs for more details if your Notebook Instance has "
        rf"Internet access\. \(localaws: LifecycleConfigOnStart ended with exit code {code}\.\)",
        found["FailureReason"],
    )
    assert said in "\n".join(notebooks.lines(name, "LifecycleConfigOnStart"))
    notebooks.delete(name)


@pytest.mark.slow
def test_a_script_has_five_minutes(notebooks: Any) -> None:
    config = notebooks.configure(on_create="#!/bin/bash\nsleep 8642\n")
    name = notebooks.create(LifecycleConfigName=config)
    found = notebooks.wait(name, "Failed")
    lasted_s = (found["LastModifiedTime"] - found["CreationTime"]).total_seconds()
    assert lasted_s >= 300
    assert "took longer than 5 minutes" in found["FailureReason"]
    assert "localaws" not in found["FailureReason"]
    other = notebooks.configure(on_create="#!/bin/bash\necho again\n")
    notebooks.sagemaker.update_notebook_instance(NotebookInstanceName=name, LifecycleConfigName=other)
    assert "FailureReason" not in notebooks.wait(name, "Stopped")
    notebooks.start(name)
    assert notebooks.lines(name, "LifecycleConfigOnCreate") == ["again"]
    notebooks.stop(name)
    notebooks.delete(name)
