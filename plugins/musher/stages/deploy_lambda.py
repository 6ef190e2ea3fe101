"""Stage: put a Lambda function before the endpoint."""

from airflow.sdk import task

from musher import names
from musher.hooks.connection import s3_hook
from musher.hooks.objects import upload_once
from musher.operators.base import fail_without_retry
from musher.operators.functions import DeployFunctionOperator
from musher.results import EndpointResult, FunctionResult, Request
from musher.stages.groups import output_of, stage_group
from musher.stages.run import current_run


@stage_group()
def deploy_lambda(endpoint: EndpointResult) -> FunctionResult:
    """Deploy the function that calls `endpoint`; return its name, alias, versions and seconds.

    None where the endpoint is asynchronous: the function waits for an answer, which AWS does not give there.
    """
    operator = DeployFunctionOperator(
        task_id="run_function", config=request_function(endpoint), alias=names.LIVE_ALIAS
    )
    return output_of(operator, FunctionResult)


@task(multiple_outputs=False)
def request_function(endpoint: EndpointResult) -> Request | None:
    """Upload the function's code, named by its hash; return its request, concurrency, shift and scaling.

    None where there is to be no function.
    """
    from musher.packaging import pack_function  # requests are no business of the DAG's parse
    from musher.payloads.choices import ASYNC
    from musher.payloads.concurrency import build_concurrency
    from musher.payloads.function_scaling import build_scaling
    from musher.payloads.functions import FunctionPlan, build_function
    from musher.payloads.shifts import build_shift

    with fail_without_retry(endpoint=endpoint):
        run = current_run()
        if run.params["endpoint_kind"] == ASYNC:
            return None
        archive = pack_function(folder=run.settings.lambda_dir)
        key = names.function_key(run.settings, code_hash=archive.code_hash)
        upload_once(s3_hook(run.settings), run.settings, key=key, data=archive.body)
        plan = FunctionPlan(
            name=run.function_name,
            code_key=key,
            endpoint_name=endpoint["name"],
            tags=run.deployment_tags,
        )
        return {
            "Function": build_function(run.settings, plan=plan),
            "Concurrency": build_concurrency(run.params),
            "Shift": build_shift(run.params) if run.is_live else None,
            "Scaling": build_scaling(run.params) if run.is_live else None,
        }
