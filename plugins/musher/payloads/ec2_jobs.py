"""Read what became of a training job on an EC2 instance, and name it anew. Pure.

A job's name is its request's client token and the instance's Name, so that a try that comes later finds the
instance, and a request that is sent twice starts one. How a job ended lies in S3 as `ended.json`
(training/ec2_job.py): EC2 forgets an instance an hour after its end.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from musher import names
from musher.payloads.tags import STOPPED_TAG, as_list, as_mapping
from musher.settings import Settings

NAME_TAG, CONTENT_TAG, LIMIT_TAG = "Name", "musher:content", "musher:limit-s"
"""Tags of an instance beside the project's: its job, the hash of what it trains, and its limit in seconds."""

NAME_LINE = "JOB_NAME={}\n"

BUSY, LEAVING = ("pending", "running"), ("shutting-down", "stopping")
LIVE = (*BUSY, "stopping", "stopped")
"""States of an instance whose job may go on, of one that ends, and of all that are to be ended: one that is
shutting down costs nothing any more, and goes by itself."""

SPOT_END = "Server.SpotInstanceTermination"
BY_USER, BY_ITSELF = "Client.UserInitiatedShutdown", "Client.InstanceInitiatedShutdown"
SERVER = "Server."
"""StateReason's codes: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_StateReason.html"""

CAPACITY, INTERNAL = "CapacityError", "InternalError"
"""How a reason begins where AWS failed and not the job, as SageMaker's do: the next attempt follows."""


def cancelled_tags() -> list[dict[str, str]]:
    """Return what marks an instance that a cancel terminates."""
    return as_list({STOPPED_TAG: "cancelled"})


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
        "IsCancelled": STOPPED_TAG in tags,
    }


def judge(instance: Mapping[str, Any] | None, *, ended: Mapping[str, Any] | None) -> tuple[str, str]:
    """Return a job's status, and why it failed where it did: in its own words, else in EC2's."""
    if ended:
        return _judge_words(ended)
    assert instance is not None
    state, instance_id = instance["State"]["Name"], instance["InstanceId"]
    if state in BUSY:
        return "InProgress", ""
    if state in LEAVING:  # a job says how it ended before its instance shuts down
        return "Stopping", ""
    reason = instance.get("StateReason") or {}
    code, said = str(reason.get("Code", "")), str(reason.get("Message", "")) or "no reason given"
    told = f"the instance {instance_id} is {state}: {said} ({code or 'no code'})"
    if state == "stopped":  # which nobody here asks for
        return "Failed", told
    if code == SPOT_END:
        return "Failed", f"{CAPACITY}: AWS took the Spot Instance {instance_id} away ({code})"
    if code.startswith(SERVER):
        return "Failed", f"{INTERNAL}: AWS ended the instance {instance_id}: {said} ({code})"
    if code == BY_USER:
        return "Stopped", f"somebody terminated the instance {instance_id}"
    if code == BY_ITSELF:
        return "Failed", f"the instance {instance_id} shut itself down and left no word of how its job ended"
    return "Failed", told


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
