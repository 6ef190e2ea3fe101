"""Ask a live function about a known image, and check all that it answers."""

import json
import logging
import time
from collections.abc import Sequence
from typing import Any

from airflow.providers.amazon.aws.operators.lambda_function import LambdaInvokeFunctionOperator
from airflow.providers.amazon.aws.utils.mixins import aws_template_fields
from airflow.sdk import Context
from airflow.sdk.log import mask_secret

from musher import names
from musher.errors import LambdaError
from musher.hooks.connection import INVOKE_CONFIG, hook_parameters, s3_hook
from musher.hooks.functions import MusherLambdaHook
from musher.hooks.objects import download, sign_url
from musher.operators.base import fail_without_retry
from musher.payloads.answers import read_answer
from musher.results import Answer
from musher.settings import Settings

logger = logging.getLogger(__name__)


class AskFunctionOperator(LambdaInvokeFunctionOperator):
    """Invoke the live function for `image`, a KnownImage; return an Answer.

    The base is the provider's, which logs the event and takes any payload for a success, statusCode 500
    included: here the presigned address is made when it is needed and masked in the log, and status, shape
    and time of the answer are checked. It asks once: a call that botocore repeats would hide a throttle.
    """

    aws_hook_class = MusherLambdaHook
    template_fields: Sequence[str] = aws_template_fields("image", "max_latency_ms")

    def __init__(self, *, image: Any, max_latency_ms: Any, **kwargs: Any) -> None:
        """Take what to ask, and the most milliseconds that an answer may take (both templated)."""
        super().__init__(
            function_name="", qualifier=names.LIVE_ALIAS, botocore_config=INVOKE_CONFIG, **kwargs
        )
        self.image = image
        self.max_latency_ms = max_latency_ms

    @property
    def _hook_parameters(self) -> dict[str, Any]:
        return {**super()._hook_parameters, **hook_parameters(Settings.from_env())}

    def execute(self, context: Context) -> Any:
        """Ask; LambdaError for an answer that is wrong, incomplete or late."""
        with fail_without_retry(image=self.image):
            settings, image = Settings.from_env(), self.image
            self.function_name = names.live_function(settings)
            s3 = s3_hook(settings)
            manifest = download(s3, uri=image["manifest_uri"])
            url = sign_url(s3, bucket=names.bucket(settings), key=image["key"])
            mask_secret(url)
            self.payload = json.dumps({"url": url})
            started = time.monotonic()
            payload = self.ask(context)
            milliseconds = (time.monotonic() - started) * 1000
            classes = json.loads(manifest)["classes"]
            answer = read_answer(payload=payload, classes=classes)
            if milliseconds > float(self.max_latency_ms):
                raise LambdaError(
                    f"{self.function_name} took {milliseconds:.0f} ms for {image['key']}, more than "
                    f"max_latency_ms, which is {self.max_latency_ms}."
                )
            logger.info("%s is %s, predicted %s", image["key"], image["truth"], answer["predicted"])
            return Answer(image=image["key"], truth=image["truth"], **answer)

    def ask(self, context: Context) -> str:
        """Return the payload; LambdaError where the function itself failed."""
        try:
            return str(super().execute(context))
        except ValueError as error:  # what the provider raises for a FunctionError
            group = names.function_log_group(self.function_name)
            raise LambdaError(f"{self.function_name} failed: {error}. See log group {group}.") from error
