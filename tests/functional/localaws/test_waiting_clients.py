"""What waits for others keeps no one else from an answer: more of it than there are threads for requests."""

import socket
from collections.abc import Generator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any

import pytest

from localaws.moto_bridge import WORKERS

COUNT = WORKERS + 8
WAIT_S = 60


@pytest.fixture
def threads() -> Generator[ThreadPoolExecutor, None, None]:
    """Yield as many threads as there are clients."""
    with ThreadPoolExecutor(max_workers=COUNT) as executor:
        yield executor


def test_who_publishes_does_not_wait_for_a_subscriber_that_never_answers(
    localaws: Any, threads: ThreadPoolExecutor
) -> None:
    """moto sends the message first, and waits without an end."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        sns = localaws.client("sns")
        topic = sns.create_topic(Name="silent")["TopicArn"]
        address = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=address)
        calls = [threads.submit(sns.publish, TopicArn=topic, Message=str(i)) for i in range(COUNT)]
        assert not wait(calls, timeout=WAIT_S).not_done
        silent.settimeout(WAIT_S)
        with silent.accept()[0] as connection:
            assert connection.recv(4) == b"POST"


def test_who_publishes_hears_nothing_of_a_subscriber_that_is_not_there(localaws: Any) -> None:
    """moto's Publish fails with its connection."""
    with socket.create_server(("127.0.0.1", 0)) as gone:
        address = f"http://127.0.0.1:{gone.getsockname()[1]}/"
    sns = localaws.client("sns")
    topic = sns.create_topic(Name="gone")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=address)
    assert sns.publish(TopicArn=topic, Message="lost")["MessageId"]


def test_consumers_of_a_queue_keep_nobody_from_an_answer(localaws: Any, threads: ThreadPoolExecutor) -> None:
    sqs = localaws.client("sqs")
    url = sqs.create_queue(QueueName="awaited")["QueueUrl"]
    polls: list[Future[Any]] = [
        threads.submit(sqs.receive_message, QueueUrl=url, WaitTimeSeconds=20) for _ in range(COUNT)
    ]
    assert localaws.client("sts").get_caller_identity()["Account"] == "123456789012"
    assert not any(poll.done() for poll in polls), "the answer came after the queue's"
    sqs.send_message_batch(QueueUrl=url, Entries=[{"Id": str(i), "MessageBody": "end"} for i in range(10)])
    for name in range(COUNT // 10):
        entries = [{"Id": str(i), "MessageBody": f"end {name}"} for i in range(10)]
        sqs.send_message_batch(QueueUrl=url, Entries=entries)
    assert not wait(polls, timeout=WAIT_S).not_done
