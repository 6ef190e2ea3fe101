"""List what lies in the account under the project's name, with its tags: each kind that a run may leave."""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from musher.hooks.concurrency import list_provisioned
from musher.hooks.endpoints import BUSY, find_tags, tags_of_config
from musher.hooks.functions import MusherLambdaHook, tags_of_function
from musher.hooks.jobs import LIVE, Description
from musher.hooks.sagemaker import MusherSageMakerHook, found_or_none
from musher.payloads.expiry import Resource, hourly_price
from musher.payloads.tags import PREVIOUS_TAG

TRAINING, TUNING, TRANSFORM = "training job", "tuning job", "transform job"
PROCESSING = "processing job"
ENDPOINT, CONFIG, MODEL, FUNCTION = "endpoint", "EndpointConfig", "Model", "function"

Gone = Mapping[str, Collection[str]]
"""Kind -> names of what counts as removed."""


@dataclass(frozen=True, kw_only=True)
class Listed:
    """Something that a list of AWS names."""

    kind: str
    name: str
    arn: str
    read: Callable[[], Resource | None]
    """Ask for the rest; None where it is gone meanwhile, has no tags, or ends with something else."""
    read_tags: Callable[[], Mapping[str, str] | None]
    """Ask for the tags as they are now; None where it is gone."""


def list_jobs(hook: MusherSageMakerHook, *, kind: str, prefix: str) -> Iterator[Listed]:
    """Give the jobs of a kind that run; a trial ends with its tuning job."""
    member, operation, find = {
        TRAINING: ("TrainingJob", "list_training_jobs", hook.find_training_job),
        TUNING: ("HyperParameterTuningJob", "list_hyper_parameter_tuning_jobs", hook.find_tuning_job),
        TRANSFORM: ("TransformJob", "list_transform_jobs", hook.find_transform_job),
        PROCESSING: ("ProcessingJob", "list_processing_jobs", hook.find_processing_job),
    }[kind]
    for found in _list(hook.conn, operation, name_contains=prefix, StatusEquals=LIVE):
        name, arn = found[f"{member}Name"], found[f"{member}Arn"]
        if name.startswith(prefix):
            read = partial(_read_job, hook, kind=kind, name=name, arn=arn, find=find)
            yield tagged(hook, kind=kind, name=name, arn=arn, read=read)


def job_stoppers(hook: MusherSageMakerHook) -> dict[str, Callable[[str], object]]:
    """Return kind -> what stops a job by its own name: its later attempts have tags of their own."""
    stop_tuning = hook.conn.stop_hyper_parameter_tuning_job
    return {
        TRAINING: lambda name: found_or_none(hook.conn.stop_training_job, TrainingJobName=name),
        TUNING: lambda name: found_or_none(stop_tuning, HyperParameterTuningJobName=name),
        TRANSFORM: lambda name: found_or_none(hook.conn.stop_transform_job, TransformJobName=name),
        PROCESSING: lambda name: found_or_none(hook.conn.stop_processing_job, ProcessingJobName=name),
    }


def tagged(
    hook: MusherSageMakerHook | MusherLambdaHook,
    *,
    kind: str,
    name: str,
    arn: str,
    read: Callable[[], Resource | None],
) -> Listed:
    """Return what a list names, whose tags the service itself tells by its ARN."""
    return Listed(kind=kind, name=name, arn=arn, read=read, read_tags=lambda: read_tags(hook, arn=arn))


def _read_job(
    hook: MusherSageMakerHook, *, kind: str, name: str, arn: str, find: Callable[[str], Description | None]
) -> Resource | None:
    job, tags = find(name), read_tags(hook, arn=arn)
    if job is None or not tags or job.get("TuningJobArn"):
        return None
    return Resource(
        kind=kind,
        name=name,
        arn=arn,
        tags=tags,
        created_at=job["CreationTime"],
        usd_per_hour=_job_price(job),
    )


def _list(client: Any, operation: str, *, name_contains: str, **arguments: str) -> Iterator[dict[str, Any]]:
    """Give the summaries of all pages: the one member of an answer that is a list."""
    for page in client.get_paginator(operation).paginate(NameContains=name_contains, **arguments):
        for member in page.values():
            if isinstance(member, list):
                yield from member


def _job_price(job: Mapping[str, Any]) -> float | None:
    """Return a job's price per hour; that of a tuning job counts with all trials that it may run at once."""
    if "TransformResources" in job:
        return _price_of(job["TransformResources"], at_once=1)
    if "ProcessingResources" in job:
        return _price_of(job["ProcessingResources"]["ClusterConfig"], at_once=1)
    if "ResourceConfig" in job:
        return _price_of(job["ResourceConfig"], at_once=1)
    resources = job.get("TrainingJobDefinition", {}).get("ResourceConfig", {})
    at_once = job["HyperParameterTuningJobConfig"]["ResourceLimits"]["MaxParallelTrainingJobs"]
    return _price_of(resources, at_once=at_once)


def _price_of(resources: Mapping[str, Any], *, at_once: int) -> float | None:
    if "InstanceType" not in resources:
        return None
    return hourly_price({resources["InstanceType"]: resources["InstanceCount"] * at_once})


def list_endpoints(hook: MusherSageMakerHook, *, prefix: str) -> Iterator[Listed]:
    """Give the endpoints, whatever their state."""
    for found in _list(hook.conn, "list_endpoints", name_contains=prefix):
        name, arn = found["EndpointName"], found["EndpointArn"]
        if name.startswith(prefix):
            read = partial(_read_endpoint, hook, found)
            yield tagged(hook, kind=ENDPOINT, name=name, arn=arn, read=read)


def _read_endpoint(hook: MusherSageMakerHook, found: Mapping[str, Any]) -> Resource | None:
    name, arn = found["EndpointName"], found["EndpointArn"]
    tags = read_tags(hook, arn=arn)
    if not tags:
        return None
    return Resource(
        kind=ENDPOINT,
        name=name,
        arn=arn,
        tags=tags,
        created_at=found["CreationTime"],
        usd_per_hour=_endpoint_price(hook, name=name),
        is_busy=found["EndpointStatus"] in BUSY,
    )


def _endpoint_price(hook: MusherSageMakerHook, *, name: str) -> float | None:
    """Return the price of the instances that an endpoint has now; None where its configuration is gone."""
    endpoint = hook.find_endpoint(name) or {}
    config = hook.find_endpoint_config(endpoint.get("EndpointConfigName", name))
    if config is None:
        return None
    types = {found["VariantName"]: found.get("InstanceType", "") for found in config["ProductionVariants"]}
    counts: Counter[str] = Counter()
    for variant in endpoint.get("ProductionVariants", []):
        counts[types.get(variant["VariantName"], "")] += variant.get("CurrentInstanceCount", 0)
    return hourly_price(counts)


def list_versions(hook: MusherSageMakerHook, *, kind: str, prefix: str) -> Iterator[Listed]:
    """Give the endpoint configurations or the models; they cost nothing."""
    for name, arn in hook.list_resources(kind, name_contains=prefix):
        if name.startswith(prefix):
            read = partial(_read_version, hook, kind=kind, name=name, arn=arn)
            yield tagged(hook, kind=kind, name=name, arn=arn, read=read)


def _read_version(hook: MusherSageMakerHook, *, kind: str, name: str, arn: str) -> Resource | None:
    tags = read_tags(hook, arn=arn)
    return Resource(kind=kind, name=name, arn=arn, tags=tags) if tags else None


def list_functions(hook: MusherLambdaHook, *, prefix: str) -> Iterator[Listed]:
    """Give the functions."""
    for page in hook.conn.get_paginator("list_functions").paginate():
        for found in page["Functions"]:
            name, arn = found["FunctionName"], found["FunctionArn"]
            if name.startswith(prefix):
                read = partial(_read_function, hook, name=name, arn=arn)
                yield tagged(hook, kind=FUNCTION, name=name, arn=arn, read=read)


def _read_function(hook: MusherLambdaHook, *, name: str, arn: str) -> Resource | None:
    """Read one; with started environments it has a price that is not noted, without them none."""
    tags = read_tags(hook, arn=arn)
    if not tags:
        return None
    return Resource(
        kind=FUNCTION,
        name=name,
        arn=arn,
        tags=tags,
        usd_per_hour=None if list_provisioned(hook, name=name) else 0.0,
    )


def untagged(resource: Resource) -> Listed:
    """Return what AWS keeps no tags of: those that it is given say whose it is and when its time ends."""
    return Listed(
        kind=resource.kind,
        name=resource.name,
        arn=resource.arn,
        read=lambda: resource,
        read_tags=lambda: resource.tags,
    )


def configs_in_use(hook: MusherSageMakerHook, *, prefix: str, gone: Gone) -> set[str]:
    """Return the configurations that endpoints serve or go over to, and those that they can go back to."""
    pending: list[str] = []
    for found in _list(hook.conn, "list_endpoints", name_contains=prefix):
        name = found["EndpointName"]
        is_there = name.startswith(prefix) and name not in gone[ENDPOINT]
        endpoint = hook.find_endpoint(name) if is_there else None
        if endpoint is not None:
            coming = endpoint.get("PendingDeploymentSummary", {}).get("EndpointConfigName")
            pending += [endpoint["EndpointConfigName"], *([coming] if coming else [])]
    used: set[str] = set()
    while pending:
        name = pending.pop()
        previous = None if name in used else tags_of_config(hook, name).get(PREVIOUS_TAG)
        used.add(name)
        pending += [previous] if previous else []
    return used


def models_in_use(hook: MusherSageMakerHook, *, prefix: str, gone: Gone) -> set[str]:
    """Return the models that configurations name, and those that classify in jobs that run."""
    used: set[str] = set()
    for name, _ in hook.list_resources(CONFIG, name_contains=prefix):
        config = hook.find_endpoint_config(name) if name not in gone[CONFIG] else None
        for variants in ("ProductionVariants", "ShadowProductionVariants"):
            used |= {variant.get("ModelName", "") for variant in (config or {}).get(variants, [])}
    for found in _list(hook.conn, "list_transform_jobs", name_contains=prefix, StatusEquals=LIVE):
        name = found["TransformJobName"]
        job = hook.find_transform_job(name) if name not in gone[TRANSFORM] else None
        used |= {job["ModelName"]} if job else set()
    return used


def read_tags(hook: MusherSageMakerHook | MusherLambdaHook, *, arn: str) -> dict[str, str] | None:
    """Return a resource's tags as they are now; None where it is gone."""
    if isinstance(hook, MusherLambdaHook):
        return found_or_none(partial(tags_of_function, hook), arn=arn)
    return find_tags(hook, arn=arn)
