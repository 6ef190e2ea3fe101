"""The requests for notebook instances, held against botocore's model, and what is refused."""

import base64
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.validate import ParamValidator

from musher.errors import PayloadError
from musher.params.notebook import NOTEBOOK
from musher.payloads import notebooks
from musher.payloads.notebooks import (
    NotebookPlan,
    ScriptPlan,
    build_lifecycle_config,
    build_notebook,
    find_changes,
    find_fixed,
    write_script,
)
from musher.settings import Settings

ROOT = Path(__file__).parents[4]
SETTINGS = Settings(account_id="123456789012")
TAGS = {"musher:project": "musher"}
PLAN = NotebookPlan(name="musher-notebook", instance_type="ml.t3.medium", volume_gb=5, has_root=False)
SCRIPT = ScriptPlan(idle_minutes=60, code_key="musher/code/ab/notebook.zip", code_version="ab" * 32)


def check(operation: str, request: dict[str, Any]) -> None:
    """Hold a request against botocore's model of SageMaker, with its bounds."""
    client = boto3.client("sagemaker", region_name="us-east-1")
    shape = client.meta.service_model.operation_model(operation).input_shape
    report = ParamValidator().validate(request, shape)
    assert not report.has_errors(), report.generate_report()
    assert set(request) <= set(shape.members)
    for member in ("InstanceType", "RootAccess", "DirectInternetAccess"):
        if member in request:
            assert request[member] in shape.members[member].enum


def script(*, plan: ScriptPlan = SCRIPT) -> str:
    """Return the script as a run writes it."""
    folder = ROOT / "training" / "notebook"
    on_start, autostop = ((folder / name).read_text() for name in ("on_start.sh", "autostop.py"))
    return write_script(SETTINGS, plan=plan, on_start=on_start, autostop=autostop)


def test_an_instance_has_the_projects_role_tags_script_and_tokens_for_metadata() -> None:
    request = build_notebook(SETTINGS, plan=PLAN, tags=TAGS)
    check("CreateNotebookInstance", request)
    assert request == {
        "NotebookInstanceName": "musher-notebook",
        "InstanceType": "ml.t3.medium",
        "RoleArn": "arn:aws:iam::123456789012:role/musher-notebook",
        "VolumeSizeInGB": 5,
        "LifecycleConfigName": "musher-notebook",
        "RootAccess": "Disabled",
        "PlatformIdentifier": "notebook-al2023-v1",
        "InstanceMetadataServiceConfiguration": {"MinimumInstanceMetadataServiceVersion": "2"},
        "Tags": [{"Key": "musher:project", "Value": "musher"}],
        "DirectInternetAccess": "Enabled",
    }


def test_in_a_vpc_there_is_no_other_way_out_and_the_volume_has_the_installations_key() -> None:
    key = "arn:aws:kms:us-east-1:123456789012:key/k"
    settings = replace(
        SETTINGS,
        subnets=("subnet-0123456789abcdef0", "subnet-0123456789abcdef1"),
        security_groups=("sg-0123456789abcdef0",),
        volume_kms_key=key,
    )
    request = build_notebook(settings, plan=replace(PLAN, has_root=True), tags=TAGS)
    check("CreateNotebookInstance", request)
    assert request["SubnetId"] == "subnet-0123456789abcdef0"
    assert request["SecurityGroupIds"] == ["sg-0123456789abcdef0"]
    assert request["DirectInternetAccess"] == "Disabled"
    assert request["KmsKeyId"] == key
    assert request["RootAccess"] == "Enabled"


@pytest.mark.parametrize("volume_gb", [4, 16_385])
def test_a_volume_that_aws_has_not_is_refused_with_its_bounds(volume_gb: int) -> None:
    with pytest.raises(PayloadError, match=f"volume_gb is {volume_gb}, and AWS takes 5 to 16384"):
        build_notebook(SETTINGS, plan=replace(PLAN, volume_gb=volume_gb), tags=TAGS)


@pytest.mark.parametrize("minutes", [0, 9, 1441])
def test_idle_minutes_out_of_bounds_are_refused(minutes: int) -> None:
    with pytest.raises(PayloadError, match=rf"idle_minutes is {minutes}\. Choose 10 to 1440"):
        script(plan=replace(SCRIPT, idle_minutes=minutes))


def test_the_form_has_the_same_bounds() -> None:
    volume, idle = NOTEBOOK["volume_gb"].schema, NOTEBOOK["idle_minutes"].schema
    assert (volume["minimum"], volume["maximum"]) == (notebooks.MIN_VOLUME_GB, notebooks.MAX_VOLUME_GB)
    assert (idle["minimum"], idle["maximum"]) == (notebooks.MIN_IDLE_MINUTES, notebooks.MAX_IDLE_MINUTES)


def test_the_script_fits_into_what_aws_takes() -> None:
    request = build_lifecycle_config(name="musher-notebook", script=script(), tags=TAGS)
    check("CreateNotebookInstanceLifecycleConfig", request)
    [content] = [found["Content"] for found in request["OnStart"]]
    assert len(content) <= 14_000, "leave room for longer names"
    assert base64.b64decode(content).decode().startswith("#!/bin/bash\n")


def test_a_script_that_is_too_long_is_refused_before_anything_is_asked_for() -> None:
    with pytest.raises(PayloadError, match=r"has 16388 characters in base64, and AWS takes 16384"):
        build_lifecycle_config(name="n", script="x" * 12_289, tags=TAGS)


def test_the_script_is_one_that_a_shell_can_read(tmp_path: Path) -> None:
    path = tmp_path / "on_start.sh"
    path.write_text(script())
    assert subprocess.run(["bash", "-n", str(path)], check=False).returncode == 0
    text = path.read_text()
    for line in (
        "IDLE_MINUTES=60",
        "CODE_KEY=musher/code/ab/notebook.zip",
        "export MUSHER_ENDPOINT=musher-live",
    ):
        assert line in text


def test_what_the_script_unpacks_is_the_program_itself(tmp_path: Path) -> None:
    """Its heredoc must end nowhere else, and the shell must put in nothing."""
    head = script().partition("# Runs as root")[0].replace("/opt/musher", str(tmp_path / "own"))
    subprocess.run(["bash", "-euc", head], check=True)
    program = (ROOT / "training" / "notebook" / "autostop.py").read_text()
    assert (tmp_path / "own" / "autostop.py").read_text() == program


def found(**changes: Any) -> dict[str, Any]:
    """Return a description that is as asked for, but for some members."""
    request = build_notebook(SETTINGS, plan=PLAN, tags=TAGS)
    described = {member: value for member, value in request.items() if member != "LifecycleConfigName"}
    return {**described, "NotebookInstanceLifecycleConfigName": "musher-notebook", **changes}


def test_only_what_differs_is_changed() -> None:
    wanted = build_notebook(SETTINGS, plan=replace(PLAN, volume_gb=10), tags=TAGS)
    assert find_changes(wanted, found()) == {"VolumeSizeInGB": 10}
    assert find_changes(wanted, found(VolumeSizeInGB=10, InstanceType="ml.m5.xlarge")) == {
        "InstanceType": "ml.t3.medium"
    }
    assert find_changes(wanted, found(VolumeSizeInGB=20)) == {}
    assert find_changes(wanted, found(VolumeSizeInGB=10, NotebookInstanceLifecycleConfigName="o")) == {
        "LifecycleConfigName": "musher-notebook"
    }


def test_what_cannot_be_changed_is_named() -> None:
    wanted = build_notebook(SETTINGS, plan=PLAN, tags=TAGS)
    assert find_fixed(wanted, found()) == []
    assert find_fixed(wanted, found(VolumeSizeInGB=9, SubnetId="subnet-1")) == ["SubnetId", "VolumeSizeInGB"]
