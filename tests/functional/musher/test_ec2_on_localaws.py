"""Training jobs on EC2 instances that really run: started once, found again, ended whatever happens."""

import hashlib
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
from musher.stages.ec2_checks import (
    find_chosen_image,
    find_groups,
)
from tests.functional.musher.crashes import CRASHES, Crash, cancel_deferred, run_tries
from tests.functional.musher.scripts import NEVER_ENDS
from tests.isolated_airflow import ROOT
from tests.namespaces import has_namespaces
from tests.unit.musher.operators.fakes import FakeTask

Make = Callable[..., Any]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.skipif(not has_namespaces(), reason="instances need namespaces"),
]

TEMPLATE = (ROOT / "training" / "ec2_user_data.sh").read_text()
PROJECT = "ec2test"
LIMIT_S = 180.0
WRITES_A_MODEL = """
import json, os, pathlib, sys
pathlib.Path(os.environ["SM_MODEL_DIR"], "model.txt").write_text("weights")
pathlib.Path(os.environ["SM_OUTPUT_DATA_DIR"], "evaluation.json").write_text('{"accuracy": 1.0}')
print(sorted(os.listdir(os.environ["SM_CHANNEL_TRAIN"])), sys.argv[1:], flush=True)
"""
COUNTS_SLOWLY = WRITES_A_MODEL + "import time; time.sleep(8)"
SAYS_WHY = """
import os, pathlib, sys
pathlib.Path(os.environ["SM_OUTPUT_DIR"], "failure").write_text("no such class: wolf")
sys.exit(1)
"""
KEEPS_A_CHECKPOINT = """
import os, pathlib, signal, sys, time
folder = pathlib.Path(os.environ["SAGEMAKER_BASE_DIR"], "checkpoints")
if (folder / "epoch.txt").exists():
    model = pathlib.Path(os.environ["SM_MODEL_DIR"], "model.txt")
    model.write_text("resumed at " + (folder / "epoch.txt").read_text())
    sys.exit(0)
def keep(*_):
    (folder / "epoch.txt").write_text("epoch 3")
    sys.exit(143)
signal.signal(signal.SIGTERM, keep)
print("training", flush=True)
time.sleep(300)
"""


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
        for name in ("ec2_job.py", "ec2_tools.py"):
            shutil.copy(ROOT / "training" / name, tmp_path)
        (tmp_path / "train.py").write_text(script)
        s3, archive = s3_hook(settings), pack_source(folder=tmp_path)
        key = names.source_key(settings, code_hash=archive.code_hash)
        code_uri = upload_once(s3, settings, key=key, data=archive.body)
        upload_once(s3, settings, key=f"{PROJECT}/data/a.txt", data=b"data")
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
    return instances_named(hook, name=operator.config["ClientToken"])


def instances_named(hook: MusherEc2Hook, *, name: str) -> list[dict[str, Any]]:
    """Return all instances of a job, whatever their state."""
    filters = [{"Name": "tag:Name", "Values": [name]}]
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


def test_a_retried_task_finds_its_instance_and_a_request_sent_twice_starts_one(
    make: Make, hook: MusherEc2Hook, airflow_task: FakeTask
) -> None:
    """The worker goes away: the next try waits for the same instance. Nothing is terminated."""
    operator = make(COUNTS_SLOWLY)
    task, ends = run_aside(operator, airflow_task.context())
    wait_until(lambda: instances_of(hook, operator))
    [instance] = instances_of(hook, operator)
    assert hook.run_instance(operator.config) == instance["InstanceId"]
    later = {**operator.config, "TagSpecifications": []}  # another expiry, as a cleared request has
    assert hook.run_instance(later) == instance["InstanceId"]
    operator.on_kill()
    task.join(timeout=LIMIT_S)
    assert isinstance(ends[0], AirflowRescheduleException)
    again = make(COUNTS_SLOWLY, job_name=operator.config["ClientToken"])
    again.config = operator.config
    assert again.execute(airflow_task.context())["instance_id"] == instance["InstanceId"]
    assert len(instances_of(hook, operator)) == 1


def test_a_person_s_cancel_terminates_the_instance(
    make: Make, hook: MusherEc2Hook, airflow_task: FakeTask
) -> None:
    operator = make(NEVER_ENDS)
    task, ends = run_aside(operator, airflow_task.context())
    wait_until(
        lambda: [found for found in instances_of(hook, operator) if found["State"]["Name"] == "running"]
    )
    airflow_task.state = "failed"
    operator.on_kill()
    task.join(timeout=LIMIT_S)
    assert isinstance(ends[0], AirflowFailException)
    assert "is Stopped: somebody terminated the instance" in str(ends[0])
    [instance] = instances_of(hook, operator)
    assert instance["State"]["Name"] == "terminated"


@pytest.mark.parametrize("how", CRASHES)
def test_an_instance_is_started_once_whatever_breaks_and_a_cancel_ends_it(
    how: str, make: Make, hook: MusherEc2Hook, ec2_installation: Settings, fault_rules: FaultClient
) -> None:
    config = make(NEVER_ENDS).config

    def run(context: Any) -> Any:
        operator = RunTrainingInstanceOperator(task_id="a", config=config, deferrable=True)
        operator.__dict__["settings"] = ec2_installation
        return operator.execute(context)

    with Crash(fault_rules).watching() as crash:
        crash.after(how=how, service="ec2", action="RunInstances")
        trigger = run_tries(run)
        assert crash.happened(how=how, action="RunInstances")
    [instance] = instances_named(hook, name=config["ClientToken"])
    assert trigger.arguments == {"InstanceIds": [instance["InstanceId"]]}
    cancel_deferred(trigger)
    [instance] = instances_named(hook, name=config["ClientToken"])
    assert instance["State"]["Name"] in ("shutting-down", "terminated")
    assert {"Key": "musher:stopped-by", "Value": "cancelled"} in instance["Tags"]


def test_the_script_s_own_reason_fails_the_task_and_clearing_it_starts_the_next_attempt(
    make: Make, hook: MusherEc2Hook, airflow_task: FakeTask, caplog: pytest.LogCaptureFixture
) -> None:
    operator = make(SAYS_WHY)
    with pytest.raises(AirflowFailException, match=r"is Failed: no such class: wolf"):
        operator.execute(airflow_task.context())
    assert "Last lines of its log (/aws/ec2/ec2test-train" in caplog.text
    name = operator.config["ClientToken"]
    assert [found["State"]["Name"] for found in instances_of(hook, operator)] == ["terminated"]
    found = make(WRITES_A_MODEL, job_name=name).execute(airflow_task.clear())
    assert found["job_name"] == f"{name}-2"


def test_an_instance_that_ends_without_a_word_is_told_apart(
    make: Make, hook: MusherEc2Hook, airflow_task: FakeTask, caplog: pytest.LogCaptureFixture
) -> None:
    operator = make(WRITES_A_MODEL, template="#!/bin/bash\necho no such disk\nshutdown -P now\n")
    with pytest.raises(AirflowFailException, match="shut itself down and left no word"):
        operator.execute(airflow_task.context())
    assert "Last lines of its console:" in caplog.text
    assert "no such disk" in caplog.text


def test_an_instance_that_says_nothing_is_terminated_in_time(
    make: Make, hook: MusherEc2Hook, airflow_task: FakeTask
) -> None:
    operator = make(WRITES_A_MODEL, boot_limit_s=8.0, template="#!/bin/bash\nsleep 600\n")
    with pytest.raises(AirflowFailException, match="wrote nothing to its log in time, and was terminated"):
        operator.execute(airflow_task.context())
    wait_until(lambda: [found["State"]["Name"] for found in instances_of(hook, operator)] == ["terminated"])


def test_code_that_is_not_what_was_uploaded_is_not_run(
    make: Make, hook: MusherEc2Hook, airflow_task: FakeTask
) -> None:
    operator = make(WRITES_A_MODEL, code_sha256="0" * 64)
    with pytest.raises(AirflowFailException, match="is not what was uploaded: its SHA-256 is another one"):
        operator.execute(airflow_task.context())
    assert [found["State"]["Name"] for found in instances_of(hook, operator)] == ["terminated"]


def test_a_script_that_takes_too_long_is_ended(
    make: Make, hook: MusherEc2Hook, airflow_task: FakeTask
) -> None:
    operator = make(NEVER_ENDS, limit_s=3)
    with pytest.raises(AirflowFailException, match=r"the script took more than 3 s\. Raise max_runtime_s"):
        operator.execute(airflow_task.context())
    assert [found["State"]["Name"] for found in instances_of(hook, operator)] == ["terminated"]


def test_the_next_instance_goes_on_from_the_checkpoint_of_one_that_was_taken_away(
    make: Make,
    hook: MusherEc2Hook,
    ec2_installation: Settings,
    airflow_task: FakeTask,
    fault_rules: FaultClient,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("musher.operators.jobs.PAUSE_S", 0.0)
    caplog.set_level(logging.INFO)
    operator = make(KEEPS_A_CHECKPOINT, is_spot=True, limit_s=200)
    name = operator.config["ClientToken"]
    task, ends = run_aside(operator, airflow_task.context())
    wait_until(lambda: "[instance] training" in caplog.text)
    fault_rules.add(kind="spot_interruption", job=name, after_s=0)
    task.join(timeout=3 * LIMIT_S)
    [found] = ends
    assert found["job_name"] == f"{name}-2"
    assert found["is_spot"]
    archive = download(s3_hook(ec2_installation), uri=found["model_uri"])
    assert read_member_from_tar_gz(archive=archive, name="model.txt") == b"resumed at epoch 3"


def test_the_teardown_terminates_this_run_s_instances_alone(make: Make, hook: MusherEc2Hook) -> None:
    mine, other = make(NEVER_ENDS), make(NEVER_ENDS)
    ids = [hook.run_instance(operator.config) for operator in (mine, other)]
    slug = mine.config["ClientToken"].rpartition("-")[2]
    assert terminate_instances(hook, project=PROJECT, slug=slug) == [f"instance {ids[0]}"]
    assert [found["InstanceId"] for found in hook.list_instances(project=PROJECT)][-1:] == ids[1:]
