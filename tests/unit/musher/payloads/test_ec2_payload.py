"""The request for an instance that is one job, what it is told, and what became of it."""

import json
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from musher.errors import PayloadError
from musher.payloads.ec2 import (
    MAX_USER_DATA,
    Ec2Plan,
    build_order,
    build_run_instances,
    content_hash,
)
from musher.payloads.ec2_jobs import artifact_uris, content_of, describe_job, judge, rename_instance
from musher.payloads.ec2_quotas import judge_quota, quota_name
from musher.settings import Settings

TEMPLATE = (Path(__file__).parents[4] / "training" / "ec2_user_data.sh").read_text()
NAME = "musher-ec2-0123abcd"
JOBS = "s3://musher-123456789012-us-east-1/musher/jobs"
LAUNCHED = datetime(2026, 1, 1, tzinfo=UTC)


def plan_with(**changes: Any) -> Ec2Plan:
    """Return a plan."""
    given: dict[str, Any] = {
        "job_name": NAME,
        "code_uri": "s3://b/code/89ab/sourcedir.tar.gz",
        "code_sha256": "ab" * 32,
        "options": {"epochs": "3", "int8": "false"},
        "channels": {"train": "s3://b/data/train/"},
        "instance_type": "m5.xlarge",
        "image_id": "ami-0123456789abcdef0",
        "root_device": "/dev/xvda",
        "volume_gb": 40,
        "limit_s": 3600,
        "is_spot": False,
        "tags": {"musher:project": "musher", "musher:run": "0123abcd"},
        "torch": {"packages": ["torch==2.15.0"], "pip_options": []},
        "security_groups": ("sg-0123abcd",),
    }
    return Ec2Plan(**{**given, **changes})


def build(settings: Settings, **changes: Any) -> dict[str, Any]:
    """Return the request of a plan."""
    return build_run_instances(settings, plan=plan_with(**changes), template=TEMPLATE)


def tags_of(request: dict[str, Any], kind: str) -> dict[str, str]:
    """Return the tags that a request gives to instances or volumes."""
    [tags] = [found["Tags"] for found in request["TagSpecifications"] if found["ResourceType"] == kind]
    return {tag["Key"]: tag["Value"] for tag in tags}


def test_the_instance_costs_nothing_once_it_is_over_and_nobody_gets_in(settings: Settings) -> None:
    request = build(settings)
    del request["UserData"], request["TagSpecifications"]
    assert request == {
        "ClientToken": NAME,
        "ImageId": "ami-0123456789abcdef0",
        "InstanceType": "m5.xlarge",
        "MinCount": 1,
        "MaxCount": 1,
        "IamInstanceProfile": {"Name": "musher-ec2"},
        "InstanceInitiatedShutdownBehavior": "terminate",
        "MetadataOptions": {
            "HttpTokens": "required",
            "HttpEndpoint": "enabled",
            "HttpPutResponseHopLimit": 1,
        },
        "BlockDeviceMappings": [
            {
                "DeviceName": "/dev/xvda",
                "Ebs": {
                    "VolumeSize": 40,
                    "VolumeType": "gp3",
                    "Encrypted": True,
                    "DeleteOnTermination": True,
                },
            }
        ],
        "SecurityGroupIds": ["sg-0123abcd"],
    }


@pytest.mark.parametrize("kind", ["instance", "volume"])
def test_instance_and_disk_are_found_again_by_their_tags(kind: str, settings: Settings) -> None:
    assert tags_of(build(settings), kind) == {
        "musher:project": "musher",
        "musher:run": "0123abcd",
        "Name": NAME,
        "musher:content": content_hash(plan_with()),
        "musher:limit-s": "3600",
    }


def test_spot_capacity_is_asked_for_once(settings: Settings) -> None:
    market = build(settings, is_spot=True)["InstanceMarketOptions"]
    assert market == {"MarketType": "spot", "SpotOptions": {"SpotInstanceType": "one-time"}}


def test_a_named_subnet_is_used(settings: Settings) -> None:
    assert build(settings, subnet="subnet-0123abcd")["SubnetId"] == "subnet-0123abcd"
    assert "SubnetId" not in build(settings)


def test_the_user_data_are_a_script_without_gaps(settings: Settings) -> None:
    text = build(settings)["UserData"]
    assert text.startswith("#!/bin/bash\n")
    assert f"\nJOB_NAME={NAME}\n" in text
    assert not [
        word for word in ("JOB_NAME", "OUTPUT_URI", "ORDER", "REGION", "LIMIT_S") if f"@{word}@" in text
    ]
    assert subprocess.run(["bash", "-n"], input=text, text=True, timeout=20, check=False).returncode == 0
    assert len(text.encode()) < MAX_USER_DATA


def test_what_a_shell_would_take_apart_is_quoted(settings: Settings) -> None:
    text = build(settings, code_uri="s3://b/a b'$(reboot)")["UserData"]
    assert "CODE_URI='s3://b/a b'\"'\"'$(reboot)'\n" in text


def test_user_data_that_ec2_would_refuse_are_refused(settings: Settings) -> None:
    with pytest.raises(PayloadError, match=r"have \d+ bytes, and EC2 takes 16384. Give training fewer"):
        build(settings, options={"long": "x" * MAX_USER_DATA})


def test_the_order_names_what_the_job_reads_and_where_it_writes(settings: Settings) -> None:
    plan = plan_with()
    order = build_order(settings, plan=plan)
    assert f"\n{json.dumps(order, separators=(',', ':'))}\n" in build(settings)["UserData"]
    assert order == {
        "program": "train.py",
        "options": {"epochs": "3", "int8": "false"},
        "channels": {"train": "s3://b/data/train/"},
        "output_uri": JOBS,
        "checkpoints_uri": f"{JOBS}/{NAME}/checkpoints/{content_hash(plan)}",
        "log_group": "/aws/ec2/musher-train",
        "limit_s": 3600,
        "is_spot": False,
        "torch": {"packages": ["torch==2.15.0"], "pip_options": []},
        "told": {
            "content": content_hash(plan),
            "limit_s": 3600,
            "instance_type": "m5.xlarge",
            "is_spot": False,
        },
    }


def test_the_next_attempt_has_another_name_and_the_same_checkpoints(settings: Settings) -> None:
    request = build(settings)
    renamed = rename_instance(request, job_name=f"{NAME}-2")
    assert renamed["ClientToken"] == f"{NAME}-2"
    assert {tags_of(renamed, kind)["Name"] for kind in ("instance", "volume")} == {f"{NAME}-2"}
    before, after = request["UserData"].splitlines(), renamed["UserData"].splitlines()
    changed = [line for line, old in zip(after, before, strict=True) if line != old]
    assert changed == [f"JOB_NAME={NAME}-2"]
    assert content_of(renamed) == content_of(request)


@pytest.mark.parametrize(
    "changes",
    [
        {"options": {"epochs": "4"}},
        {"channels": {"train": "s3://b/other/"}},
        {"code_sha256": "cd" * 32},
        {"instance_type": "c5.xlarge"},
    ],
    ids=["options", "data", "code", "type"],
)
def test_another_training_has_another_hash(changes: dict[str, Any]) -> None:
    assert content_hash(plan_with(**changes)) != content_hash(plan_with())


def test_what_does_not_change_the_model_does_not_change_the_hash() -> None:
    assert content_hash(plan_with(volume_gb=80, limit_s=60, tags={})) == content_hash(plan_with())


def instance_in(state: str, code: str = "", message: str = "") -> dict[str, Any]:
    """Return EC2's description of an instance."""
    return {
        "InstanceId": "i-1",
        "InstanceType": "m5.xlarge",
        "LaunchTime": LAUNCHED,
        "State": {"Name": state},
        "StateReason": {"Code": code, "Message": message},
        "Tags": [{"Key": "musher:content", "Value": "c"}, {"Key": "musher:limit-s", "Value": "60"}],
    }


@pytest.mark.parametrize(
    ("state", "status"),
    [
        ("pending", "InProgress"),
        ("running", "InProgress"),
        ("shutting-down", "Stopping"),
        ("stopping", "Stopping"),
    ],
)
def test_an_instance_that_has_said_nothing_is_at_work_until_it_ends(state: str, status: str) -> None:
    assert judge(instance_in(state), ended=None) == (status, "")


@pytest.mark.parametrize(
    ("code", "status", "reason"),
    [
        ("Server.SpotInstanceTermination", "Failed", "CapacityError: AWS took the Spot Instance i-1 away"),
        ("Server.InternalError", "Failed", "InternalError: AWS ended the instance i-1: why (Server.Int"),
        ("Client.UserInitiatedShutdown", "Stopped", "somebody terminated the instance i-1"),
        ("Client.InstanceInitiatedShutdown", "Failed", "the instance i-1 shut itself down and left no word"),
        ("Client.InvalidSnapshot.NotFound", "Failed", "the instance i-1 is terminated: why (Client.Inv"),
    ],
)
def test_ec2_says_why_an_instance_is_gone(code: str, status: str, reason: str) -> None:
    found = judge(instance_in("terminated", code, "why"), ended=None)
    assert found[0] == status
    assert found[1].startswith(reason)


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ({"status": "Completed"}, ("Completed", "")),
        ({"status": "Failed", "reason": "no such class"}, ("Failed", "no such class")),
        ({"status": "Failed"}, ("Failed", "no reason given")),
        (
            {"status": "Interrupted", "reason": "gone"},
            ("Failed", "CapacityError: gone; its checkpoints are kept"),
        ),
        ({"nonsense": 1}, ("Failed", "no reason given")),
    ],
    ids=["completed", "failed", "failed-silently", "interrupted", "nonsense"],
)
def test_the_job_s_own_word_counts_before_ec2_s(said: dict[str, str], found: tuple[str, str]) -> None:
    for state in ("running", "terminated"):
        assert judge(instance_in(state, "Client.InstanceInitiatedShutdown"), ended=said) == found


def test_a_stopped_instance_is_no_job_any_more() -> None:
    status, reason = judge(instance_in("stopped", "x", "hibernated"), ended=None)
    assert (status, reason) == ("Failed", "the instance i-1 is stopped: hibernated (x)")


def test_a_job_is_described_by_both_or_by_its_word_alone() -> None:
    ended = {
        "status": "Completed",
        "seconds": {"total": 9.5},
        "model_sha256": "ab",
        "content": "c",
        "limit_s": 60,
    }
    both = describe_job(NAME, instance=instance_in("terminated"), ended=ended)
    alone = describe_job(NAME, instance=None, ended={**ended, "instance_type": "m5.xlarge", "is_spot": True})
    assert both is not None
    assert alone is not None
    assert (both["InstanceId"], both["CreationTime"], both["IsSpot"]) == ("i-1", LAUNCHED, False)
    assert (alone["InstanceId"], alone["CreationTime"], alone["IsSpot"]) == ("", None, True)
    for found in (both, alone):
        assert (found["Status"], found["Content"], found["LimitInSeconds"]) == ("Completed", "c", 60)
        assert (found["Seconds"], found["InstanceType"]) == ({"total": 9.5}, "m5.xlarge")
    assert describe_job(NAME, instance=None, ended=None) is None


def test_the_artifacts_lie_where_sagemaker_s_jobs_put_theirs(settings: Settings) -> None:
    assert artifact_uris(settings, job_name=NAME) == {
        "model_uri": f"{JOBS}/{NAME}/output/model.tar.gz",
        "output_uri": f"{JOBS}/{NAME}/output/output.tar.gz",
        "ended_uri": f"{JOBS}/{NAME}/output/ended.json",
    }


@pytest.mark.parametrize(
    ("instance_type", "is_spot", "name"),
    [
        ("m5.xlarge", False, "Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances"),
        ("c6i.large", True, "All Standard (A, C, D, H, I, M, R, T, Z) Spot Instance Requests"),
        ("g4dn.xlarge", False, "Running On-Demand G and VT instances"),
        ("p4d.24xlarge", True, "All P Spot Instance Requests"),
        ("u-6tb1.metal", False, None),
    ],
)
def test_a_type_counts_against_its_family_s_quota(
    instance_type: str, is_spot: bool, name: str | None
) -> None:
    assert quota_name(instance_type, is_spot=is_spot) == name


@pytest.mark.parametrize(("value", "is_refused"), [(None, False), (4.0, False), (3.0, True), (0.0, True)])
def test_a_quota_is_held_against_virtual_processors(value: float | None, is_refused: bool) -> None:
    found = judge_quota("Q", value=value, vcpus=4, instance_type="m5.xlarge", region="us-east-1")
    assert bool(found) == is_refused
    if found:
        assert found[0].startswith(
            "ec2_instance_type is m5.xlarge, which has 4 virtual processors, and the account's quota 'Q' in "
            f"us-east-1 is {value:g}. Ask for more"
        )
