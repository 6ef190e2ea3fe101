"""Send what became of an event to where the function's settings say, as the function's role."""

import asyncio
import json
import logging
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from localaws.cloudwatch.sources.function_events import (
    DEAD_LETTER_FAILED,
    DESTINATION_FAILED,
    QueuedEvent,
)
from localaws.context import Context
from localaws.functions.events import records
from localaws.functions.events.queue import SUCCESS, Ending
from localaws.functions.events.validation import destination_of
from localaws.functions.function import LocalFunction
from localaws.functions.invocations import Invocation

logger = logging.getLogger(__name__)

THREADS = 4
"""Deliveries at once. Their threads are their own: what they call may start a function, which takes one."""


class Delivery:
    """Where results go. A failure to deliver is logged, and tried no more than boto3 tries."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._executor = ThreadPoolExecutor(max_workers=THREADS, thread_name_prefix="deliver")

    def close(self) -> None:
        """Begin no more deliveries."""
        self._executor.shutdown(wait=False, cancel_futures=True)

    async def deliver(
        self,
        function: LocalFunction,
        invocation: Invocation,
        ending: Ending,
        *,
        arn: str,
        settings: Mapping[str, Any],
    ) -> None:
        """Send a record to the destination, and a failed event to the dead-letter queue too."""
        is_success = ending.condition == SUCCESS
        side = "OnSuccess" if is_success else "OnFailure"
        destination = destination_of(settings.get("DestinationConfig") or {}, side)
        dead_letters = "" if is_success else str((function.dead_letter_config or {}).get("TargetArn") or "")
        if not destination and not dead_letters:
            return
        send = partial(
            self._send, function, invocation, ending, arn=arn, destination=destination, dead=dead_letters
        )
        await asyncio.get_running_loop().run_in_executor(self._executor, send)

    def _send(
        self,
        function: LocalFunction,
        invocation: Invocation,
        ending: Ending,
        *,
        arn: str,
        destination: str,
        dead: str,
    ) -> None:
        now = self._context.clock.now()
        if destination:
            record = records.build_record(invocation, ending, arn=arn, now=now)
            send = partial(self._put, function, destination, record)
            self._try(function, destination, send, invocation=invocation, metric=DESTINATION_FAILED)
        if dead:
            attributes = records.dead_letter_attributes(invocation, ending)
            body = invocation.payload.decode(errors="replace")
            send = partial(self._put_message, function, dead, body, attributes)
            self._try(function, dead, send, invocation=invocation, metric=DEAD_LETTER_FAILED)

    def _try(
        self,
        function: LocalFunction,
        arn: str,
        send: Callable[[], None],
        *,
        invocation: Invocation,
        metric: str,
    ) -> None:
        try:
            send()
        except Exception as error:  # noqa: BLE001 - a thread's work: the queue goes on
            logger.warning("a result of %s did not reach %s: %s", function.function_name, arn, error)
            event = QueuedEvent(
                account_id=function.account_id,
                region=function.region,
                function=function.function_name,
                qualifier=qualifier_of(invocation.arn),
                metric=metric,
            )
            self._context.metrics.report(event)

    def _client(self, function: LocalFunction, service: str, region: str) -> Any:
        credentials = self._context.identity.assume(
            role_arn=function.role, session_name=function.function_name
        )
        return self._context.client(service, credentials=credentials, region=region or function.region)

    def _put(self, function: LocalFunction, arn: str, record: dict[str, Any]) -> None:
        """Send a record to a queue, a topic, a function, a bus or a bucket."""
        service, region = arn.split(":")[2:4]
        body = json.dumps(record)
        if service in ("sqs", "sns"):
            self._put_message(function, arn, body, {})
        elif service == "lambda":
            client = self._client(function, service, region)
            client.invoke(FunctionName=arn, InvocationType="Event", Payload=body)
        elif service == "events":
            entry = records.build_bus_event(record, bus_arn=arn)
            answer = self._client(function, service, region).put_events(Entries=[entry])
            if answer["FailedEntryCount"]:
                raise RuntimeError(answer["Entries"][0].get("ErrorMessage", "PutEvents refused the record"))
        else:
            key = records.object_key(record, now=self._context.clock.now())
            self._client(function, "s3", region).put_object(
                Bucket=arn.rpartition(":")[2], Key=key, Body=body.encode()
            )

    def _put_message(self, function: LocalFunction, arn: str, body: str, attributes: dict[str, Any]) -> None:
        service, region, account_id, name = arn.split(":", 5)[2:6]
        client = self._client(function, service, region)
        if service == "sns":
            client.publish(TopicArn=arn, Message=body, MessageAttributes=attributes)
            return
        url = client.get_queue_url(QueueName=name, QueueOwnerAWSAccountId=account_id)["QueueUrl"]
        client.send_message(QueueUrl=url, MessageBody=body, MessageAttributes=attributes)


def qualifier_of(arn: str) -> str | None:
    """Return the alias or version that a caller named in a function's ARN."""
    found = arn.split(":", 7)[7:]
    return found[0] if found else None
