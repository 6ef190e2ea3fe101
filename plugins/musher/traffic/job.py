"""A load test inside a SageMaker processing job: reads its order, sends the load, writes what it measured.

boto3 finds region, role and addresses as in any container. The role reads the images and signs the requests.
"""

import json
import logging
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypedDict

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from musher.errors import TrafficError
from musher.results import InstancePoint
from musher.traffic.aws import AwsOrigin, Call
from musher.traffic.profiles import make_profile
from musher.traffic.targets import LoadTarget, make_calls, make_look
from musher.traffic.watched import send_and_watch

FOLDER = Path("/opt/ml/processing")
ORDER, RESULT = "input/order/order.json", "output/measured.json"
"""Below the folder."""


class Load(TypedDict):
    """What `make_profile` makes a profile of."""

    kind: str
    rate: float
    peak_rate: float
    duration_s: float


class Order(TypedDict):
    """What a job is to do; `target` holds the fields of LoadTarget."""

    target: dict[str, Any]
    load: Load


class JobMeasured(TypedDict):
    """What a job leaves; `target` is the order's, as what it names may have changed or gone meanwhile."""

    target: dict[str, Any]
    measured: dict[str, Any]
    instances: list[InstancePoint]


def run_order(order: Order) -> JobMeasured:
    """Send the load that was ordered; raises TrafficError where it cannot be sent so."""
    load, target = order["load"], read_target(order["target"])
    profile = make_profile(
        load["kind"], rate=load["rate"], peak_rate=load["peak_rate"], duration_s=load["duration_s"]
    )
    session = boto3.Session()
    calls = prepare_calls(session.client("s3"), target, seconds=profile.duration_s)
    sagemaker = session.client("sagemaker")
    look = make_look(lambda name: sagemaker.describe_endpoint(EndpointName=name), target)
    measured, instances = send_and_watch(profile, AwsOrigin(*calls, session=session), look=look)
    return {"target": order["target"], "measured": measured, "instances": instances}


def read_target(given: Mapping[str, Any]) -> LoadTarget:
    """Return the target of an order, or of what a job left."""
    return LoadTarget(kind=given["kind"], name=given["name"], images=tuple(given["images"]))


def prepare_calls(s3: Any, target: LoadTarget, *, seconds: float) -> list[Call]:
    """Return a call for each image; the one that cannot be read is named, as a job's message has 1 KB."""
    calls: list[Call] = []
    for image in target.images:
        try:
            calls += make_calls(s3, replace(target, images=(image,)), seconds=seconds)
        except (BotoCoreError, ClientError) as error:
            raise TrafficError(f"{image} cannot be read: {error}") from error
    return calls


def main(folder: Path = FOLDER) -> int:
    """Do what the folder's order says; return the exit status, 0 also for a load that was cut short."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    result = run_order(json.loads((folder / ORDER).read_text()))
    (folder / RESULT).write_text(json.dumps(result, allow_nan=False))
    return 0
