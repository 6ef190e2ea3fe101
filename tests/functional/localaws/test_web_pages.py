"""What a browser sends for a web page: refused at once, but for buckets that allow the page."""

import http.client
import json
from typing import Any

import boto3
import pytest
from botocore.config import Config
from moto.moto_server import werkzeug_app

PAGE, FRIEND = "http://evil.example", "https://app.example"
TARGETED = {"content-type": "application/x-amz-json-1.1", "x-amz-target": "SageMaker.ListTrainingJobs"}
SCOPE = "AWS4-HMAC-SHA256 Credential=test/20261128/us-east-1/{}/aws4_request, SignedHeaders=host, Signature=0"


def send(
    localaws: Any, method: str, path: str, *, body: str = "", headers: dict[str, str]
) -> tuple[int, dict[str, str], str]:
    """Send a request with exactly these headers; return status, headers in lower case, and text."""
    connection = http.client.HTTPConnection(localaws.url.removeprefix("http://"), timeout=30)
    connection.request(method, path, body=body, headers=headers)
    answer = connection.getresponse()
    text = answer.read().decode(errors="replace")
    connection.close()
    return answer.status, {name.lower(): value for name, value in answer.getheaders()}, text


def test_stock_moto_lets_every_page_in(localaws: Any) -> None:
    """The day that this fails, the switch in moto_bridge can go; the guard stays."""
    app = werkzeug_app.create_backend_app("sagemaker")
    answer = app.test_client().options("/", headers={"Origin": PAGE, "Access-Control-Request-Method": "POST"})
    assert answer.headers["Access-Control-Allow-Origin"] in ("*", PAGE)


def test_a_preflight_is_refused(localaws: Any) -> None:
    asked = {
        "Origin": PAGE,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,x-amz-target",
    }
    status, headers, text = send(localaws, "OPTIONS", "/", headers=asked)
    assert status == 403
    assert not [name for name in headers if name.startswith("access-control-")]
    assert "web page" in json.loads(text)["message"]


@pytest.mark.parametrize(
    ("path", "body", "headers"),
    [
        pytest.param("/", "{}", {**TARGETED, "authorization": SCOPE.format("sagemaker")}, id="an action"),
        pytest.param("/", "Action=GetCallerIdentity", {"content-type": "text/plain"}, id="a form's body"),
        pytest.param("/?Action=ListUsers", "", {"authorization": SCOPE.format("iam")}, id="a query"),
        pytest.param(
            "/2015-03-31/functions/f/invocations", "{}", {"content-type": "text/plain"}, id="Invoke"
        ),
        pytest.param("/endpoints/e/invocations", "[]", {"content-type": "text/plain"}, id="InvokeEndpoint"),
        pytest.param("/moto-api/reset", "", {"content-type": "text/plain"}, id="moto's own API"),
        pytest.param("/_localaws/health", "", {"content-type": "text/plain"}, id="localaws' own"),
    ],
)
def test_what_a_page_posts_is_refused(localaws: Any, path: str, body: str, headers: dict[str, str]) -> None:
    for sign in ({"Origin": PAGE}, {"Sec-Fetch-Site": "cross-site"}):
        assert send(localaws, "POST", path, body=body, headers={**headers, **sign})[0] == 403


@pytest.mark.parametrize(
    "shown", [{"Sec-Fetch-Dest": "document"}, {"Accept": "text/html,*/*"}], ids=["now", "an older browser"]
)
def test_a_page_in_a_bucket_cannot_act_in_localaws_s_name(localaws: Any, shown: dict[str, str]) -> None:
    """Its script could send a signed GET, such as CreateStack with a function, and read every answer."""
    s3 = localaws.client("s3")
    s3.create_bucket(Bucket="pages")
    for key, kind in (("a.html", "text/html"), ("a.pdf", "application/pdf")):
        s3.put_object(Bucket="pages", Key=key, Body=b"any", ContentType=kind, ACL="public-read")
    policies = [
        send(localaws, "GET", path, headers=shown)[1].get("content-security-policy", "")
        for path in ("/pages/a.html", "/pages?list-type=2", "/moto-api/", "/pages/a.pdf")
    ]
    assert [policy.startswith("sandbox ") for policy in policies] == [True, True, True, False]
    assert "allow-same-origin" not in "".join(policies)
    status, headers, _ = send(localaws, "GET", "/pages/a.html", headers={})
    assert (status, "content-security-policy" in headers) == (200, False)


def test_the_status_page_keeps_its_own_policy(localaws: Any) -> None:
    _, headers, _ = send(localaws, "GET", "/_localaws/", headers={"Sec-Fetch-Dest": "document"})
    assert headers["content-security-policy"].startswith("default-src 'none'")


def test_a_name_that_was_bound_to_loopback_is_refused(localaws: Any) -> None:
    headers = {"Host": "evil.example:4566", **TARGETED, "authorization": SCOPE.format("sagemaker")}
    status, _, text = send(localaws, "POST", "/", body="{}", headers=headers)
    assert status == 403
    assert "does not answer to the host" in text


@pytest.fixture
def shared_bucket(localaws: Any) -> str:
    """A bucket that lets one page read and write."""
    s3, name = localaws.client("s3"), "cors-test"
    s3.create_bucket(Bucket=name)
    rule = {"AllowedMethods": ["GET", "PUT"], "AllowedOrigins": [FRIEND], "ExposeHeaders": ["etag"]}
    s3.put_bucket_cors(Bucket=name, CORSConfiguration={"CORSRules": [rule]})
    s3.put_object(Bucket=name, Key="a.txt", Body=b"hello")
    return name


def test_a_page_reads_and_writes_a_bucket_that_allows_it(localaws: Any, shared_bucket: str) -> None:
    signer = boto3.client(
        "s3",
        region_name="us-east-1",
        endpoint_url=localaws.url,
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(s3={"addressing_style": "path"}),
    )
    put, get = (
        signer.generate_presigned_url(name, Params={"Bucket": shared_bucket, "Key": "b.txt"})
        for name in ("put_object", "get_object")
    )
    page = {"Origin": FRIEND, "Sec-Fetch-Site": "cross-site"}
    status, headers, _ = send(
        localaws,
        "OPTIONS",
        put.removeprefix(localaws.url),
        headers={**page, "Access-Control-Request-Method": "PUT"},
    )
    assert (status, headers["access-control-allow-origin"]) == (200, FRIEND)
    assert send(localaws, "PUT", put.removeprefix(localaws.url), body="new", headers=page)[0] == 200
    status, headers, text = send(localaws, "GET", get.removeprefix(localaws.url), headers=page)
    assert (status, headers["access-control-allow-origin"], text) == (200, FRIEND, "new")
    assert headers["access-control-expose-headers"] == "etag"


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        pytest.param("/cors-test/a.txt", {"Origin": PAGE}, id="another page"),
        pytest.param("/cors-test/a.txt", {"Origin": "https://app.example.evil.example"}, id="a longer name"),
        pytest.param(
            "/cors-test/a.txt",
            {"Origin": FRIEND, "authorization": SCOPE.format("iam")},
            id="another service",
        ),
    ],
)
def test_the_bucket_s_rules_open_nothing_else(
    localaws: Any, shared_bucket: str, path: str, headers: dict[str, str]
) -> None:
    assert send(localaws, "GET", path, headers=headers)[0] == 403


def test_a_path_below_a_bucket_s_own_name_is_an_object_whatever_it_looks_like(
    localaws: Any, shared_bucket: str
) -> None:
    headers = {"Host": f"{shared_bucket}.s3.localhost", "Origin": FRIEND}
    status, _, text = send(localaws, "GET", "/2015-03-31/functions", headers=headers)
    assert (status, "NoSuchKey" in text) == (404, True)
