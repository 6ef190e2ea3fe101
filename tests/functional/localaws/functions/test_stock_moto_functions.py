"""What stock moto does instead: when one of these fails, moto has learnt it and our override can go."""

import gc
import json
import uuid
from collections.abc import Callable, Generator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from moto.server import ThreadedMotoServer

TRUST = {
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
    ]
}


pytestmark = pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnraisableExceptionWarning"  # moto leaves a pipe open when it looks for Docker
)


@pytest.fixture(scope="module")
def moto_url() -> Generator[str, None, None]:
    """Yield the address of moto's own server, without Docker."""
    monkeypatch = pytest.MonkeyPatch()
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:9")  # nothing listens there
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()
    monkeypatch.undo()


def client(service: str, url: str) -> Any:
    """Return a client that tries once."""
    config = Config(retries={"total_max_attempts": 1}, read_timeout=20)
    return boto3.client(
        service,
        region_name="us-east-1",
        endpoint_url=url,
        aws_access_key_id="a",
        aws_secret_access_key="b",
        config=config,
    )


@pytest.fixture
def stock(moto_url: str) -> Any:
    """A Lambda client of stock moto."""
    return client("lambda", moto_url)


CODE = "def handler(event, context):\n    return 1\n"


@pytest.fixture
def create(stock: Any, moto_url: str, make_zip: Callable[[dict[str, str]], bytes]) -> Callable[..., Any]:
    """Return a function that creates a function, with a role that only EC2 may assume."""
    document, iam = json.dumps(TRUST), client("iam", moto_url)

    def create_function(**options: Any) -> Any:
        role = iam.create_role(RoleName=uuid.uuid4().hex, AssumeRolePolicyDocument=document)["Role"]["Arn"]
        settings = {"FunctionName": uuid.uuid4().hex, "Runtime": "python3.11", "Handler": "app.handler"}
        settings |= {"Role": role, "Code": {"ZipFile": make_zip({"app.py": CODE})}}
        return stock.create_function(**(settings | options))

    return create_function


def test_stock_moto_cannot_invoke_without_docker(stock: Any, create: Any) -> None:
    name = create()["FunctionName"]
    with pytest.raises(AssertionError):
        assert_answers_one(stock, name)
    gc.collect()  # so that moto's open pipe is complained about here, where that is ignored


def assert_answers_one(stock: Any, name: str) -> None:
    """Invoke and check the answer."""
    try:
        answer = stock.invoke(FunctionName=name, LogType="Tail")
    except ClientError as error:
        raise AssertionError(str(error)) from error
    assert "FunctionError" not in answer
    assert json.load(answer["Payload"]) == 1
    assert "REPORT RequestId" in answer["LogResult"]


def test_stock_moto_takes_a_role_that_lambda_may_not_assume(create: Any) -> None:
    with pytest.raises(pytest.fail.Exception), pytest.raises(ClientError, match="cannot be assumed"):
        create()


def test_stock_moto_has_no_pending_state(create: Any) -> None:
    with pytest.raises(AssertionError):
        assert create()["State"] == "Pending"


@pytest.mark.parametrize(
    "options",
    [
        {"Code": {"ZipFile": b"not a zip"}},
        {"Timeout": 901},
        {"MemorySize": 20_000},
        {"FunctionName": "a" * 65},
        {"Environment": {"Variables": {"AWS_REGION": "x"}}},
    ],
    ids=["zip", "timeout", "memory", "name", "variables"],
)
def test_stock_moto_takes_what_aws_refuses(create: Any, options: dict[str, Any]) -> None:
    with pytest.raises(pytest.fail.Exception), pytest.raises(ClientError):
        create(**options)


def test_stock_moto_takes_a_key_that_is_not_there(moto_url: str, create: Any) -> None:
    bucket = uuid.uuid4().hex
    client("s3", moto_url).create_bucket(Bucket=bucket)
    with pytest.raises(pytest.fail.Exception), pytest.raises(ClientError, match="NoSuchKey"):
        create(Code={"S3Bucket": bucket, "S3Key": "none.zip"})


def test_stock_moto_publishes_an_unchanged_version_again(stock: Any, create: Any) -> None:
    name = create()["FunctionName"]
    stock.update_function_configuration(FunctionName=name, Description="changed")
    first = stock.publish_version(FunctionName=name)["Version"]
    with pytest.raises(AssertionError):
        assert stock.publish_version(FunctionName=name)["Version"] == first


def test_stock_moto_reserves_the_last_hundred(stock: Any, create: Any) -> None:
    name = create()["FunctionName"]
    with pytest.raises(pytest.fail.Exception), pytest.raises(ClientError):
        stock.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=1000)


def test_stock_moto_lists_no_versions_of_a_function_that_is_not_there(stock: Any) -> None:
    with pytest.raises(pytest.fail.Exception), pytest.raises(ClientError):
        stock.list_versions_by_function(FunctionName="no-such-function")


ARN = "arn:aws:lambda:{region}:123456789012:function:{name}"
STATEMENT = {"StatementId": "s", "Action": "lambda:InvokeFunction", "Principal": "*"}


def refuses(code: str, call: Callable[..., Any], **options: Any) -> None:
    """Check that a call is refused with an error of a code."""
    with pytest.raises(ClientError) as error:
        call(**options)
    assert error.value.response["Error"]["Code"] == code


def partial_arns_are_names(lam: Any, name: str) -> None:
    lam.get_function(FunctionName=f"123456789012:function:{name}")


def other_regions_are_out_of_reach(lam: Any, name: str) -> None:
    arn = ARN.format(region="eu-west-1", name=name)
    refuses("ResourceNotFoundException", lam.delete_function, FunctionName=arn)


def latest_stays(lam: Any, name: str) -> None:
    refuses("InvalidParameterValueException", lam.delete_function, FunctionName=name, Qualifier="$LATEST")


def what_an_alias_uses_stays(lam: Any, name: str) -> None:
    lam.create_alias(FunctionName=name, Name="a", FunctionVersion="1")
    refuses("ResourceConflictException", lam.delete_function, FunctionName=name, Qualifier="1")


def numbers_are_given_once(lam: Any, name: str) -> None:
    lam.delete_function(FunctionName=name, Qualifier="1")
    assert lam.publish_version(FunctionName=name)["Version"] == "2"


def revisions_are_told_and_checked(lam: Any, name: str) -> None:
    assert "RevisionId" in lam.get_function_configuration(FunctionName=name)
    refuses("PreconditionFailedException", lam.publish_version, FunctionName=name, RevisionId="old")


def code_is_checked(lam: Any, name: str) -> None:
    refuses("InvalidParameterValueException", lam.publish_version, FunctionName=name, CodeSha256="other")


def what_is_empty_is_left_out(lam: Any, name: str) -> None:
    assert "Layers" not in lam.get_function_configuration(FunctionName=name)


def all_members_are_told(lam: Any, name: str) -> None:
    found = lam.get_function_configuration(FunctionName=name)
    assert {"LoggingConfig", "RuntimeVersionConfig"} <= found.keys()


def all_settings_can_be_changed(lam: Any, name: str) -> None:
    changed = lam.update_function_configuration(FunctionName=name, EphemeralStorage={"Size": 1024})
    assert changed["EphemeralStorage"] == {"Size": 1024}


def statuses_are_those_of_the_api(lam: Any, name: str) -> None:
    lam.create_alias(FunctionName=name, Name="a", FunctionVersion="1")
    answer = lam.get_alias(FunctionName=name, Name="a")
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 200


def request_ids_are_uuids(lam: Any, name: str) -> None:
    try:
        uuid.UUID(lam.get_function(FunctionName=name)["ResponseMetadata"]["RequestId"])
    except ValueError as error:
        raise AssertionError(str(error)) from error


def errors_have_a_type(lam: Any, name: str) -> None:
    with pytest.raises(ClientError) as error:
        lam.get_function(FunctionName=f"{name}-not")
    assert error.value.response.get("Type") == "User"


def retired_runtimes_are_refused(lam: Any, name: str) -> None:
    refuses(
        "InvalidParameterValueException",
        lam.update_function_configuration,
        FunctionName=name,
        Runtime="python3.7",
    )


def aliases_are_checked(lam: Any, name: str) -> None:
    routing = {"AdditionalVersionWeights": {"1": 2.0}}
    refuses(
        "ValidationException",
        lam.create_alias,
        FunctionName=name,
        Name="a",
        FunctionVersion="1",
        RoutingConfig=routing,
    )


def updates_to_the_same_are_no_new_version(lam: Any, name: str) -> None:
    before = lam.publish_version(FunctionName=name)["Version"]
    lam.update_function_configuration(FunctionName=name, Handler="app.handler")
    lam.get_waiter("function_updated").wait(FunctionName=name, WaiterConfig={"Delay": 1})
    assert lam.publish_version(FunctionName=name)["Version"] == before


def aliases_are_there_once(lam: Any, name: str) -> None:
    alias = {"FunctionName": name, "Name": "a", "FunctionVersion": "1"}
    lam.create_alias(**alias)
    refuses("ResourceConflictException", lam.create_alias, **alias)


def aliases_are_filtered(lam: Any, name: str) -> None:
    lam.create_alias(FunctionName=name, Name="a", FunctionVersion="1")
    assert lam.list_aliases(FunctionName=name, FunctionVersion="$LATEST")["Aliases"] == []


def alias_revisions_change(lam: Any, name: str) -> None:
    before = lam.create_alias(FunctionName=name, Name="a", FunctionVersion="1")["RevisionId"]
    assert lam.update_alias(FunctionName=name, Name="a", Description="x")["RevisionId"] != before


def statements_are_there_once(lam: Any, name: str) -> None:
    lam.add_permission(FunctionName=name, **STATEMENT)
    refuses("ResourceConflictException", lam.add_permission, FunctionName=name, **STATEMENT)


def policies_belong_to_qualifiers(lam: Any, name: str) -> None:
    lam.add_permission(FunctionName=name, Qualifier="1", **STATEMENT)
    refuses("ResourceNotFoundException", lam.get_policy, FunctionName=name)


def event_settings_belong_to_qualifiers(lam: Any, name: str) -> None:
    lam.put_function_event_invoke_config(FunctionName=name, MaximumRetryAttempts=1)
    refuses(
        "ResourceNotFoundException", lam.get_function_event_invoke_config, FunctionName=name, Qualifier="1"
    )


def event_settings_are_merged(lam: Any, name: str) -> None:
    lam.put_function_event_invoke_config(FunctionName=name, MaximumRetryAttempts=1)
    merged = lam.update_function_event_invoke_config(FunctionName=name, MaximumEventAgeInSeconds=60)
    assert merged.get("MaximumRetryAttempts") == 1


def reservations_are_for_functions(lam: Any, name: str) -> None:
    refuses(
        "InvalidParameterValueException",
        lam.put_function_concurrency,
        FunctionName=f"{name}:1",
        ReservedConcurrentExecutions=1,
    )


def accounts_have_settings(lam: Any, name: str) -> None:
    assert lam.get_account_settings()["AccountUsage"]["FunctionCount"] >= 1


def concurrency_is_provisioned(lam: Any, name: str) -> None:
    lam.put_provisioned_concurrency_config(
        FunctionName=name, Qualifier="1", ProvisionedConcurrentExecutions=1
    )


def code_can_be_downloaded(lam: Any, name: str) -> None:
    location = lam.get_function(FunctionName=name)["Code"]["Location"]
    assert location.startswith(lam.meta.endpoint_url)


def urls_lead_to_this_machine(lam: Any, name: str) -> None:
    url = lam.create_function_url_config(FunctionName=name, AuthType="NONE")["FunctionUrl"]
    assert url.startswith(lam.meta.endpoint_url)


def urls_are_listed(lam: Any, name: str) -> None:
    assert lam.list_function_url_configs(FunctionName=name)["FunctionUrlConfigs"] == []


def lists_come_in_pages(lam: Any, name: str) -> None:
    assert len(lam.list_versions_by_function(FunctionName=name, MaxItems=1)["Versions"]) == 1


CHECKS = [
    partial_arns_are_names,
    other_regions_are_out_of_reach,
    latest_stays,
    what_an_alias_uses_stays,
    numbers_are_given_once,
    revisions_are_told_and_checked,
    code_is_checked,
    what_is_empty_is_left_out,
    all_members_are_told,
    all_settings_can_be_changed,
    statuses_are_those_of_the_api,
    request_ids_are_uuids,
    errors_have_a_type,
    retired_runtimes_are_refused,
    aliases_are_checked,
    updates_to_the_same_are_no_new_version,
    aliases_are_there_once,
    aliases_are_filtered,
    alias_revisions_change,
    statements_are_there_once,
    policies_belong_to_qualifiers,
    event_settings_belong_to_qualifiers,
    event_settings_are_merged,
    reservations_are_for_functions,
    accounts_have_settings,
    concurrency_is_provisioned,
    code_can_be_downloaded,
    urls_lead_to_this_machine,
    urls_are_listed,
    lists_come_in_pages,
]


@pytest.mark.parametrize("check", CHECKS)
def test_stock_moto_fails_where_localaws_does_as_aws(
    stock: Any, create: Any, functions: Any, check: Callable[[Any, str], None]
) -> None:
    name = create(Publish=True)["FunctionName"]
    with pytest.raises((AssertionError, ClientError, pytest.fail.Exception)):
        check(stock, name)
    made = functions.create(CODE, Publish=True)
    check(functions.lam, made)
    functions.lam.delete_function(FunctionName=made)
