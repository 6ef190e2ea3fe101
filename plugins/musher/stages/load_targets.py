"""What a load test is sent to, and with which images."""

import logging
from pathlib import PurePosixPath

from airflow.providers.amazon.aws.hooks.base_aws import AwsBaseHook
from airflow.providers.amazon.aws.hooks.s3 import S3Hook

from musher import names
from musher.errors import TrafficError
from musher.hooks.connection import lambda_hook, runtime_hook, s3_hook, sagemaker_hook
from musher.hooks.endpoints import find_kind
from musher.hooks.registry import data_hash_of, find_served_package
from musher.hooks.releases import read_endpoint
from musher.hooks.sagemaker import MusherSageMakerHook
from musher.payloads.choices import ASYNC
from musher.results import EndpointResult, StagedDataset
from musher.settings import Settings
from musher.stages.run import Run
from musher.traffic.aws import AwsOrigin
from musher.traffic.targets import ENDPOINT, LoadTarget, make_calls, make_look
from musher.traffic.watch import Look

logger = logging.getLogger(__name__)

MAX_IMAGES = 20
"""They are held in memory, each of 6 MiB at most."""

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp"})


def target_of_run(run: Run, *, endpoint: EndpointResult, dataset: StagedDataset) -> LoadTarget:
    """Return the run's own endpoint, with images of its test split."""
    images = tuple(names.s3_uri(run.settings, key=sample["key"]) for sample in dataset["samples"])
    return LoadTarget(kind=ENDPOINT, name=endpoint["name"], images=images)


def find_target(run: Run) -> LoadTarget:
    """Return what the Params of load_test_endpoint ask for; raise TrafficError where there is none."""
    params, settings = run.params, run.settings
    kind = params["target_kind"]
    live = f"{names.live_function(settings)}:{names.LIVE_ALIAS}"
    name = params["target"] or (names.live_endpoint(settings) if kind == ENDPOINT else live)
    if kind == ENDPOINT:
        refuse_async(settings, endpoint_name=name)
    found = params["images"] or find_samples(
        settings, endpoint_name=name if kind == ENDPOINT else names.live_endpoint(settings)
    )
    return LoadTarget(kind=kind, name=name, images=list_images(s3_hook(settings), address=found))


def refuse_async(settings: Settings, *, endpoint_name: str) -> None:
    """Raise TrafficError where an endpoint is asynchronous: what is measured is answers that come at once."""
    if find_kind(sagemaker_hook(settings), name=endpoint_name) == ASYNC:
        raise TrafficError(
            f"{endpoint_name} is asynchronous: it answers into S3, and a load test measures answers that "
            "come at once. Name another endpoint."
        )


def find_samples(settings: Settings, *, endpoint_name: str) -> str:
    """Return where the test images lie of the data set that an endpoint's model was trained on."""
    hook = sagemaker_hook(settings)
    endpoint = read_endpoint(hook, name=endpoint_name)
    if endpoint is None:
        raise TrafficError(
            f"There is no endpoint {endpoint_name}. Run operationalize_model, or name another."
        )
    package = find_served_package(hook, config_name=endpoint.config_name)
    data_hash = data_hash_of(package)
    if data_hash is None:
        raise TrafficError(
            f"The registry does not know what {endpoint.config_name} was trained on. Name images in `images`."
        )
    return names.s3_uri(settings, key=names.samples_prefix(settings, data_hash=data_hash))


def list_images(hook: S3Hook, *, address: str) -> tuple[str, ...]:
    """Return the address itself where it is an image's, else the first images below it."""
    bucket, prefix = names.split_s3_uri(address)
    pages = (
        hook.get_conn()
        .get_paginator("list_objects_v2")
        .paginate(Bucket=bucket, Prefix=prefix, PaginationConfig={"MaxItems": 1000})
    )
    keys = [found["Key"] for page in pages for found in page.get("Contents", [])]
    images = [key for key in keys if PurePosixPath(key).suffix.lower() in SUFFIXES][:MAX_IMAGES]
    if not images:
        raise TrafficError(f"There is no image at {address} ({', '.join(sorted(SUFFIXES))}). Name others.")
    return tuple(f"s3://{bucket}/{key}" for key in images)


def make_origin(settings: Settings, target: LoadTarget, *, seconds: int) -> AwsOrigin:
    """Return where a load test's requests come from: as the connection says, signed with its credentials."""
    hook: AwsBaseHook = runtime_hook(settings) if target.kind == ENDPOINT else lambda_hook(settings)
    calls = make_calls(s3_hook(settings).get_conn(), target, seconds=seconds)
    session = hook.get_session(region_name=settings.region)
    return AwsOrigin(*calls, session=session, endpoint_url=hook.conn.meta.endpoint_url)


def look_at(hook: MusherSageMakerHook, target: LoadTarget) -> Look:
    """Return a function that says how many instances an endpoint has, and how many it is to have."""
    return make_look(hook.find_endpoint, target)


def find_instance_type(hook: MusherSageMakerHook, target: LoadTarget) -> str | None:
    """Return the type of an endpoint's instances; None where it has none, or several."""
    endpoint = hook.find_endpoint(target.name) if target.kind == ENDPOINT else None
    config = hook.find_endpoint_config(endpoint["EndpointConfigName"]) if endpoint else None
    types = {variant.get("InstanceType") for variant in (config or {}).get("ProductionVariants", [])}
    return types.pop() if len(types) == 1 else None
