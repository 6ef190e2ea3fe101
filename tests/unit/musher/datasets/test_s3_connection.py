"""obstore moves the bytes with the client's endpoint and credentials, and fails as boto3 does."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import obstore
import pytest
from botocore.exceptions import ClientError
from obstore.exceptions import GenericError, PermissionDeniedError
from obstore.store import MemoryStore

from musher.datasets.s3_connection import S3Connection, _as_client_error
from musher.datasets.s3_objects import explain_s3_errors
from musher.errors import StagingError

EXPIRED = """Generic S3 error: Error performing PUT http://127.0.0.1/b/k in 1ms - Server returned non-2xx \
status code: 400 Bad Request: <?xml version="1.0" encoding="UTF-8"?>
<Error><Code>ExpiredToken</Code><Message>The provided token
 has expired.</Message></Error>

Debug source:
Generic { store: "S3" }"""
OUTAGE = "Error performing PUT https://s3/b/k, after 5 retries - Server returned non-2xx status code: 503: "


def connection(region: str = "us-east-1", endpoint: str | None = None, **options: Any) -> S3Connection:
    session = boto3.Session(aws_access_key_id="a", aws_secret_access_key="b", region_name=region)
    return S3Connection(client=session.client("s3", endpoint_url=endpoint), session=session, **options)


@pytest.fixture
def memory() -> S3Connection:
    """A connection whose bucket `b` lies in memory."""
    made = connection()
    made._stores["b"] = MemoryStore()  # type: ignore[assignment]  # all stores take the same calls
    return made


def failure(error: Exception, *, key: str = "k") -> ClientError:
    with pytest.raises(ClientError) as caught, _as_client_error("PutObject", key=key):
        raise error
    return caught.value


def test_an_object_comes_back_with_its_type_and_metadata(memory: S3Connection) -> None:
    memory.put("b", "a/犬 +%20.txt", body=b"data", content_type="text/plain", metadata={"sha256": "ab"})
    assert memory.get("b", "a/犬 +%20.txt") == b"data"
    stored = obstore.get(memory._stores["b"], "a/犬 +%20.txt")
    assert stored.attributes == {"Content-Type": "text/plain", "sha256": "ab"}


def test_the_code_and_message_of_the_answer_are_kept() -> None:
    error = failure(GenericError(EXPIRED))
    assert error.response["Error"] == {"Code": "ExpiredToken", "Message": "The provided token has expired."}
    words = r"s3://b/k cannot be used: .*ExpiredToken.*Correct the credentials"
    with pytest.raises(StagingError, match=words), explain_s3_errors("s3://b/k"):
        raise error


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (PermissionDeniedError("PUT - Server returned non-2xx status code: 403 Forbidden: "), "403"),
        (FileNotFoundError("GET - Server returned non-2xx status code: 404 Not Found: "), "404"),
        (GenericError("Received redirect without LOCATION, this normally indicates"), "PermanentRedirect"),
    ],
)
def test_an_answer_without_a_body_has_its_status_as_code(error: Exception, code: str) -> None:
    assert failure(error).response["Error"]["Code"] == code
    with pytest.raises(StagingError), explain_s3_errors("s3://b/k"):
        raise failure(error)


def test_an_outage_stays_an_error_that_a_retry_may_mend() -> None:
    with pytest.raises(ClientError, match="503"), explain_s3_errors("s3://b/k"):
        raise failure(GenericError(OUTAGE))


def test_a_lost_connection_is_a_connection_error() -> None:
    with (
        pytest.raises(ConnectionError, match="error sending request"),
        _as_client_error("PutObject", key="k"),
    ):
        raise GenericError("HTTP error: error sending request\n\nDebug source: ...")


@pytest.mark.parametrize("key", ["/a", "a/", "a//b", "a/../b", "a/./b", "a\x01b"])
def test_a_key_that_obstore_would_change_is_refused_by_name(memory: S3Connection, key: str) -> None:
    words = r"the key '.*a.*' has .*Copy the object to a key without"
    with pytest.raises(StagingError, match=words), explain_s3_errors(f"s3://b/{key}"):
        memory.get("b", key)
    with pytest.raises(ClientError, match="InvalidKey"):
        memory.put("b", key, body=b"", content_type="a/b", metadata={})


@pytest.mark.parametrize(
    ("own", "region", "endpoint", "expected"),
    [
        ("us-east-1", "us-east-1", None, "https://s3.amazonaws.com"),
        ("eu-west-1", "eu-west-1", None, "https://s3.eu-west-1.amazonaws.com"),
        ("us-east-1", "eu-west-1", None, "https://s3.eu-west-1.amazonaws.com"),
        ("cn-north-1", "cn-northwest-1", None, "https://s3.cn-northwest-1.amazonaws.com.cn"),
        ("us-east-1", "eu-west-1", "http://127.0.0.1:1", "http://127.0.0.1:1"),
    ],
)
def test_a_bucket_is_reached_in_its_own_region(
    own: str, region: str, endpoint: str | None, expected: str
) -> None:
    assert connection(own, endpoint)._endpoint(region) == expected


@pytest.mark.parametrize(
    ("answer", "region"),
    [({"BucketRegion": "eu-west-1"}, "eu-west-1"), ({}, "us-east-1"), (None, "us-east-1")],
)
def test_a_bucket_that_does_not_tell_its_region_has_the_clients(
    answer: dict[str, str] | None, region: str
) -> None:
    def head_bucket(**_: str) -> dict[str, str]:
        if answer is None:
            raise ClientError({"Error": {"Code": "403", "Message": "Forbidden"}}, "HeadBucket")
        return answer

    client = SimpleNamespace(meta=SimpleNamespace(region_name="us-east-1"), head_bucket=head_bucket)
    assert S3Connection(client=client, session=None)._region("b") == region


def test_only_http_endpoints_may_be_reached_without_tls() -> None:
    assert connection()._client_options("http://127.0.0.1:1").get("allow_http")
    assert not connection()._client_options("https://s3.amazonaws.com").get("allow_http")


def test_the_clients_certificates_are_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "ca.pem").write_bytes(b"pem")
    given = connection(verify=str(tmp_path / "ca.pem"))._client_options("https://s3")
    assert given.get("root_certificate") == b"pem"
    assert connection(verify=False)._client_options("https://s3").get("allow_invalid_certificates")
    monkeypatch.setenv("AWS_CA_BUNDLE", str(tmp_path / "ca.pem"))
    assert connection()._client_options("https://s3").get("root_certificate") == b"pem"
    assert "root_certificate" not in connection(verify=False)._client_options("https://s3")


def test_a_store_is_opened_once_for_each_bucket(monkeypatch: pytest.MonkeyPatch) -> None:
    made = connection("eu-west-1", "http://127.0.0.1:1")
    monkeypatch.setattr(S3Connection, "_region", lambda self, bucket: "eu-west-1")
    store = made._store("b")
    assert made._store("b") is store
    assert made._store("c") is not store
    assert store.config["bucket"] == "b"
    assert store.config["region"] == "eu-west-1"
