"""Build RunInstances requests for instances that are one training job each; read what became of one. Pure.

https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RunInstances.html

A job's name is the request's client token and the instance's Name, so that a try that comes later finds the
instance, and a request that is sent twice starts one. How a job ended lies in S3 as `ended.json`
(training/ec2_job.py): EC2 forgets an instance an hour after its end.
"""

import hashlib
import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from musher import names
from musher.errors import PayloadError
from musher.payloads.tags import as_list, as_mapping
from musher.settings import Settings

MAX_USER_DATA = 16_384
"""Bytes, before they are encoded: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/user-data.html"""

NAME_TAG, CONTENT_TAG, LIMIT_TAG = "Name", "musher:content", "musher:limit-s"
"""Tags of an instance beside the project's: its job, the hash of what it trains, and its limit in seconds."""

CONTENT_CHARACTERS = 16
NAME_LINE = "JOB_NAME={}\n"

BUSY = ("pending", "running", "shutting-down", "stopping")
LIVE = (*BUSY, "stopped")
"""States of an instance whose job may go on, and of one that still costs."""

SPOT_END = "Server.SpotInstanceTermination"
BY_USER, BY_ITSELF = "Client.UserInitiatedShutdown", "Client.InstanceInitiatedShutdown"
SERVER = "Server."
"""StateReason's codes: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_StateReason.html"""

CAPACITY, INTERNAL = "CapacityError", "InternalError"
"""How a reason begins where AWS failed and not the job, as SageMaker's do: the next attempt follows."""

SPOT = {"MarketType": "spot", "SpotOptions": {"SpotInstanceType": "one-time"}}


@dataclass(frozen=True, kw_only=True)
class Ec2Plan:
    """Hold what distinguishes one instance from another.

    `options` are those of `program`; `channels` maps a channel's name to its address in S3, which ends with a
    slash where it is a folder. `limit_s` is the script's. Without `subnet`, AWS takes one of the default VPC.
    """

    job_name: str
    code_uri: str
    code_sha256: str
    options: Mapping[str, str]
    channels: Mapping[str, str]
    instance_type: str
    image_id: str
    root_device: str
    volume_gb: int
    limit_s: int
    is_spot: bool
    tags: Mapping[str, str]
    torch: Mapping[str, Sequence[str]]
    """`packages` and `pip_options` with which an image without torch gets it."""
    subnet: str = ""
    security_groups: Sequence[str] = ()
    program: str = "train.py"


def build_run_instances(settings: Settings, *, plan: Ec2Plan, template: str) -> dict[str, Any]:
    """Return the RunInstances request, whose ClientToken is the job's name."""
    tags = {
        **plan.tags,
        NAME_TAG: plan.job_name,
        CONTENT_TAG: content_hash(plan),
        LIMIT_TAG: str(plan.limit_s),
    }
    places = {"SubnetId": plan.subnet} if plan.subnet else {}
    groups = {"SecurityGroupIds": list(plan.security_groups)} if plan.security_groups else {}
    return {
        "ClientToken": plan.job_name,
        "ImageId": plan.image_id,
        "InstanceType": plan.instance_type,
        "MinCount": 1,
        "MaxCount": 1,
        "UserData": build_user_data(settings, plan=plan, template=template),
        "IamInstanceProfile": {"Name": names.instance_profile(settings)},
        "InstanceInitiatedShutdownBehavior": "terminate",
        "MetadataOptions": {
            "HttpTokens": "required",
            "HttpEndpoint": "enabled",
            "HttpPutResponseHopLimit": 1,
        },
        "BlockDeviceMappings": [{"DeviceName": plan.root_device, "Ebs": _volume(plan)}],
        "TagSpecifications": [
            {"ResourceType": kind, "Tags": as_list(tags)} for kind in ("instance", "volume")
        ],
        **places,
        **groups,
        **({"InstanceMarketOptions": SPOT} if plan.is_spot else {}),
    }


def _volume(plan: Ec2Plan) -> dict[str, Any]:
    return {"VolumeSize": plan.volume_gb, "VolumeType": "gp3", "Encrypted": True, "DeleteOnTermination": True}


def build_user_data(settings: Settings, *, plan: Ec2Plan, template: str) -> str:
    """Fill in the template; PayloadError where EC2 would refuse the size."""
    output_uri = names.s3_uri(settings, key=names.jobs_prefix(settings))
    given = {
        "JOB_NAME": plan.job_name,
        "OUTPUT_URI": output_uri,
        "CODE_URI": plan.code_uri,
        "CODE_SHA256": plan.code_sha256,
        "LIMIT_S": str(plan.limit_s),
        "REGION": settings.region,
    }
    text = template
    for name, value in given.items():
        text = text.replace(f"@{name}@", shlex.quote(value))
    text = text.replace("@ORDER@", json.dumps(build_order(settings, plan=plan), separators=(",", ":")))
    if (size := len(text.encode())) > MAX_USER_DATA:
        raise PayloadError(
            f"The user data of {plan.job_name} have {size} bytes, and EC2 takes {MAX_USER_DATA}. Give "
            "training fewer or shorter options."
        )
    return text


def build_order(settings: Settings, *, plan: Ec2Plan) -> dict[str, Any]:
    """Return what ec2_job.py is told, the same for all attempts of a job."""
    job, version = plan.job_name, content_hash(plan)
    checkpoints = names.checkpoints_prefix(settings, job_name=job, version=version)
    return {
        "program": plan.program,
        "options": dict(plan.options),
        "channels": dict(plan.channels),
        "output_uri": names.s3_uri(settings, key=names.jobs_prefix(settings)),
        "checkpoints_uri": names.s3_uri(settings, key=checkpoints).rstrip("/"),
        "log_group": names.instance_log_group(settings),
        "limit_s": plan.limit_s,
        "is_spot": plan.is_spot,
        "torch": {name: list(words) for name, words in plan.torch.items()},
        "told": {
            "content": version,
            "limit_s": plan.limit_s,
            "instance_type": plan.instance_type,
            "is_spot": plan.is_spot,
        },
    }


def content_hash(plan: Ec2Plan) -> str:
    """Return 16 hex digits that stand for what the job trains, and on what."""
    content = [plan.program, dict(plan.options), dict(plan.channels), plan.code_sha256, plan.instance_type]
    found = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    return found[:CONTENT_CHARACTERS]


def content_of(request: Mapping[str, Any]) -> str:
    """Return the hash of what a request's job trains."""
    [tags] = [found["Tags"] for found in request["TagSpecifications"] if found["ResourceType"] == "instance"]
    return as_mapping(tags)[CONTENT_TAG]


def rename_instance(request: Mapping[str, Any], *, job_name: str) -> dict[str, Any]:
    """Return the same request under another job's name; the checkpoints stay where they are."""
    old = str(request["ClientToken"])

    def rename(tags: Sequence[Mapping[str, str]]) -> list[dict[str, str]]:
        return as_list({**as_mapping(tags), NAME_TAG: job_name})

    specifications = [{**found, "Tags": rename(found["Tags"])} for found in request["TagSpecifications"]]
    user_data = str(request["UserData"]).replace(NAME_LINE.format(old), NAME_LINE.format(job_name))
    renamed = {"ClientToken": job_name, "TagSpecifications": specifications, "UserData": user_data}
    return {**request, **renamed}


def describe_job(
    name: str, *, instance: Mapping[str, Any] | None, ended: Mapping[str, Any] | None
) -> dict[str, Any] | None:
    """Return a job as SageMaker would describe it, from EC2's description and ended.json, or None."""
    if instance is None and ended is None:
        return None
    tags = as_mapping((instance or {}).get("Tags", []))
    told = ended or {}
    status, reason = judge(instance, ended=ended)
    launched: datetime | None = (instance or {}).get("LaunchTime")
    return {
        "ClientToken": name,
        "InstanceId": (instance or {}).get("InstanceId", ""),
        "Status": status,
        "FailureReason": reason,
        "CreationTime": launched,
        "Content": tags.get(CONTENT_TAG) or told.get("content", ""),
        "LimitInSeconds": int(tags.get(LIMIT_TAG) or told.get("limit_s") or 0),
        "InstanceType": (instance or {}).get("InstanceType") or told.get("instance_type", ""),
        "IsSpot": (instance or {}).get("InstanceLifecycle") == "spot" or bool(told.get("is_spot")),
        "Seconds": told.get("seconds", {}),
        "ModelSha256": told.get("model_sha256", ""),
    }


def judge(instance: Mapping[str, Any] | None, *, ended: Mapping[str, Any] | None) -> tuple[str, str]:
    """Return a job's status, and why it failed where it did: in its own words, else in EC2's."""
    if ended:
        return _judge_words(ended)
    assert instance is not None
    state, instance_id = instance["State"]["Name"], instance["InstanceId"]
    if state in BUSY:
        return "InProgress", ""
    reason = instance.get("StateReason") or {}
    code, said = str(reason.get("Code", "")), str(reason.get("Message", "")) or "no reason given"
    if code == SPOT_END:
        return "Failed", f"{CAPACITY}: AWS took the Spot Instance {instance_id} away ({code})"
    if code.startswith(SERVER):
        return "Failed", f"{INTERNAL}: AWS ended the instance {instance_id}: {said} ({code})"
    if code == BY_USER:
        return "Stopped", f"somebody terminated the instance {instance_id}"
    if code == BY_ITSELF:
        return "Failed", f"the instance {instance_id} shut itself down and left no word of how its job ended"
    return "Failed", f"the instance {instance_id} is {state}: {said} ({code or 'no code'})"


def _judge_words(ended: Mapping[str, Any]) -> tuple[str, str]:
    status, reason = str(ended.get("status", "")), str(ended.get("reason", ""))
    if status == "Interrupted":
        return "Failed", f"{CAPACITY}: {reason}; its checkpoints are kept"
    return ("Completed", "") if status == "Completed" else ("Failed", reason or "no reason given")


def artifact_uris(settings: Settings, *, job_name: str) -> dict[str, str]:
    """Return where a job's model, output and last word lie."""
    folder = f"{names.s3_uri(settings, key=names.jobs_prefix(settings))}/{job_name}/output"
    return {
        "model_uri": f"{folder}/model.tar.gz",
        "output_uri": f"{folder}/output.tar.gz",
        "ended_uri": f"{folder}/ended.json",
    }
