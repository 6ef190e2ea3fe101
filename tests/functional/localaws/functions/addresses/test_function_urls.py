"""Function URLs: who may call one, what the function sees, what comes back."""

import base64
import json
import urllib.error
import urllib.request
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

SEE = (
    "def handler(event, context):\n    return {'statusCode': 200, 'body': __import__('json').dumps(event)}\n"
)
MAKE = "def handler(event, context):\n    return __import__('json').loads(event['body'])\n"
FAIL = "def handler(event, context):\n    raise RuntimeError('no dog')\n"
PAGE = "https://app.example"


def open_to_all(functions: Any, name: str, auth_type: str = "NONE", **options: Any) -> str:
    """Make a function URL that everybody may use; return it."""
    made = functions.lam.create_function_url_config(FunctionName=name, AuthType=auth_type, **options)
    functions.lam.add_permission(
        FunctionName=name,
        StatementId="url",
        Action="lambda:InvokeFunctionUrl",
        Principal="*",
        FunctionUrlAuthType=auth_type,
    )
    functions.lam.add_permission(
        FunctionName=name, StatementId="invoke", Action="lambda:InvokeFunction", Principal="*"
    )
    return str(made["FunctionUrl"])


def ask(url: str, body: bytes | None = None, method: str | None = None, **headers: str) -> Any:
    """Send a request; return status, headers and body."""
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(url, data=body, method=method, headers=sent)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers, error.read()


@pytest.fixture(scope="module")
def seeing(functions: Any) -> str:
    """The URL of a function that answers with its event."""
    return open_to_all(functions, functions.create(SEE))


@pytest.fixture(scope="module")
def making(functions: Any) -> str:
    """The URL of a function that returns what it was sent."""
    return open_to_all(functions, functions.create(MAKE))


def test_a_request_becomes_an_event_of_format_2(seeing: str) -> None:
    status, headers, body = ask(
        f"{seeing}dogs/a%20b?x=1&x=2&y=", b"woof", Content_Type="text/plain", Cookie="a=1; b=2", X_Own="z"
    )
    event = json.loads(body)
    assert status == 200
    assert headers["x-amzn-requestid"] == event["requestContext"]["requestId"]
    assert (event["version"], event["routeKey"]) == ("2.0", "$default")
    assert (event["rawPath"], event["rawQueryString"]) == ("/dogs/a b", "x=1&x=2&y=")
    assert event["queryStringParameters"] == {"x": "1,2", "y": ""}
    assert event["cookies"] == ["a=1", "b=2"]
    assert event["headers"]["x-own"] == "z"
    assert (event["body"], event["isBase64Encoded"]) == ("woof", False)
    http = event["requestContext"]["http"]
    assert (http["method"], http["path"], http["sourceIp"]) == ("POST", "/dogs/a b", "127.0.0.1")


def test_bytes_arrive_as_base64(seeing: str) -> None:
    event = json.loads(ask(seeing, b"\x00\xff", Content_Type="image/jpeg")[2])
    assert (event["isBase64Encoded"], base64.b64decode(event["body"])) == (True, b"\x00\xff")


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        ({"message": "dog"}, (200, "application/json", b'{"message": "dog"}')),
        ("dog", (200, "application/json", b"dog")),
        (
            {"statusCode": 201, "headers": {"Content-Type": "text/html"}, "body": "<b>"},
            (201, "text/html", b"<b>"),
        ),
        (
            {"statusCode": 200, "body": "AP8=", "isBase64Encoded": True},
            (200, "application/json", b"\x00\xff"),
        ),
        ({"statusCode": "many"}, (502, "text/plain", b"Internal Server Error")),
    ],
)
def test_a_result_becomes_an_answer(making: str, result: Any, expected: tuple[int, str, bytes]) -> None:
    status, headers, body = ask(making, json.dumps(result).encode(), Content_Type="application/json")
    assert (status, headers["content-type"], body) == expected


def test_every_cookie_is_set(making: str) -> None:
    result = {"statusCode": 200, "cookies": ["a=1", "b=2; Secure"]}
    headers = ask(making, json.dumps(result).encode(), Content_Type="application/json")[1]
    assert headers.get_all("set-cookie") == ["a=1", "b=2; Secure"]


def test_a_failure_is_a_bad_gateway_that_tells_nothing(functions: Any) -> None:
    assert ask(open_to_all(functions, functions.create(FAIL)))[::2] == (502, b"Internal Server Error")


def test_without_a_policy_nobody_may_call(functions: Any) -> None:
    name = functions.create(SEE)
    url = functions.lam.create_function_url_config(FunctionName=name, AuthType="NONE")["FunctionUrl"]
    status, headers, body = ask(url)
    assert (status, json.loads(body)) == (403, {"Message": "Forbidden"})
    assert headers["x-amzn-errortype"] == "AccessDeniedException"
    functions.lam.add_permission(
        FunctionName=name, StatementId="url", Action="lambda:InvokeFunctionUrl", Principal="*"
    )
    assert ask(url)[0] == 403, "both actions are needed"
    functions.lam.add_permission(FunctionName=name, StatementId="all", Action="lambda:*", Principal="*")
    assert ask(url)[0] == 200


ANYBODY = Credentials("test", "test")


def signed(url: str, body: bytes = b"", *, by: Credentials = ANYBODY, region: str = "us-east-1") -> Any:
    """Sign a POST as a client does, send it, and return status, headers and body."""
    request = AWSRequest(method="POST", url=url, data=body, headers={"Content-Type": "text/plain"})
    SigV4Auth(by, "lambda", region).add_auth(request)
    return ask(url, body, **dict(request.headers.items()))


@pytest.fixture(scope="module")
def user(functions: Any) -> tuple[Credentials, str]:
    """A key that localaws made, and the ARN of its user."""
    iam = functions.server.client("iam")
    arn = iam.create_user(UserName="signer")["User"]["Arn"]
    made = iam.create_access_key(UserName="signer")["AccessKey"]
    return Credentials(made["AccessKeyId"], made["SecretAccessKey"]), arn


def test_with_aws_iam_a_request_must_be_signed(functions: Any, user: tuple[Credentials, str]) -> None:
    name, (key, arn) = functions.create(SEE), user
    url = functions.lam.create_function_url_config(FunctionName=name, AuthType="AWS_IAM")["FunctionUrl"]
    status, headers, body = ask(url)
    assert (status, json.loads(body)) == (403, {"Message": "Forbidden"})
    assert headers["x-amzn-errortype"] == "AccessDeniedException"
    status, _, body = signed(f"{url}a%20b?x=1&x=2", b"woof", by=key)
    context = json.loads(body)["requestContext"]
    assert (status, context["http"]["path"]) == (200, "/a b")
    assert context["authorizer"]["iam"]["userArn"] == arn
    assert context["authorizer"]["iam"]["accessKey"] == key.access_key


def test_a_wrong_signature_is_refused_in_awss_words(functions: Any, user: tuple[Credentials, str]) -> None:
    name, (key, _) = functions.create(SEE), user
    url = functions.lam.create_function_url_config(FunctionName=name, AuthType="AWS_IAM")["FunctionUrl"]
    status, headers, body = signed(url, b"woof", by=Credentials(key.access_key, "wrong"))
    assert (status, headers["x-amzn-errortype"]) == (403, "InvalidSignatureException")
    assert json.loads(body)["message"].startswith("The request signature we calculated does not match")
    status, _, body = signed(url, b"woof", by=key, region="eu-west-1")
    assert (status, "valid region" in json.loads(body)["message"]) == (403, True)
    assert signed(url, b"woof")[0] == 200, "a key that localaws did not make has no secret to check"


def test_another_account_needs_the_policy_of_the_url(functions: Any, localaws: Any) -> None:
    other = localaws.client("sts").assume_role(
        RoleArn="arn:aws:iam::210987654321:role/other", RoleSessionName="other"
    )["Credentials"]
    name = functions.create(SEE)
    url = functions.lam.create_function_url_config(FunctionName=name, AuthType="AWS_IAM")["FunctionUrl"]

    def status() -> int:
        request = AWSRequest(method="POST", url=url, data=b"x")
        credentials = Credentials(other["AccessKeyId"], other["SecretAccessKey"], other["SessionToken"])
        SigV4Auth(credentials, "lambda", "us-east-1").add_auth(request)
        return int(ask(url, b"x", **dict(request.headers.items()))[0])

    def allow(sid: str, action: str, **more: Any) -> None:
        functions.lam.add_permission(
            FunctionName=name, StatementId=sid, Action=action, Principal="210987654321", **more
        )

    assert status() == 403
    allow("invoke", "lambda:InvokeFunction", InvokedViaFunctionUrl=True)
    allow("none", "lambda:InvokeFunctionUrl", FunctionUrlAuthType="NONE")
    assert status() == 403, "the statement is for URLs of another AuthType"
    allow("iam", "lambda:InvokeFunctionUrl", FunctionUrlAuthType="AWS_IAM")
    assert status() == 200


def test_an_alias_has_a_url_of_its_own(functions: Any) -> None:
    source = "def handler(event, context):\n    return context.function_version\n"
    lam, name = functions.lam, functions.create(source, Publish=True)
    lam.create_alias(FunctionName=name, Name="live", FunctionVersion="1")
    made = lam.create_function_url_config(FunctionName=name, Qualifier="live", AuthType="AWS_IAM")
    assert made["FunctionArn"].endswith(f":{name}:live")
    assert signed(made["FunctionUrl"])[2] == b"1"
    with pytest.raises(ClientError, match="The resource you requested does not exist"):
        lam.get_function_url_config(FunctionName=name)
    lam.delete_alias(FunctionName=name, Name="live")
    assert signed(made["FunctionUrl"])[0] == 403


def test_a_preflight_needs_no_signature(functions: Any) -> None:
    lam, name = functions.lam, functions.create(SEE)
    cors = {"AllowOrigins": [PAGE], "AllowHeaders": ["authorization"], "AllowCredentials": True}
    url = lam.create_function_url_config(FunctionName=name, AuthType="AWS_IAM", Cors=cors)["FunctionUrl"]
    asked = {"Origin": PAGE, "Access_Control_Request_Method": "POST"}
    status, headers, _ = ask(url, method="OPTIONS", **asked)
    assert (status, headers["access-control-allow-origin"]) == (200, PAGE)
    assert headers["access-control-allow-credentials"] == "true"
    assert ask(url, b"x", Origin=PAGE)[0] == 403, "what follows must be signed"


def test_settings_are_answered_as_on_aws(functions: Any) -> None:
    lam, name = functions.lam, functions.create(SEE)
    made = lam.create_function_url_config(FunctionName=name, AuthType="NONE")
    assert not {"LastModifiedTime", "Cors", "InvokeMode"} & made.keys()
    with pytest.raises(ClientError, match="FunctionUrlConfig exists for this Lambda function") as error:
        lam.create_function_url_config(FunctionName=name, AuthType="NONE")
    assert error.value.response["Error"]["Code"] == "ResourceConflictException"
    changed = lam.update_function_url_config(
        FunctionName=name, AuthType="AWS_IAM", Cors={"AllowOrigins": [PAGE]}
    )
    assert (changed["FunctionUrl"], changed["AuthType"]) == (made["FunctionUrl"], "AWS_IAM")
    got = lam.get_function_url_config(FunctionName=name)
    assert (got["InvokeMode"], got["Cors"]) == ("BUFFERED", {"AllowOrigins": [PAGE]})
    listed = lam.list_function_url_configs(FunctionName=name)["FunctionUrlConfigs"]
    assert [url["FunctionUrl"] for url in listed] == [made["FunctionUrl"]]
    lam.delete_function_url_config(FunctionName=name)
    assert ask(made["FunctionUrl"])[0] == 403


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        ({"FunctionName": "no-such"}, "ResourceNotFoundException", "Function does not exist"),
        ({"Qualifier": "1"}, "ValidationException", "at 'qualifier' failed"),
        ({"InvokeMode": "RESPONSE_STREAM"}, "InvalidParameterValueException", "localaws does not implement"),
    ],
)
def test_what_cannot_be_a_url_is_refused(
    functions: Any, options: dict[str, str], code: str, message: str
) -> None:
    request = {"FunctionName": functions.create(SEE), "AuthType": "NONE"} | options
    with pytest.raises(ClientError, match=message) as error:
        functions.lam.create_function_url_config(**request)
    assert error.value.response["Error"]["Code"] == code


def test_a_page_calls_only_a_url_whose_cors_allows_it(functions: Any) -> None:
    closed = open_to_all(functions, functions.create(SEE))
    cors = {"AllowOrigins": [PAGE], "AllowMethods": ["GET"], "AllowHeaders": ["x-own"], "MaxAge": 60}
    opened = open_to_all(functions, functions.create(SEE), Cors=cors)
    assert ask(closed, Origin=PAGE)[0] == 403
    assert ask(opened, Origin="https://evil.example")[0] == 403
    assert ask(opened, b"{}", Origin=PAGE)[0] == 403, "POST is not among its methods"
    status, headers, _ = ask(opened, Origin=PAGE)
    assert (status, headers["access-control-allow-origin"]) == (200, PAGE)
    status, headers, body = ask(opened, method="OPTIONS", Origin=PAGE, Access_Control_Request_Method="GET")
    assert (status, body) == (200, b"")
    assert headers["access-control-allow-methods"] == "GET"
    assert (headers["access-control-allow-headers"], headers["access-control-max-age"]) == ("x-own", "60")


def test_a_page_of_a_function_is_not_of_localaws_own_origin(making: str) -> None:
    result = {"statusCode": 200, "headers": {"content-type": "text/html"}, "body": "<script>"}
    headers = ask(making, json.dumps(result).encode(), Content_Type="application/json")[1]
    assert headers["content-security-policy"].startswith("sandbox ")
    assert "allow-same-origin" not in headers["content-security-policy"]
