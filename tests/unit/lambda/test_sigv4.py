"""Signatures, held against botocore's own signer."""

import datetime
import itertools
import random
from typing import Any
from urllib.parse import quote

import pytest
import sigv4
from botocore import auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

NOW = 1_764_412_345.0
BODIES = (b"", b'{"url": "https://example.com/a b?c=d"}', bytes(range(256)) * 40)
NAMES = ("musher-live", "a b", "ä/ö", "100%25", "x~y_z.w-v", "a+b&c=d", "a..", "a//b")
HEADERS: tuple[dict[str, str], ...] = (
    {"Content-Type": "application/json", "Accept": "application/json"},
    {"content-type": "image/jpeg", "X-Amzn-SageMaker-Target-Variant": "  two   spaces "},
    {},
)
QUERIES = ("", "?a=1", "?b=2&a=1&a=0", "?x=%20y&z", "?name=%C3%A4%2F~")
REGIONS = ("us-east-1", "cn-north-1", "eu-central-1")


def corpus() -> list[Any]:
    """Return requests that differ in all that is signed; the same ones each time."""
    everything = itertools.product(NAMES, BODIES, HEADERS, QUERIES, REGIONS, ("", "token/with+signs=="))
    chosen = random.Random(1).sample(list(everything), 400)
    return [pytest.param(*case, id=str(number)) for number, case in enumerate(chosen)]


def botocore_signs(request: sigv4.Request, *, token: str, region: str) -> dict[str, str]:
    """Return the headers that botocore would send."""
    theirs = AWSRequest(method=request.method, url=request.url, data=request.body, headers=request.headers)
    signer = auth.SigV4Auth(Credentials("AKID", "secret/key+", token or None), "sagemaker", region)
    signer.add_auth(theirs)
    return {name.lower(): value for name, value in theirs.headers.items()}


@pytest.fixture(autouse=True)
def _clock(monkeypatch: pytest.MonkeyPatch) -> None:
    moment = datetime.datetime.fromtimestamp(NOW, datetime.UTC).replace(tzinfo=None)
    monkeypatch.setattr(auth, "get_current_datetime", lambda: moment)


@pytest.mark.parametrize(("name", "body", "headers", "query", "region", "token"), corpus())
def test_a_signature_is_botocore_s(
    name: str, body: bytes, headers: dict[str, str], query: str, region: str, token: str
) -> None:
    path = f"/endpoints/{quote(name, safe='')}/invocations"
    url = f"https://runtime.sagemaker.{region}.amazonaws.com:8443{path}{query}"
    request = sigv4.Request("POST", url, headers, body)
    ours = sigv4.sign(
        request,
        credentials=sigv4.Credentials("AKID", "secret/key+", token),
        region=region,
        service="sagemaker",
        now=NOW,
    )
    theirs = botocore_signs(request, token=token, region=region)
    assert ours["authorization"] == theirs["authorization"]
    assert ours["x-amz-date"] == theirs["x-amz-date"]
    assert ours.get("x-amz-security-token") == theirs.get("x-amz-security-token")


def test_aws_s_own_example() -> None:
    """The `post-vanilla` case of AWS's test suite for Signature Version 4.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
    """
    credentials = sigv4.Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
    now = datetime.datetime(2015, 8, 30, 12, 36, tzinfo=datetime.UTC).timestamp()
    request = sigv4.Request("POST", "https://example.amazonaws.com/", {}, b"")
    headers = sigv4.sign(request, credentials=credentials, region="us-east-1", service="service", now=now)
    signature = headers["authorization"].rpartition("=")[2]
    assert signature == "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"


def test_a_key_is_derived_once_a_day() -> None:
    sigv4._signing_key.cache_clear()
    request = sigv4.Request("POST", "https://example.amazonaws.com/", {}, b"")
    for now in (NOW, NOW + 60, NOW + 86_400):
        sigv4.sign(request, credentials=sigv4.Credentials("a", "b"), region="r", service="s", now=now)
    assert sigv4._signing_key.cache_info().misses == 2
