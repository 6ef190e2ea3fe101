"""Presigned URLs of each method: those that botocore signs hold, and nothing else does."""

from datetime import UTC, datetime, timedelta
from typing import Any
from unittest import mock
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.config import Config
from botocore.credentials import Credentials

from localaws.asgi import Request
from localaws.s3 import presigned
from localaws.s3.errors import STATUS, S3Error
from localaws.s3.presigned import check_presigned, is_presigned
from localaws.s3.target import Target, read_caller, read_query, read_target

KEY_ID, SECRET = "AKIAKNOWN", "a secret"
NOW = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
WHERE = {"Bucket": "bucket", "Key": "a folder/größe+1 %2F.bin"}
METHODS = {
    "get_object": "GET",
    "head_object": "HEAD",
    "put_object": "PUT",
    "delete_object": "DELETE",
    "get_object_tagging": "GET",
    "create_multipart_upload": "POST",
}


@pytest.fixture(autouse=True)
def known_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """Know one key."""
    known = {KEY_ID: Credentials(KEY_ID, SECRET)}
    monkeypatch.setattr(presigned, "find_secret", known.get)


@pytest.fixture(params=["s3", "s3v4"], ids=["version 2", "version 4"])
def version(request: pytest.FixtureRequest) -> str:
    """The signature, as botocore calls it."""
    return str(request.param)


def sign(
    operation: str,
    version: str,
    *,
    style: str = "path",
    key_id: str = KEY_ID,
    age_s: int = 0,
    **parameters: Any,
) -> str:
    """Return a URL for an hour, signed some seconds before NOW."""
    client = boto3.client(
        "s3",
        region_name="us-east-1",
        endpoint_url="http://localhost:4566" if style == "path" else "http://s3.localhost:4566",
        aws_access_key_id=key_id,
        aws_secret_access_key=SECRET,
        config=Config(signature_version=version, s3={"addressing_style": style}),
    )
    moment = NOW - timedelta(seconds=age_s)
    times = {
        "get_current_datetime": lambda: moment.replace(tzinfo=None),
        "time": mock.Mock(time=moment.timestamp),
    }
    with mock.patch.multiple("botocore.auth", **times):
        return str(client.generate_presigned_url(operation, Params=WHERE | parameters, ExpiresIn=3600))


async def nothing() -> Any:
    """Give no body."""
    return {"type": "http.disconnect"}


def read(url: str, method: str, headers: dict[str, str] | None = None) -> Target:
    """Return what a request with a URL is about."""
    split = urlsplit(url)
    request = Request(
        method=method,
        path=split.path,
        query=split.query,
        headers={"host": split.netloc, "user-agent": "x"} | (headers or {}),
        receive=nothing,
    )
    query = read_query(request.query)
    caller = read_caller(request.headers, query)
    assert caller is not None
    assert is_presigned(query)
    target = read_target(request, caller=caller, query=query)
    assert target is not None
    return target


def code_of(url: str, method: str = "GET", headers: dict[str, str] | None = None) -> str:
    """Return the code that a URL is refused with at NOW; "OK" where it holds."""
    try:
        check_presigned(read(url, method, headers), now=NOW)
    except S3Error as error:
        return error.code
    return "OK"


@pytest.mark.parametrize("style", ["path", "virtual"])
@pytest.mark.parametrize("operation", METHODS)
def test_a_url_holds_for_its_own_method(operation: str, version: str, style: str) -> None:
    url = sign(operation, version, style=style)
    assert code_of(url, METHODS[operation]) == "OK"
    other = "DELETE" if METHODS[operation] != "DELETE" else "GET"
    assert code_of(url, other) == "SignatureDoesNotMatch"


@pytest.mark.parametrize(
    ("old", "new"),
    [("bucket/", "bucked/"), ("folder", "foldes"), ("%2525", "%25"), ("text%2Fplain", "text%2Fhtml")],
)
def test_an_altered_url_does_not_hold(version: str, old: str, new: str) -> None:
    url = sign("get_object", version, ResponseContentType="text/plain")
    if old not in url:
        old, new = "%252F", "%2F"
    assert code_of(url) == "OK"
    altered = url.replace(old, new)
    assert altered != url
    assert code_of(altered) == "SignatureDoesNotMatch"


@pytest.mark.parametrize(
    ("parameters", "headers"),
    [
        ({"ContentType": "text/plain"}, {"content-type": "text/plain"}),
        ({"Metadata": {"m": "1"}}, {"x-amz-meta-m": "1"}),
        ({"ACL": "public-read"}, {"x-amz-acl": "public-read"}),
    ],
)
def test_a_signed_header_must_be_sent_as_it_was_signed(
    version: str, parameters: dict[str, Any], headers: dict[str, str]
) -> None:
    url = sign("put_object", version, **parameters)
    assert code_of(url, "PUT", headers) == "OK"
    wrong = dict.fromkeys(headers, "another")
    is_in_the_url = version == "s3v4" and "content-type" not in headers
    assert (code_of(url, "PUT", wrong) == "SignatureDoesNotMatch") or is_in_the_url


@pytest.mark.parametrize(
    ("age_s", "code"),
    [(0, "OK"), (3599, "OK"), (3600, "OK"), (3601, "AccessDenied"), (-600, "OK")],
)
def test_a_url_ends(version: str, age_s: int, code: str) -> None:
    assert code_of(sign("get_object", version, age_s=age_s)) == code


def test_one_that_has_ended_says_when(version: str) -> None:
    with pytest.raises(S3Error, match="Request has expired") as refused:
        check_presigned(read(sign("get_object", version, age_s=7200), "GET"), now=NOW)
    facts = refused.value.facts
    assert (facts["Expires"], facts["ServerTime"]) == ("2026-11-28T11:00:00Z", "2026-11-28T12:00:00Z")
    assert STATUS[refused.value.code] == 403


def test_a_url_from_the_future_does_not_hold_yet() -> None:
    with pytest.raises(S3Error, match="Request is not valid yet"):
        check_presigned(read(sign("get_object", "s3v4", age_s=-901), "GET"), now=NOW)


def test_of_an_unknown_key_the_end_alone_counts(version: str) -> None:
    url = sign("get_object", version, key_id="AKIAOTHER")
    assert code_of(url.replace("folder", "other")) == "OK"
    assert code_of(sign("get_object", version, key_id="AKIAOTHER", age_s=3601)) == "AccessDenied"


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("X-Amz-Expires", "604801", "X-Amz-Expires must be less than a week"),
        ("X-Amz-Expires", "-1", "X-Amz-Expires must be non-negative"),
        ("X-Amz-Expires", "1h", "X-Amz-Expires should be a number"),
        ("X-Amz-Expires", "", "X-Amz-Expires should be a number"),
        ("X-Amz-Expires", None, "Query-string authentication version 4 requires the X-Amz-Algorithm"),
        ("X-Amz-Date", "2026-11-28", "X-Amz-Date must be in the ISO8601 Long Format"),
        ("X-Amz-Date", None, "Query-string authentication version 4 requires the X-Amz-Algorithm"),
        ("X-Amz-SignedHeaders", None, "Query-string authentication version 4 requires the X-Amz-Algorithm"),
        ("X-Amz-Signature", None, "Query-string authentication version 4 requires the X-Amz-Algorithm"),
    ],
)
def test_parameters_that_lack_or_cannot_be(name: str, value: str | None, message: str) -> None:
    address, _, query = sign("get_object", "s3v4").partition("?")
    pairs = dict(pair.split("=", 1) for pair in query.split("&"))
    pairs |= {name: value} if value is not None else {}
    kept = [f"{key}={text}" for key, text in pairs.items() if value is not None or key != name]
    with pytest.raises(S3Error) as refused:
        check_presigned(read(f"{address}?{'&'.join(kept)}", "GET"), now=NOW)
    assert refused.value.code == "AuthorizationQueryParametersError"
    assert refused.value.message.startswith(message)


@pytest.mark.parametrize("expires", ["", "soon", "-1", "9" * 30])
def test_an_end_that_is_none(expires: str) -> None:
    url = f"http://localhost:4566/bucket/k?AWSAccessKeyId={KEY_ID}&Signature=x&Expires={expires}"
    with pytest.raises(S3Error) as refused:
        check_presigned(read(url, "GET"), now=NOW)
    assert refused.value.message.startswith("Invalid date (should be seconds since epoch): ")
