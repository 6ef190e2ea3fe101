"""What an endpoint of one kind cannot have of another's, and what a live endpoint cannot become.

https://docs.aws.amazon.com/sagemaker/latest/dg/serverless-endpoints.html (its exclusions)
"""

from collections.abc import Iterable

from musher import names
from musher.errors import PayloadError
from musher.hooks.connection import sagemaker_hook
from musher.hooks.endpoints import find_kind
from musher.params.form import FORM
from musher.params.function import FUNCTION
from musher.params.scaling import SCALING
from musher.payloads.choices import ALL_AT_ONCE, ASYNC, SERVERLESS
from musher.payloads.endpoint_kinds import check_kind, plan_kind
from musher.results import Params
from musher.settings import Settings
from musher.stages.run import Run

SERVERLESS_PARAMS = ("serverless_memory_mb", "serverless_concurrency", "serverless_provisioned")
ASYNC_PARAMS = ("async_concurrency",)
INSTANCE_PARAMS = ("endpoint_instance_type", "endpoint_instance_count")


def unsuitable_kind(run: Run) -> list[str]:
    """Return a sentence for each Param and setting that the run's kind of endpoint cannot have.

    Raises PayloadError where its own numbers are wrong.
    """
    check_kind(plan_kind(run.params))
    kind = run.params["endpoint_kind"]
    problems = list(unused_params(run.params))
    if kind == SERVERLESS:
        problems += serverless_problems(run)
    if kind == ASYNC and run.params["load_test_s"]:
        problems.append(
            f"load_test_s is {run.params['load_test_s']}, and endpoint_kind is async: the load test measures "
            "answers that come at once. Set it to 0, or choose realtime."
        )
    return problems


def unused_params(params: Params) -> Iterable[str]:
    """Yield a sentence for each Param that was changed and that the kind does nothing with."""
    kind = params["endpoint_kind"]
    unused = {name: "is for serverless endpoints" for name in SERVERLESS_PARAMS if kind != SERVERLESS}
    if kind != ASYNC:
        unused |= dict.fromkeys(ASYNC_PARAMS, "is for asynchronous endpoints")
    if kind == ASYNC:
        unused |= dict.fromkeys(FUNCTION, "is for the function, which an asynchronous endpoint has none of")
    if kind == SERVERLESS:
        unused |= dict.fromkeys(SCALING, "is for instances, which a serverless endpoint has none of")
        if not params["batch_input"]:  # whose job takes instances of the same type
            unused |= dict.fromkeys(INSTANCE_PARAMS, "is for instances, of which the run has none that serve")
    for name, why in unused.items():
        if params[name] != (default := FORM[name].value):
            yield (
                f"{name} is {params[name]}, which {why}, and endpoint_kind is {kind}. Leave it at {default}, "
                "or choose another kind."
            )


def serverless_problems(run: Run) -> Iterable[str]:
    """Yield a sentence for each thing that AWS excludes from serverless endpoints."""
    params = run.params
    if params["update_policy"] != ALL_AT_ONCE:
        yield (
            f"update_policy is {params['update_policy']}, which shifts a part of the instances, and a "
            f"serverless endpoint has none. Choose {ALL_AT_ONCE}."
        )
    if params["capture_percent"]:
        yield (
            f"capture_percent is {params['capture_percent']}, and a serverless endpoint captures nothing. "
            "Set it to 0, or choose realtime."
        )
    yield from excluded_settings(run.settings)


def excluded_settings(settings: Settings) -> Iterable[str]:
    """Yield a sentence for each setting of the installation that serverless endpoints exclude."""
    if settings.subnets:
        yield (
            f"MUSHER_SUBNETS is {','.join(settings.subnets)}, and a serverless endpoint cannot be in a VPC. "
            "Choose realtime or async, or leave the subnets out."
        )
    if settings.isolate_network:
        yield (
            "MUSHER_ISOLATE_NETWORK is set, and AWS isolates no serverless endpoint. Choose realtime or "
            "async, or leave it out."
        )


def other_kind(run: Run) -> list[str]:
    """Return a sentence where the live endpoint is of another kind: no update may change that.

    AWS refuses to make one with instances serverless, and could not put back one that was. Between the other
    two, users would have to ask otherwise from one moment to the next.
    """
    if not run.is_live:
        return []
    name, wanted = names.live_endpoint(run.settings), run.params["endpoint_kind"]
    found = find_kind(sagemaker_hook(run.settings), name=name)
    if found in (None, wanted):
        return []
    return [
        f"endpoint_kind is {wanted}, and {name} is {found}: an update changes no endpoint's kind. Choose "
        f"{found}, or run retire_deployment first, after which nothing serves until this run has deployed."
    ]


def refuse_other_kind(run: Run) -> None:
    """Raise PayloadError where the live endpoint has become one of another kind since preflight."""
    if problems := other_kind(run):
        raise PayloadError(problems[0])
