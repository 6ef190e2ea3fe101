"""Our signatures are botocore's."""

import random
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from localaws.iam.canonical import canonical_query, canonical_request, sign

PATHS = (
    "/",
    "//a",
    "/a/../b",
    "/2015-03-31/functions/f%3Alive/invocations",
    "/photos/a%20b%2Bc/%C3%A4.jpg",
    "/a~b_c-d.e",
)
QUERIES = ("", "list-type=2&prefix=a%2Fb&delimiter=%2F", "b=2&a=1&a=0", "uploads", "x=&y")
SEED = random.Random(7)
CASES = [
    (signer, path, query, SEED.choice([b"", b"body", b"\0\xff"]), SEED.choice([None, "token"]))
    for signer in (SigV4Auth, S3SigV4Auth)
    for path in PATHS
    for query in QUERIES
]


@pytest.mark.parametrize(("signer", "path", "query", "body", "token"), CASES)
def test_a_request_has_the_signature_that_botocore_gives_it(
    signer: Any, path: str, query: str, body: bytes, token: str | None
) -> None:
    url = f"http://127.0.0.1:4566{path}{'?' if query else ''}{query}"
    request = AWSRequest(method="POST", url=url, data=body, headers={"X-Amz-Own": " two  words "})
    service = "s3" if signer is S3SigV4Auth else "sagemaker"
    signing = signer(Credentials("AKID", "secret", token), service, "eu-west-1")
    signing.add_auth(request)
    scope, names, given = (
        part.partition("=")[2] for part in request.headers["Authorization"].split(" ", 1)[1].split(", ")
    )
    assert scope.startswith("AKID/")
    headers = {name.lower(): str(value) for name, value in request.headers.items()}
    canonical = canonical_request(
        method="POST",
        path=urlsplit(url).path,
        query=query,
        headers=headers | {"host": "127.0.0.1:4566"},
        signed_headers=names.split(";"),
        digest=signing.payload(request),
        is_s3=service == "s3",
    )
    time = headers["x-amz-date"]
    assert sign(canonical, secret="secret", time=time, region="eu-west-1", service=service) == given


def test_a_query_is_signed_without_its_signature_however_it_was_written() -> None:
    assert canonical_query("b=a b&X-Amz-Signature=00&a=%2f~") == "a=%2F~&b=a%20b"
