"""Stage: classify three test images through the function."""

import json
import logging
import time

from airflow.sdk import task

from musher import names
from musher.errors import LambdaError
from musher.hooks.connection import invoking_lambda_hook, s3_hook
from musher.hooks.objects import download
from musher.operators.base import fail_without_retry
from musher.payloads.answers import read_answer, read_billed_seconds
from musher.results import Answer, FunctionResult, Sample, SmokeTestResult, StagedDataset
from musher.settings import Settings
from musher.stages.run import current_run

logger = logging.getLogger(__name__)

URL_EXPIRES_S = 900


@task(multiple_outputs=False)
def smoke_test(function: FunctionResult, dataset: StagedDataset) -> SmokeTestResult:
    """Invoke the function for each sample image; return the answers beside the truth.

    Calls Lambda itself, as the provider's LambdaInvokeFunctionOperator passes a payload whose statusCode
    is 500. Presigned addresses are credentials, so they are made here and never travel through XCom.
    """
    started = time.monotonic()
    with fail_without_retry(function=function, dataset=dataset):
        settings = current_run().settings
        classes = json.loads(download(s3_hook(settings), uri=dataset["manifest_uri"]))["classes"]
        found = [
            classify_sample(settings, function_name=function["function_name"], sample=sample, classes=classes)
            for sample in dataset["samples"]
        ]
    billed = [seconds for _, seconds in found if seconds is not None]
    return SmokeTestResult(
        status=200,
        answers=[answer for answer, _ in found],
        seconds=round(time.monotonic() - started, 3),
        billed_seconds=round(sum(billed), 3) if len(billed) == len(found) else None,
    )


def classify_sample(
    settings: Settings, *, function_name: str, sample: Sample, classes: list[str]
) -> tuple[Answer, float | None]:
    """Return the function's answer for one image, its truth and the billed seconds."""
    url = s3_hook(settings).generate_presigned_url(
        "get_object",
        params={"Bucket": names.bucket(settings), "Key": sample["key"]},
        expires_in=URL_EXPIRES_S,
    )
    response = invoking_lambda_hook(settings).invoke_lambda(
        function_name=function_name, log_type="Tail", payload=json.dumps({"url": url})
    )
    payload = response["Payload"].read().decode()
    if "FunctionError" in response:
        raise LambdaError(
            f"Function {function_name} failed on {sample['key']}: {payload}. "
            f"See log group {names.function_log_group(function_name)}."
        )
    answer = read_answer(payload=payload, classes=classes)
    logger.info(
        "%s: %s is %s, predicted %s", function_name, sample["key"], sample["truth"], answer["predicted"]
    )
    return Answer(image=sample["key"], truth=sample["truth"], **answer), read_billed_seconds(response)
