"""The server of one instance's metadata: its bounds, and its end."""

import socket
import urllib.error
import urllib.request

import pytest

from localaws.ec2.metadata import Metadata, Tokens
from localaws.ec2.metadata_server import MAX_CONNECTIONS, MetadataServer
from localaws.ec2.spec import Facts

FACTS = Facts(
    instance_id="i-1",
    account_id="1",
    region="us-east-1",
    zone="us-east-1a",
    instance_type="m5.large",
    image_id="ami-1",
    architecture="x86_64",
    local_ip="10.0.0.1",
    local_hostname="host",
    launched_at="2026-01-01T00:00:00Z",
)


@pytest.fixture
def server() -> MetadataServer:
    """Return a server that answers."""
    metadata = Metadata(facts=lambda: FACTS, credentials=lambda profile: b"", tokens=Tokens(lambda: 0.0))
    made = MetadataServer(metadata)
    made.start()
    return made


def status_of(url: str, **headers: str) -> int:
    """Return the status of an answer."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=60) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def test_a_page_in_a_browser_learns_nothing(server: MetadataServer) -> None:
    url = f"{server.url}latest/meta-data/instance-id"
    assert status_of(url) == 200
    for headers in ({"Origin": "null"}, {"Host": "evil.example"}, {"Sec-Fetch-Site": "same-origin"}):
        assert status_of(url, **headers) == 403
    server.close()


def test_connections_that_say_nothing_leave_room_when_they_end(server: MetadataServer) -> None:
    port = int(server.url.rstrip("/").rpartition(":")[2])
    idle = [socket.create_connection(("127.0.0.1", port), timeout=60) for _ in range(MAX_CONNECTIONS)]
    refused = socket.create_connection(("127.0.0.1", port), timeout=60)
    assert refused.recv(1) == b""
    for connection in (*idle, refused):
        connection.close()
    for _ in range(100):
        try:
            assert status_of(f"{server.url}latest/meta-data/instance-id") == 200
            break
        except OSError:
            continue
    else:
        pytest.fail("there is no room after the connections have ended")
    server.close()


def test_a_server_that_is_closed_answers_no_more(server: MetadataServer) -> None:
    server.close()
    with pytest.raises(OSError, match="refused"):
        status_of(server.url)


def test_a_defect_of_ours_is_an_answer() -> None:
    def fail() -> Facts:
        raise ZeroDivisionError

    server = MetadataServer(Metadata(facts=fail, credentials=lambda profile: b"", tokens=Tokens(lambda: 0.0)))
    server.start()
    assert status_of(f"{server.url}latest/meta-data/") == 500
    server.close()
