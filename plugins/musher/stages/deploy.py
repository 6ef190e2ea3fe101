"""Stage: put the approved model behind an endpoint, the one that stays or one of the run's own."""

from typing import Any

from airflow.sdk import task

from musher.hooks.connection import sagemaker_hook
from musher.operators.base import fail_without_retry
from musher.operators.endpoints import DeployEndpointOperator
from musher.operators.shadows import WatchShadowOperator
from musher.results import EndpointResult, Request, ServingImage, Verdict
from musher.shadow_results import ShadowResult
from musher.stages.groups import output_of, stage_group
from musher.stages.run import current_run


@stage_group()
def deploy(verdict: Verdict, image: ServingImage) -> tuple[ShadowResult, EndpointResult]:
    """Deploy the model that `gate` approved in the serving image that `build_image` found or made.

    Where `comparison_percent` asks for it, the model first works beside what serves. Return how it did
    there, and the endpoint's name, its configuration and the one before, instances and seconds.
    """
    request: Any = request_endpoint(verdict, image)
    shadow = WatchShadowOperator(task_id="watch_shadow", config=request)
    operator = DeployEndpointOperator(task_id="run_endpoint", config=request)
    shadow >> operator
    return output_of(shadow, ShadowResult), output_of(operator, EndpointResult)


@task(multiple_outputs=False)
def request_endpoint(verdict: Verdict, image: ServingImage) -> Request:
    """Return the CreateModel, CreateEndpointConfig and CreateEndpoint requests, and what an update needs."""
    from musher.payloads.endpoint_kinds import plan_kind  # requests are no business of the DAG's parse
    from musher.payloads.endpoints import EndpointPlan, build_endpoint
    from musher.stages.endpoint_plan import check_approved, name_version, request_shadow, request_update
    from musher.stages.kind_checks import refuse_other_kind

    with fail_without_retry(verdict=verdict, image=image):
        run = current_run()
        check_approved(sagemaker_hook(run.settings), package_arn=verdict["package_arn"])
        refuse_other_kind(run)
        version = name_version(run, model_uri=verdict["model_uri"], image_uri=image["uri"])
        plan = EndpointPlan(
            model_name=version,
            endpoint_config_name=version,
            endpoint_name=run.endpoint_name,
            image=image["uri"],
            model_uri=verdict["model_uri"],
            package_arn=verdict["package_arn"],
            instance_type=run.params["endpoint_instance_type"],
            instance_count=run.params["endpoint_instance_count"],
            kind=plan_kind(run.params),
            capture_percent=run.params["capture_percent"],
            tags=run.deployment_tags,
        )
        request = build_endpoint(run.settings, plan=plan)
        update = request_update(run, config_name=version)
        return {**request, **update, "Shadow": request_shadow(run)}
