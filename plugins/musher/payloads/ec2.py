"""Build RunInstances requests for instances that are one training job each (how one ends: `ec2_jobs`). Pure.

https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RunInstances.html
"""

import hashlib
import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from musher import names
from musher.errors import PayloadError
from musher.payloads.ec2_jobs import CONTENT_TAG, LIMIT_TAG, NAME_TAG
from musher.payloads.tags import as_list
from musher.settings import Settings

MAX_USER_DATA = 16_384
"""Bytes, before they are encoded: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/user-data.html"""

CONTENT_CHARACTERS = 16
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
