"""Write a conversation with AWS once, and hold it with a blocking or with an asynchronous client.

A conversation is a generator: it gives calls, is sent their answers, and returns its result.
"""

from collections.abc import Generator
from typing import Any, TypeVar

Call = tuple[str, dict[str, Any]]
"""The name of a client's method, such as `list_tags`, and its arguments."""

Result = TypeVar("Result")
Conversation = Generator[Call, dict[str, Any], Result]


def hold(client: Any, conversation: Conversation[Result]) -> Result:
    """Make the calls with a blocking client; return the result. Errors of AWS end the conversation."""
    try:
        method, arguments = next(conversation)
        while True:
            method, arguments = conversation.send(getattr(client, method)(**arguments))
    except StopIteration as end:
        result: Result = end.value
        return result


async def hold_async(client: Any, conversation: Conversation[Result]) -> Result:
    """Make the calls with an asynchronous client; return the result. Errors of AWS end the conversation."""
    try:
        method, arguments = next(conversation)
        while True:
            method, arguments = conversation.send(await getattr(client, method)(**arguments))
    except StopIteration as end:
        result: Result = end.value
        return result
