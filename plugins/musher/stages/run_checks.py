"""What a run's Params and data contradict, what AWS would refuse of them, and what the run may cost."""

import math
from collections.abc import Sequence

from musher import names
from musher.costs.instances import advise_parts
from musher.costs.prices import Use
from musher.errors import PayloadError
from musher.hooks.connection import s3_hook, sagemaker_hook
from musher.hooks.endpoints import release_of
from musher.hooks.objects import has_objects
from musher.params.deployment import HUMAN
from musher.params.model import IMAGE_SIZES
from musher.payloads.autoscaling import check_scaling, plan_scaling
from musher.payloads.choices import (
    ASYNC,
    CHALLENGER,
    MAX_CHALLENGER_PERCENT,
    SERVERLESS,
    TEST_SPLIT,
    WORKER,
)
from musher.payloads.concurrency import find_contradictions
from musher.payloads.function_scaling import find_contradictions as find_contradictions_of_scaling
from musher.payloads.processing import SPARE_S
from musher.payloads.schedules import build_actions, highest
from musher.payloads.shadows import count_instances, find_obstacle
from musher.payloads.step_scaling import read_steps
from musher.payloads.training import check_time_limits
from musher.payloads.tuning import IN_JOB, STRATEGIES, as_grid, unsuitable_batches
from musher.payloads.updates import check_policy
from musher.results import Params
from musher.stages.account_checks import account_checks
from musher.stages.checks import Check
from musher.stages.ec2_checks import list_ec2_checks
from musher.stages.endpoint_plan import update_policy
from musher.stages.jobs import (
    Result,
    contradictory_options,
    find_chosen_weights,
    image_channels,
    plan_ranges,
    spot_wait_s,
)
from musher.stages.kind_checks import other_kind, unsuitable_kind
from musher.stages.load_job_plan import find_contradictions as find_contradictions_of_load
from musher.stages.run import Run


def list_checks(run: Run, *, dataset: Result) -> list[Check]:
    """Return all that is looked at: of the run, of what serves, then of the account."""
    serving = Check(about="live endpoint", look=lambda: other_kind(run))
    return [*run_checks(run, dataset=dataset), serving, *_ec2(run, dataset=dataset), *_account(run)]


def _ec2(run: Run, *, dataset: Result) -> list[Check]:
    """Return what is looked at where the run trains on EC2, too; features would add to the data."""
    if not run.params["train_on_ec2"]:
        return []
    channels = image_channels(dataset, None)
    return list_ec2_checks(run.settings, run.params, channels=channels)


def run_checks(run: Run, *, dataset: Result) -> list[Check]:
    """Return what is seen from Params and data alone, and the weights; names are judged before staging."""

    def weights() -> Sequence[str]:
        find_chosen_weights(run)
        return ()

    def limits() -> Sequence[str]:
        check_time_limits(max_runtime_s=run.params["max_runtime_s"], max_wait_s=spot_wait_s(run.params))
        return ()

    return [
        Check(about="weights", look=weights),
        Check(about="numbers", look=lambda: endless_numbers(run.params)),
        Check(about="options", look=lambda: contradictory_options(run.params)),
        Check(about="time limits", look=limits),
        Check(about="image size", look=lambda: unsuitable_size(run.params)),
        Check(about="approval", look=lambda: unattended_approval(run)),
        Check(about="endpoint kind", look=lambda: unsuitable_kind(run)),
        Check(about="update", look=lambda: check_update(run.params)),
        Check(about="shadow", look=lambda: unsuitable_shadow(run)),
        Check(about="concurrency", look=lambda: find_contradictions(run.params)),
        Check(about="scaling of the function", look=lambda: find_contradictions_of_scaling(run.params)),
        Check(about="scaling", look=lambda: unsuitable_scaling(run.params)),
        Check(about="weights' bucket", look=lambda: foreign_weights(run)),
        Check(about="batch", look=lambda: foreign_batch(run)),
        Check(about="load test", look=lambda: find_contradictions_of_load(run.settings, run.params)),
        Check(about="tuning", look=lambda: check_tuning(run, dataset=dataset)),
    ]


def endless_numbers(params: Params) -> list[str]:
    """Return a sentence for each value that is no finite number: NaN passes every bound of a schema."""
    found = [name for name, value in params.items() if isinstance(value, float) and not math.isfinite(value)]
    return [f"{name} is {params[name]}, which nothing can be held against. Write a number." for name in found]


def unsuitable_size(params: Params) -> list[str]:
    """Return a sentence where the network cannot take images of the size wanted."""
    architecture, size = params["architecture"], params["image_size"]
    least, step = IMAGE_SIZES[architecture]
    if size >= least and size % step == 0:
        return []
    wanted = f"multiples of {step} from {least}" if step > 1 else f"sizes from {least}"
    nearest = max(least, round(size / step) * step)
    return [f"image_size is {size}, but {architecture} takes {wanted} pixels. Choose {nearest}."]


def check_update(params: Params) -> Sequence[str]:
    """Raise PayloadError where AWS would refuse the way in which the live endpoint is updated."""
    if params["endpoint_kind"] == SERVERLESS:  # kind_checks has a sentence of its own
        return ()
    check_policy(update_policy(params, alarms=()), instances=params["endpoint_instance_count"])
    return ()


def unsuitable_shadow(run: Run) -> list[str]:
    """Return a sentence where a model can be no shadow or challenger: in a trial, or with what serves."""
    percent, role = run.params["comparison_percent"], run.params["comparison_role"]
    if not percent:
        return []
    if not run.is_live:
        return [
            f"comparison_percent is {percent} and lifetime is trial, whose endpoint nobody asks: there is "
            "nothing to compare with. Set comparison_percent to 0, or lifetime to live."
        ]
    if role == CHALLENGER and percent > MAX_CHALLENGER_PERCENT:
        return [
            f"comparison_percent is {percent} and comparison_role is challenger, which answers "
            f"{MAX_CHALLENGER_PERCENT} percent at most. Choose less, or the role shadow."
        ]
    hook = sagemaker_hook(run.settings)
    endpoint = hook.find_endpoint(run.endpoint_name)
    release = release_of(hook, config_name=endpoint["EndpointConfigName"]) if endpoint else None
    serving = hook.find_endpoint_config(release) if release else None
    kind = run.params["endpoint_kind"]
    variant = {"InstanceType": run.params["endpoint_instance_type"], "ServerlessConfig": kind == SERVERLESS}
    new = {"ProductionVariants": [variant], "AsyncInferenceConfig": kind == ASYNC}
    planned = (("the new model", new), (run.endpoint_name, serving))
    found = [(what, find_obstacle(config, role=role)) for what, config in planned if config]
    return [
        f"comparison_percent is {percent}, and {what} can have no {role}: {obstacle}. Set it to 0."
        for what, obstacle in found
        if obstacle
    ]


def unattended_approval(run: Run) -> list[str]:
    """Return a sentence where a person's approval would be waited for by a command that does nothing else."""
    if run.params["approval"] != HUMAN or not run.is_test:
        return []
    return [
        "approval is human, and `airflow dags test` would wait for days until somebody approves. Choose "
        "automatic, or trigger the DAG where a scheduler and a triggerer run."
    ]


def unsuitable_scaling(params: Params) -> Sequence[str]:
    """Raise PayloadError where the endpoint cannot scale so; return a sentence where it would at once."""
    if params["endpoint_kind"] == SERVERLESS:
        return []
    check_scaling(plan_scaling(params, endpoint_name="any"))
    build_actions(params["autoscale_schedule"], endpoint_name="any")
    read_steps(params["autoscale_steps"])
    least, most, first = (
        params[name] for name in ("autoscale_min", "autoscale_max", "endpoint_instance_count")
    )
    if params["autoscale_steps"] and least == most and not params["autoscale_schedule"]:
        return [
            f"autoscale_steps adds instances, and autoscale_min and autoscale_max are both {most}: nothing "
            "scales. Raise autoscale_max, or leave the steps out."
        ]
    if least <= first <= most:
        return []
    return [
        f"endpoint_instance_count is {first}, outside {least} to {most} (autoscale_min, autoscale_max): "
        "the endpoint would scale as soon as it serves. Choose a number between both."
    ]


def foreign_weights(run: Run) -> list[str]:
    """Return a sentence where the jobs' role may not read the bucket of the weights."""
    return foreign_bucket(run, param="weights_uri", what="weights")


def foreign_bucket(run: Run, *, param: str, what: str) -> list[str]:
    """Return a sentence where the jobs' role may not read the bucket that a Param's address names."""
    uri = run.params[param]
    if not uri:
        return []
    bucket, _ = names.split_s3_uri(uri)
    if bucket in (names.bucket(run.settings), *run.settings.source_buckets):
        return []
    return [
        f"{param} is {uri}: the jobs may read {names.bucket(run.settings)} and MUSHER_SOURCE_BUCKETS "
        f"({', '.join(run.settings.source_buckets) or 'none'}) only. Copy the {what} there, or name "
        f"{bucket} in MUSHER_SOURCE_BUCKETS and in the stack's parameter SourceBucketArns."
    ]


def foreign_batch(run: Run) -> list[str]:
    """Return a sentence where the images to classify in one go cannot be read, or are none."""
    uri = run.params["batch_input"]
    if uri in (None, TEST_SPLIT):
        return []
    if found := foreign_bucket(run, param="batch_input", what="images"):
        return found
    if has_objects(s3_hook(run.settings).get_conn(), uri=uri):
        return []
    return [f"batch_input is {uri}, and there is no object whose address begins so. Correct it."]


def check_tuning(run: Run, *, dataset: Result) -> list[str]:
    """Return what the tuning Params contradict, and what the data cannot fill."""
    strategy = run.params["tuning_strategy"]
    if strategy == "none":
        images, instances = dataset["images"]["train"], run.params["instance_count"]
        return unsuitable_batches(
            "batch_size", [run.params["batch_size"]], images=images, instances=instances
        )
    problems = []
    if strategy == IN_JOB and not run.params["freeze_backbone"]:
        problems.append(
            "tuning_strategy in_job makes its trials on a frozen backbone's features. "
            "Set freeze_backbone, or choose Random, Bayesian, Grid or Hyperband."
        )
    try:
        ranges = plan_ranges(run, dataset=dataset)
        if strategy == "Grid":
            as_grid(ranges, trials=run.params["tuning_trials"])
    except PayloadError as error:
        problems.append(str(error))
    return problems


def describe_waiting(params: Params) -> str | None:
    """Return a sentence where training's instances would wait in each step; tuning chooses batches.

    Training on a frozen backbone's features has no parts, finetuning after it has those of any training.
    """
    has_no_parts = params["freeze_backbone"] and not params["finetune_epochs"]
    if has_no_parts or params["tuning_strategy"] != "none":
        return None
    return advise_parts(
        architecture=params["architecture"],
        instances=params["instance_count"],
        batch_size=params["batch_size"],
        micro_batch_size=params["micro_batch_size"],
    )


def list_uses(params: Params) -> list[Use]:
    """Return what a run pays for, each job by its time limit."""
    limit_s = float(spot_wait_s(params) or params["max_runtime_s"])
    job = {"instance_type": params["instance_type"], "max_s": limit_s}
    uses = [Use(what="train", instances=int(params["instance_count"]), **job)]
    if params["freeze_backbone"]:
        uses.insert(0, Use(what="embed", instances=int(params["instance_count"]), **job))
    if params["tuning_strategy"] in STRATEGIES:
        uses.append(Use(what="tune", instances=int(params["tuning_trials"]), **job))
    elif params["tuning_strategy"] == IN_JOB:
        uses.append(Use(what="tune", instances=1, **job))
    if params["train_on_ec2"]:
        limit_s = float(params["max_runtime_s"])
        name = str(params["ec2_instance_type"])
        uses.append(Use(what="train on EC2", instance_type=name, instances=1, max_s=limit_s))
    endpoint = {"instance_type": params["endpoint_instance_type"]}
    if params["batch_input"]:
        instances = int(params["endpoint_instance_count"])
        uses.append(Use(what="batch", instances=instances, max_s=float(params["max_runtime_s"]), **endpoint))
    if params["load_test_on"] != WORKER:
        limit_s = float(params["load_test_s"] + SPARE_S)
        uses.append(Use(what="load", instance_type=params["load_test_on"], instances=1, max_s=limit_s))
    if percent := params["comparison_percent"]:
        instances = count_instances(production=int(params["endpoint_instance_count"]), percent=percent)
        uses.append(Use(what="shadow", instances=instances, max_s=float(params["comparison_s"]), **endpoint))
    if params["endpoint_kind"] == SERVERLESS:  # costs by the request, which nobody knows before
        return uses
    most = highest(params["autoscale_schedule"], most=int(params["autoscale_max"]))
    return [*uses, Use(what="endpoint", instances=most, **endpoint)]


def _account(run: Run) -> list[Check]:
    return [Check(about=about, look=look) for about, look in account_checks(run.settings, run.params)]
