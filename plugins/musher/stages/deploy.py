"""Stage: put the approved model behind an endpoint."""

from airflow.sdk import task

from musher import names
from musher.operators.base import fail_without_retry
from musher.operators.endpoints import DeployEndpointOperator
from musher.payloads.endpoints import EndpointPlan, build_endpoint
from musher.results import EndpointResult, Evaluation, Request, ServingImage
from musher.stages.groups import output_of, stage_group
from musher.stages.run import current_run


@stage_group()
def deploy(evaluation: Evaluation, image: ServingImage) -> EndpointResult:
    """Deploy the model that `evaluate` approved in the serving image that `build_image` found or made.

    Return the endpoint's name, instances and seconds.
    """
    operator = DeployEndpointOperator(task_id="run_endpoint", config=request_endpoint(evaluation, image))
    return output_of(operator, EndpointResult)


@task(multiple_outputs=False)
def request_endpoint(evaluation: Evaluation, image: ServingImage) -> Request:
    """Return the CreateModel, CreateEndpointConfig and CreateEndpoint requests."""
    with fail_without_retry(evaluation=evaluation, image=image):
        run = current_run()
        plan = EndpointPlan(
            model_name=names.model(run.settings, slug=run.slug),
            endpoint_config_name=names.endpoint_config(run.settings, slug=run.slug),
            endpoint_name=names.endpoint(run.settings, slug=run.slug),
            image=image["uri"],
            model_uri=evaluation["model_uri"],
            instance_type=run.params["endpoint_instance_type"],
            instance_count=run.params["endpoint_instance_count"],
            tags=run.tags,
        )
        return build_endpoint(run.settings, plan=plan)
