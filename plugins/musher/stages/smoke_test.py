"""Stage: classify three test images through the function, or the endpoint that has none."""

import json
import logging
import time

from airflow.providers.amazon.aws.hooks.lambda_function import LambdaHook
from airflow.sdk import task
from airflow.sdk.exceptions import AirflowException

from musher import names
from musher.errors import LambdaError
from musher.hooks.connection import invoking_lambda_hook, s3_hook
from musher.hooks.objects import download, sign_url
from musher.operators.base import fail_without_retry
from musher.payloads.answers import is_busy, read_answer, read_billed_seconds, was_killed
from musher.payloads.choices import ASYNC
from musher.results import Answer, FunctionResult, Sample, SmokeTestResult, StagedDataset
from musher.stages.run import current_run

logger = logging.getLogger(__name__)


@task(multiple_outputs=False)
def smoke_test(function: FunctionResult | None, dataset: StagedDataset) -> SmokeTestResult:
    """Invoke the function for each sample image; return the answers beside the truth.

    An asynchronous endpoint, which has no function, is asked itself.

    Calls Lambda itself, as the provider's LambdaInvokeFunctionOperator passes a payload whose statusCode
    is 500. Presigned addresses are credentials, so they are made here and never travel through XCom.
    """
    started = time.monotonic()
    if current_run().params["endpoint_kind"] == ASYNC:
        return ask_endpoint(dataset)
    with fail_without_retry(function=function, dataset=dataset):
        assert function is not None  # or the line above has raised
        settings = current_run().settings
        s3, functions = s3_hook(settings), invoking_lambda_hook(settings)
        classes = json.loads(download(s3, uri=dataset["manifest_uri"]))["classes"]
        found = []
        for sample in dataset["samples"]:
            url = sign_url(s3, bucket=names.bucket(settings), key=sample["key"])
            answered = classify_sample(functions, function=function, sample=sample, url=url, classes=classes)
            found.append(answered)
    billed = [seconds for _, seconds in found if seconds is not None]
    return SmokeTestResult(
        status=200,
        answers=[answer for answer, _ in found],
        seconds=round(time.monotonic() - started, 3),
        billed_seconds=round(sum(billed), 3) if len(billed) == len(found) else None,
    )


def ask_endpoint(dataset: StagedDataset) -> SmokeTestResult:
    """Let the run's asynchronous endpoint classify each sample image; return its answers."""
    from musher.stages.async_answers import classify_later

    started = time.monotonic()
    with fail_without_retry(dataset=dataset):
        run = current_run()
        manifest = json.loads(download(s3_hook(run.settings), uri=dataset["manifest_uri"]))
        answers = classify_later(
            run.settings,
            endpoint_name=run.endpoint_name,
            samples=dataset["samples"],
            classes=manifest["classes"],
        )
    return SmokeTestResult(
        status=200, answers=answers, seconds=round(time.monotonic() - started, 3), billed_seconds=None
    )


def classify_sample(
    functions: LambdaHook, *, function: FunctionResult, sample: Sample, url: str, classes: list[str]
) -> tuple[Answer, float | None]:
    """Return the answer of the function's alias for one image at `url`, its truth and the billed seconds.

    Raises what Airflow tries again where the endpoint is busy: users' requests may take all that a serverless
    one works on at the same time, and no model is at fault for that. So, too, where the function's
    environment was killed: one that needs more memory than it has is killed each time.
    """
    function_name = function["function_name"]
    response = functions.invoke_lambda(
        function_name=function_name,
        qualifier=function["alias"],
        log_type="Tail",
        payload=json.dumps({"url": url}),
    )
    payload = response["Payload"].read().decode()
    if "FunctionError" in response and was_killed(payload):
        raise AirflowException(
            f"The environment of function {function_name} was killed on {sample['key']}: {payload}. Where "
            f"that happens again, log group {names.function_log_group(function_name)} shows its memory."
        )
    if "FunctionError" in response:
        raise LambdaError(
            f"Function {function_name} failed on {sample['key']}: {payload}. "
            f"See log group {names.function_log_group(function_name)}."
        )
    if is_busy(payload):
        raise AirflowException(
            f"Function {function_name} says on {sample['key']} that the endpoint is busy, or not ready yet. "
            "Where that stays so, raise serverless_concurrency or the number of instances."
        )
    answer = read_answer(payload=payload, classes=classes)
    logger.info(
        "%s: %s is %s, predicted %s", function_name, sample["key"], sample["truth"], answer["predicted"]
    )
    return Answer(image=sample["key"], truth=sample["truth"], **answer), read_billed_seconds(response)
