"""Stages of smoke_test_lambda: what is live is asked about images that are known."""

import json
import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from airflow.sdk import task
from airflow.sdk.exceptions import AirflowSkipException
from botocore.exceptions import ClientError

from musher import names
from musher.errors import LambdaError
from musher.hooks.concurrency import read_reserved
from musher.hooks.connection import MAX_AT_ONCE, invoking_lambda_hook, lambda_hook, s3_hook, sagemaker_hook
from musher.hooks.endpoints import find_kind
from musher.hooks.functions import MusherLambdaHook
from musher.hooks.objects import download, sign_url
from musher.hooks.registry import data_hash_of, find_served_package
from musher.hooks.releases import read_endpoint
from musher.operators.base import fail_without_retry
from musher.payloads.choices import ASYNC
from musher.payloads.probes import ANSWERED, is_foreseen, judge_probe
from musher.results import Answer, KnownImage, ProbeResult
from musher.settings import Settings
from musher.stages.run import Run, current_run

logger = logging.getLogger(__name__)

ROUNDS = 3
"""Requests that did not meet each other, or met those of users, are sent again."""

PAUSE_S = 2.0


@task(multiple_outputs=False)
def find_known_images() -> list[KnownImage]:
    """Return test images of the data that the live model was trained with; skip where nothing is live."""
    from musher.datasets.manifest import FILE_NAME, choose_samples, parse_manifest
    from musher.datasets.staged import SAMPLES, sample_name  # obstore is no business of the DAG's parse

    with fail_without_retry():
        settings = current_run().settings
        folder = names.dataset_prefix(settings, data_hash=find_data_hash(settings))
        uri = names.s3_uri(settings, key=f"{folder}/{FILE_NAME}")
        manifest = parse_manifest(download(s3_hook(settings), uri=uri), address=uri)
        return [
            KnownImage(key=f"{folder}/{sample_name(image)}", truth=image.class_name, manifest_uri=uri)
            for image in choose_samples(manifest, count=SAMPLES)
        ]


def find_data_hash(settings: Settings) -> str:
    """Return the hash of the live model's data; LambdaError where only a part is live or nothing tells it.

    Not the newest data set that is staged: a trial may have staged one of other classes since.
    """
    hook, name = sagemaker_hook(settings), names.live_function(settings)
    endpoint = read_endpoint(hook, name=names.live_endpoint(settings))
    has_function = lambda_hook(settings).find_function(name) is not None
    if endpoint is None and not has_function:
        raise AirflowSkipException("nothing is live: run operationalize_model")
    if endpoint is not None and not has_function and find_kind(hook, name=endpoint.name) == ASYNC:
        raise AirflowSkipException(f"{endpoint.name} is asynchronous: there is no function before it")
    if endpoint is None or not has_function:
        missing = name if endpoint else names.live_endpoint(settings)
        raise LambdaError(f"There is no {missing}, and the other half is live. Run operationalize_model.")
    package = find_served_package(hook, config_name=endpoint.config_name)
    found = data_hash_of(package)
    if found is None:
        raise LambdaError(
            f"No version in the model registry says which data the model of {endpoint.config_name} was "
            "trained with, so no image is known. Run operationalize_model again."
        )
    return found


@task(multiple_outputs=False)
def judge_answers(answers: list[Answer]) -> int:
    """Return how many answers are right; LambdaError where those are too few."""
    with fail_without_retry(answers=answers):
        run, found = current_run(), list(answers)
        least = run.params["min_right"]
        right = sum(answer["predicted"] == answer["truth"] for answer in found)
        if right < least:
            tell_failure(run)
            said = "; ".join(f"{a['image']} is {a['truth']}, predicted {a['predicted']}" for a in found)
            raise LambdaError(
                f"{right} of {len(found)} answers are right, and min_right is {least}: {said}. If the model "
                "is wrong, run the DAG roll_back."
            )
        return right


@task(multiple_outputs=False)
def probe_concurrency(images: list[KnownImage]) -> ProbeResult:
    """Send one request more than is reserved, all at once; LambdaError unless exactly one is throttled.

    Skipped where nothing is reserved, more than MAX_AT_ONCE - 1, or the Param says so.
    """
    started = time.monotonic()
    with fail_without_retry(images=images):
        run = current_run()
        name, hook = names.live_function(run.settings), invoking_lambda_hook(run.settings)
        reserved = read_reserved(hook, name=name)
        if not run.params["probe_concurrency"] or reserved is None or reserved >= MAX_AT_ONCE:
            raise AirflowSkipException(f"not probed: {reserved} reserved")
        url = sign_url(s3_hook(run.settings), bucket=names.bucket(run.settings), key=images[0]["key"])
        try:
            rounds = probe(hook, name=name, payload=json.dumps({"url": url}), reserved=reserved)
        except LambdaError:
            tell_failure(run)
            raise
    return ProbeResult(reserved=reserved, rounds=rounds, seconds=round(time.monotonic() - started, 3))


def tell_failure(run: Run) -> None:
    """Tell CloudWatch that the live function is not as it must be, where that is wanted."""
    from musher.hooks.canary import publish  # no business of the DAG's parse
    from musher.payloads.canary import Sighting

    if run.params["publish_metrics"]:
        publish(run.settings, Sighting(is_good=False))


def probe(hook: MusherLambdaHook, *, name: str, payload: str, reserved: int) -> int:
    """Return in which round all was as it must be; raise LambdaError where none was so."""
    for number in range(1, ROUNDS + 1):
        outcomes = ask_at_once(hook, name=name, payload=payload, count=reserved + 1)
        wrong = judge_probe(outcomes, reserved=reserved)
        if wrong is None:
            logger.info("%s: %d answered, one throttled", name, reserved)
            return number
        if not is_foreseen(outcomes):
            break
        logger.warning("%s: %s", name, wrong)
        time.sleep(PAUSE_S)
    raise LambdaError(
        f"The reserved concurrency of {name} does not hold as it must: {wrong}. Where fewer are answered, "
        "users take the rest: raise function_reserved. Else read the log groups of function and endpoint."
    )


def ask_at_once(hook: MusherLambdaHook, *, name: str, payload: str, count: int) -> list[str]:
    """Return the outcome of each of `count` invocations that begin together."""
    client: Any = hook.conn
    start = threading.Barrier(count)

    def ask(_: int) -> str:
        start.wait()
        try:
            answer = client.invoke(FunctionName=name, Qualifier=names.LIVE_ALIAS, Payload=payload)
        except ClientError as error:
            return str(error.response.get("Reason") or error.response["Error"]["Code"])
        return read_outcome(answer["Payload"].read().decode(), error=answer.get("FunctionError"))

    with ThreadPoolExecutor(max_workers=count) as pool:
        return list(pool.map(ask, range(count)))


def read_outcome(payload: str, *, error: str | None) -> str:
    """Return ANSWERED for statusCode 200; else its number, or what the function failed with."""
    if error:
        return f"{error}: {payload}"
    status = json.loads(payload).get("statusCode")
    return ANSWERED if status == 200 else f"statusCode {status}"
