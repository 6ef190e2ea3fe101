"""Training jobs on EC2 instances that really run: started once, found again, ended whatever happens."""

import logging
import shutil
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowRescheduleException

from localaws.faults.client import FaultClient
from musher import names
from musher.archives import read_member_from_tar_gz
from musher.hooks.connection import hook_parameters, s3_hook
from musher.hooks.ec2 import MusherEc2Hook, terminate_instances
from musher.hooks.objects import download, upload_once
from musher.operators.ec2 import RunTrainingInstanceOperator
from musher.packaging import pack_source
from musher.params.ec2 import AMAZON_LINUX
from musher.payloads.ec2 import Ec2Plan, build_run_instances
from musher.payloads.tags import resource_tags
from musher.settings import Settings
from musher.stages.ec2_checks import find_chosen_image, find_groups, list_ec2_checks
from musher.stages.checks import look_at_all
from tests.functional.musher.scripts import COUNTS, NEVER_ENDS
from tests.isolated_airflow import ROOT
from tests.namespaces import has_namespaces
from tests.unit.musher.operators.fakes import FakeTask

Make = Callable[..., Any]
pytestmark = pytest.mark.skipif(not has_namespaces(), reason="instances need namespaces")

PROJECT = "ec2test"
TEMPLATE = (ROOT / "training" / "ec2_user_data.sh").read_text()
LIMIT_S = 120.0
WRITES_A_MODEL = """
import json, os, pathlib, sys
pathlib.Path(os.environ["SM_MODEL_DIR"], "model.txt").write_text("weights")
pathlib.Path(os.environ["SM_OUTPUT_DATA_DIR"], "evaluation.json").write_text('{"accuracy": 1.0}')
print(sorted(os.listdir(os.environ["SM_CHANNEL_TRAIN"])), sys.argv[1:], flush=True)
"""
SAYS_WHY = """
import os, pathlib, sys
pathlib.Path(os.environ["SM_OUTPUT_DIR"], "failure").write_text("no such class: wolf")
sys.exit(1)
"""
KEEPS_A_CHECKPOINT = """
import os, pathlib, signal, sys, time
folder = pathlib.Path(os.environ["SAGEMAKER_BASE_DIR"], "checkpoints")
if (folder / "epoch.txt").exists():
    pathlib.Path(os.environ["SM_MODEL_DIR"], "model.txt").write_text("resumed at " + (folder / "epoch.txt").read_text())
    sys.exit(0)
def keep(*_):
    (folder / "epoch.txt").write_text("epoch 3")
    sys.exit(143)
signal.signal(signal.SIGTERM, keep)
print("training", flush=True)
time.sleep(300)
"""


@pytest.fixture(scope="module")
def ec2_installation(localaws: Any) -> Settings:
    """Apply the bootstrap template with what EC2 needs."""
    cloudformation = localaws.client("cloudformation")
    parameters = {"Project": PROJECT, "TrainOnEc2": "true"}
    cloudformation.create_stack(
        StackName=PROJECT,
        TemplateBody=(ROOT / "infra" / "bootstrap.yaml").read_text(),
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
        Capabilities=["CAPABILITY_NAMED_IAM"],
    )
    [stack] = cloudformation.describe_stacks(StackName=PROJECT)["Stacks"]
    assert stack["StackStatus"] == "CREATE_COMPLETE", stack
    return Settings(account_id="123456789012", project=PROJECT, poll_interval_s=0.3)


@pytest.fixture
def hook(ec2_installation: Settings) -> Iterator[MusherEc2Hook]:
    """Return a hook; what a test has left of instances is terminated."""
    made = MusherEc2Hook(**hook_parameters(ec2_installation))
    yield made
    terminate_instances(made, project=PROJECT, slug="")


@pytest.fixture
def make(ec2_installation: Settings, hook: MusherEc2Hook, tmp_path: Path) -> Make:
    """Return a function that makes the operator of an instance that runs a script."""
    settings = ec2_installation

    def made(script: str, *, task_id: str = "a", boot_limit_s: float = 300.0, **changes: Any) -> Any:
        shutil.copy(ROOT / "training" / "ec2_job.py", tmp_path)
        (tmp_path / "train.py").write_text(script)
        s3, archive = s3_hook(settings), pack_source(folder=tmp_path)
        key = names.source_key(settings, code_hash=archive.code_hash)
        code_uri = upload_once(s3, settings, key=key, data=archive.body)
        upload_once(s3, settings, key=f"{PROJECT}/data/a.txt", data=b"data")
        import hashlib

        slug = uuid.uuid4().hex[:8]
        image = find_chosen_image(settings, {"ec2_image": AMAZON_LINUX})
        given: dict[str, Any] = {
            "job_name": names.instance_job(settings, slug=slug),
            "code_uri": code_uri,
            "code_sha256": hashlib.sha256(download(s3, uri=code_uri)).hexdigest(),
            "options": {"epochs": "3"},
            "channels": {"train": names.s3_uri(settings, key=f"{PROJECT}/data/")},
            "instance_type": "m5.xlarge",
            "image_id": image.image_id,
            "root_device": image.root_device,
            "volume_gb": 40,
            "limit_s": 60,
            "is_spot": False,
            "tags": resource_tags(settings, slug=slug, started_at=datetime.now(UTC)),
            "torch": {"packages": [], "pip_options": []},
            "security_groups": find_groups(settings),
        }
        template = changes.pop("template", TEMPLATE)
        plan = Ec2Plan(**{**given, **changes})
        request = build_run_instances(settings, plan=plan, template=template)
        operator = RunTrainingInstanceOperator(task_id=task_id, config=request, boot_limit_s=boot_limit_s)
        operator.__dict__["settings"] = settings
        return operator

    return made


def wait_until(is_so: Callable[[], Any]) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + LIMIT_S
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.2)


def run_aside(operator: Any, context: Any) -> tuple[threading.Thread, list[BaseException | Any]]:
    """Run a task in a thread; return it, and the list that its end comes into."""
    ends: list[BaseException | Any] = []

    def execute() -> None:
        try:
            ends.append(operator.execute(context))
        except Exception as error:  # noqa: BLE001 - it is what the test looks at
            ends.append(error)

    task = threading.Thread(target=execute)
    task.start()
    return task, ends


def instances_of(hook: MusherEc2Hook, operator: Any) -> list[dict[str, Any]]:
    """Return all instances of an operator's job."""
    filters = [{"Name": "tag:Name", "Values": [operator.config["ClientToken"]]}]
    found = hook.conn.describe_instances(Filters=filters)["Reservations"]
    return [instance for reservation in found for instance in reservation["Instances"]]


def test_an_instance_trains_uploads_and_ends_itself(
    make: Make, hook: MusherEc2Hook, ec2_installation: Settings, airflow_task: FakeTask, caplog: Any
) -> None:
    caplog.set_level(logging.INFO)
    operator = make(WRITES_A_MODEL)
    found = operator.execute(airflow_task.context())
    s3 = s3_hook(ec2_installation)
    assert (
        read_member_from_tar_gz(archive=download(s3, uri=found["model_uri"]), name="model.txt") == b"weights"
    )
    evaluation = read_member_from_tar_gz(
        archive=download(s3, uri=found["output_uri"]), name="evaluation.json"
    )
    assert evaluation == b'{"accuracy": 1.0}'
    assert found["seconds"] >= found["training_seconds"] > 0
    assert len(found["model_sha256"]) == 64
    assert "['a.txt'] ['--epochs', '3']" in caplog.text
    [instance] = instances_of(hook, operator)
    assert instance["State"]["Name"] == "terminated"
    assert instance["StateReason"]["Code"] == "Client.InstanceInitiatedShutdown"
    assert instance["InstanceId"] == found["instance_id"]
    again = make(WRITES_A_MODEL, job_name=operator.config["ClientToken"])
    assert again.execute(airflow_task.retry())["job_name"] == found["job_name"]
    assert len(instances_of(hook, operator)) == 1
