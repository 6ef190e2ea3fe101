"""Ask an asynchronous endpoint about images in S3, and wait for its answers there."""

import logging
import time
from collections.abc import Mapping
from typing import Any

from musher import names
from musher.errors import EndpointError
from musher.hooks.connection import runtime_hook, s3_hook
from musher.hooks.objects import download, has_object, upload
from musher.payloads.answers import read_logits
from musher.results import Answer, Sample
from musher.settings import Settings

logger = logging.getLogger(__name__)

MAX_WAIT_S = 1800.0
"""For all answers together: an endpoint that sleeps needs minutes for its first instance."""


def classify_later(
    settings: Settings, *, endpoint_name: str, samples: list[Sample], classes: list[str]
) -> list[Answer]:
    """Return the endpoint's answers beside the truth; EndpointError for one that fails or is late."""
    asked = [(sample, ask(settings, endpoint_name=endpoint_name, sample=sample)) for sample in samples]
    deadline = time.monotonic() + MAX_WAIT_S
    answers = []
    for sample, places in asked:
        body = wait_for_answer(settings, places=places, deadline=deadline)
        answer = read_logits(body, classes=classes)
        logger.info(
            "%s: %s is %s, predicted %s", endpoint_name, sample["key"], sample["truth"], answer["predicted"]
        )
        answers.append(Answer(image=sample["key"], truth=sample["truth"], **answer))
    return answers


def ask(settings: Settings, *, endpoint_name: str, sample: Sample) -> Mapping[str, Any]:
    """Let a request wait; return InvokeEndpointAsync's answer, which says where its own will be.

    The image is copied to where the endpoint's role may read: it reads no data set.
    """
    hook = s3_hook(settings)
    stored = hook.get_conn().get_object(Bucket=names.bucket(settings), Key=sample["key"])
    folder = names.async_key(settings, folder="inputs", endpoint_name=endpoint_name)
    location = upload(
        hook,
        settings,
        key=f"{folder}/{sample['key'].removeprefix(f'{settings.project}/')}",
        data=stored["Body"].read(),
        content_type=stored["ContentType"],
    )
    answer: Mapping[str, Any] = runtime_hook(settings).conn.invoke_endpoint_async(
        EndpointName=endpoint_name, InputLocation=location, ContentType=stored["ContentType"]
    )
    logger.info("%s: %s waits as %s", endpoint_name, sample["key"], answer["InferenceId"])
    return answer


def wait_for_answer(settings: Settings, *, places: Mapping[str, Any], deadline: float) -> str:
    """Return what the endpoint has written; EndpointError where it failed, or is late."""
    hook = s3_hook(settings)
    answer, failure = str(places["OutputLocation"]), str(places["FailureLocation"])
    while True:
        if has_object(hook, uri=answer):
            return download(hook, uri=answer).decode()
        if has_object(hook, uri=failure):
            said = download(hook, uri=failure).decode(errors="replace")
            raise EndpointError(f"The endpoint has failed on a test image: {said} ({failure}). Read its log.")
        if time.monotonic() > deadline:
            raise EndpointError(
                f"No answer at {answer} after {MAX_WAIT_S:g} seconds. Read the endpoint's log, and look "
                "whether it has an instance, then clear this task."
            )
        time.sleep(settings.poll_interval_s)
