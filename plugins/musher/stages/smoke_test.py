"""Stage: classify three test images through the function."""

import json
import logging
import time
from typing import Any

from airflow.sdk import task

from musher import names
from musher.errors import LambdaError
from musher.hooks.connection import invoking_lambda_hook, s3_hook
from musher.hooks.objects import download
from musher.operators.base import fail_without_retry
from musher.payloads.answers import read_answer, read_billed_seconds
from musher.settings import Settings
from musher.stages.run import current_run

logger = logging.getLogger(__name__)

URL_EXPIRES_S = 900


@task(multiple_outputs=False)
def smoke_test(function: dict[str, Any], dataset: dict[str, Any]) -> dict[str, Any]:
    """Invoke the function for each sample image; return the answers beside the truth.

    Calls Lambda itself, as the provider's LambdaInvokeFunctionOperator passes a payload whose statusCode
    is 500. Presigned addresses are credentials, so they are made here and never travel through XCom.
    """
    started = time.monotonic()
    with fail_without_retry():
        settings = current_run().settings
        classes = json.loads(download(s3_hook(settings), uri=dataset["manifest_uri"]))["classes"]
        answers = [
            ask(settings, function_name=function["function_name"], sample=sample, classes=classes)
            for sample in dataset["samples"]
        ]
    billed = [answer.pop("billed_seconds") for answer in answers]
    return {
        "status": 200,
        "answers": answers,
        "seconds": round(time.monotonic() - started, 3),
        "billed_seconds": None if None in billed else round(sum(billed), 3),
    }


def ask(
    settings: Settings, *, function_name: str, sample: dict[str, str], classes: list[str]
) -> dict[str, Any]:
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
    billed_seconds = read_billed_seconds(response)
    return {"image": sample["key"], "truth": sample["truth"], **answer, "billed_seconds": billed_seconds}
