"""How a request's body arrives: whole, or in chunks."""

import http.client
from collections.abc import Iterator
from typing import Any

import pytest

TIMEOUT_S = 60


def in_parts() -> Iterator[bytes]:
    """Give a body of 600,000 bytes in three parts."""
    for letter in (b"a", b"b", b"c"):
        yield letter * 200_000


def put(url: str, path: str, body: Any, *, chunked: bool) -> int:
    """Send a PUT; return the status."""
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=TIMEOUT_S)
    try:
        connection.request("PUT", path, body=body, encode_chunked=chunked)
        return connection.getresponse().status
    finally:
        connection.close()


@pytest.mark.parametrize("chunked", [True, False], ids=["in chunks", "with its length"])
def test_a_put_stores_the_whole_body(localaws: Any, chunked: bool) -> None:
    """AWS's C++ SDK, and so pyarrow, sends chunks without a length: 0 bytes were stored, and 200 answered."""
    s3 = localaws.client("s3")
    s3.create_bucket(Bucket="bodies")
    whole = b"".join(in_parts())
    url = s3.generate_presigned_url("put_object", Params={"Bucket": "bodies", "Key": "key"})
    path = url.removeprefix(localaws.url)
    assert put(localaws.url, path, in_parts() if chunked else whole, chunked=chunked) == 200
    assert s3.get_object(Bucket="bodies", Key="key")["Body"].read() == whole
