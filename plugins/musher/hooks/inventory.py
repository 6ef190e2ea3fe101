"""List what lies in the account under the project's name, with its tags: each kind that a run may leave."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from musher.hooks.concurrency import list_provisioned
from musher.hooks.endpoints import tags_of
from musher.hooks.functions import MusherLambdaHook, tags_of_function
from musher.hooks.jobs import LIVE
from musher.hooks.sagemaker import MusherSageMakerHook, found_or_none
from musher.payloads.expiry import Resource, hourly_price
from musher.payloads.tags import PREVIOUS_TAG

TRAINING, TUNING, TRANSFORM = "training job", "tuning job", "transform job"
ENDPOINT, CONFIG, MODEL, FUNCTION = "endpoint", "EndpointConfig", "Model", "function"


def list_jobs(hook: MusherSageMakerHook, *, prefix: str) -> Iterator[Resource]:
    """Give the training, tuning and transform jobs that run."""
    kinds = (
        (TRAINING, "TrainingJob", "list_training_jobs", hook.find_training_job),
        (TUNING, "HyperParameterTuningJob", "list_hyper_parameter_tuning_jobs", hook.find_tuning_job),
        (TRANSFORM, "TransformJob", "list_transform_jobs", hook.find_transform_job),
    )
    for kind, member, operation, find in kinds:
        for found in _list(hook.conn, operation, name_contains=prefix, StatusEquals=LIVE):
            name = found[f"{member}Name"]
            job = find(name) if name.startswith(prefix) else None
            if job is not None:
                yield Resource(
                    kind=kind,
                    name=name,
                    arn=found[f"{member}Arn"],
                    tags=tags_of(hook, arn=found[f"{member}Arn"]),
                    created_at=found["CreationTime"],
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
    if "ResourceConfig" in job:
        return _price_of(job["ResourceConfig"], at_once=1)
    resources = job.get("TrainingJobDefinition", {}).get("ResourceConfig", {})
    at_once = job["HyperParameterTuningJobConfig"]["ResourceLimits"]["MaxParallelTrainingJobs"]
    return _price_of(resources, at_once=at_once)


def _price_of(resources: Mapping[str, Any], *, at_once: int) -> float | None:
    if "InstanceType" not in resources:
        return None
    return hourly_price({resources["InstanceType"]: resources["InstanceCount"] * at_once})


def list_endpoints(hook: MusherSageMakerHook, *, prefix: str) -> Iterator[Resource]:
    """Give the endpoints, whatever their state."""
    for found in _list(hook.conn, "list_endpoints", name_contains=prefix):
        if found["EndpointName"].startswith(prefix):
            yield Resource(
                kind=ENDPOINT,
                name=found["EndpointName"],
                arn=found["EndpointArn"],
                tags=tags_of(hook, arn=found["EndpointArn"]),
                created_at=found["CreationTime"],
                usd_per_hour=_endpoint_price(hook, name=found["EndpointName"]),
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


def list_versions(hook: MusherSageMakerHook, *, kind: str, prefix: str) -> Iterator[Resource]:
    """Give the endpoint configurations or the models; they cost nothing."""
    for name, arn in hook.list_resources(kind, name_contains=prefix):
        if name.startswith(prefix):
            yield Resource(kind=kind, name=name, arn=arn, tags=tags_of(hook, arn=arn))


def list_functions(hook: MusherLambdaHook, *, prefix: str) -> Iterator[Resource]:
    """Give the functions; those with started environments have a price that is not noted, others none."""
    for page in hook.conn.get_paginator("list_functions").paginate():
        for found in page["Functions"]:
            name, arn = found["FunctionName"], found["FunctionArn"]
            if name.startswith(prefix):
                has_started = bool(list_provisioned(hook, name=name))
                yield Resource(
                    kind=FUNCTION,
                    name=name,
                    arn=arn,
                    tags=tags_of_function(hook, arn=arn),
                    usd_per_hour=None if has_started else 0.0,
                )


def configs_in_use(hook: MusherSageMakerHook, *, prefix: str, gone: Collection[str]) -> set[str]:
    """Return the configurations that endpoints serve or go over to, and those that they can go back to.

    `gone` are the names of endpoints that count as removed.
    """
    pending: list[str] = []
    for found in _list(hook.conn, "list_endpoints", name_contains=prefix):
        name = found["EndpointName"]
        endpoint = hook.find_endpoint(name) if name.startswith(prefix) and name not in gone else None
        if endpoint is not None:
            coming = endpoint.get("PendingDeploymentSummary", {}).get("EndpointConfigName")
            pending += [endpoint["EndpointConfigName"], *([coming] if coming else [])]
    used: set[str] = set()
    while pending:
        name = pending.pop()
        config = None if name in used else hook.find_endpoint_config(name)
        used.add(name)
        if config is not None:
            previous = tags_of(hook, arn=config["EndpointConfigArn"]).get(PREVIOUS_TAG)
            pending += [previous] if previous else []
    return used


def models_in_use(hook: MusherSageMakerHook, *, prefix: str, gone: Collection[str]) -> set[str]:
    """Return the models that configurations name; `gone` are the names of those that count as removed."""
    used: set[str] = set()
    for name, _ in hook.list_resources("EndpointConfig", name_contains=prefix):
        config = hook.find_endpoint_config(name) if name not in gone else None
        for variant in (config or {}).get("ProductionVariants", []):
            used.add(variant.get("ModelName", ""))
    return used


def read_tags(hook: MusherSageMakerHook | MusherLambdaHook, *, arn: str) -> dict[str, str]:
    """Return a resource's tags as they are now; none where it is gone."""
    if isinstance(hook, MusherLambdaHook):
        answer = found_or_none(hook.conn.list_tags, Resource=arn)
        return dict(answer["Tags"]) if answer else {}
    return tags_of(hook, arn=arn) if found_or_none(hook.conn.list_tags, ResourceArn=arn) else {}
