"""Properties of AWS::Lambda::* in templates, as requests of the API."""

import base64
import io
import zipfile
from typing import Any

import pytest
from moto.awslambda.exceptions import LambdaClientError

from localaws.functions.stacks.functions import read_request
from localaws.functions.stacks.properties import (
    check_request,
    read_provisioned,
    read_routing,
    read_tags,
    refuse_others,
)

FUNCTION = {
    "Code": {"S3Bucket": "code", "S3Key": "app.zip"},
    "Handler": "app.handler",
    "Role": "arn:aws:iam::123456789012:role/r",
    "Runtime": "python3.11",
}


def test_tags_are_a_map_in_the_api() -> None:
    assert read_tags([{"Key": "a", "Value": "1"}, {"Key": "b", "Value": ""}]) == {"a": "1", "b": ""}


@pytest.mark.parametrize(
    ("routing", "expected"),
    [
        (None, None),
        ({}, {"AdditionalVersionWeights": {}}),
        (
            {"AdditionalVersionWeights": [{"FunctionVersion": 2, "FunctionWeight": "0.25"}]},
            {"AdditionalVersionWeights": {"2": 0.25}},
        ),
    ],
)
def test_weights_are_a_map_in_the_api(routing: Any, expected: Any) -> None:
    assert read_routing(routing) == expected


def test_a_number_of_environments_may_be_a_text() -> None:
    assert read_provisioned({"ProvisionedConcurrentExecutions": "3"}) == 3
    assert read_provisioned(None) is None


def test_a_property_without_effect_is_named() -> None:
    refuse_others("AWS::Lambda::Version", {"FunctionName": "f"}, known=("FunctionName", "Description"))
    with pytest.raises(LambdaClientError, match="the property A of AWS::Lambda::Version"):
        refuse_others("AWS::Lambda::Version", {"B": 1, "A": 1, "FunctionName": "f"}, known=("FunctionName",))


@pytest.mark.parametrize(
    ("action", "request_", "code", "message"),
    [
        (
            "PublishVersion",
            {},
            "ValidationException",
            "1 validation error detected: Value null at 'functionName' failed to satisfy constraint: "
            "Member must not be null",
        ),
        (
            "CreateAlias",
            {"FunctionName": "f", "Name": "1", "FunctionVersion": "x"},
            "ValidationException",
            "2 validation errors detected: Value '1' at 'name' failed",
        ),
        (
            "CreateAlias",
            {"FunctionName": "f", "Name": [], "FunctionVersion": "1"},
            "SerializationException",
            "Start of list can not be converted to a String",
        ),
    ],
)
def test_the_model_refuses_in_its_own_words(
    action: str, request_: dict[str, Any], code: str, message: str
) -> None:
    with pytest.raises(LambdaClientError) as error:
        check_request(action, request_)
    assert error.value.error_type == code
    assert str(error.value.message).startswith(message)


def test_a_program_in_the_template_becomes_an_archive() -> None:
    source = "def handler(event, context):\n    return 1\n"
    request = read_request(FUNCTION | {"Code": {"ZipFile": source}}, name="dogs")
    archive = zipfile.ZipFile(io.BytesIO(base64.b64decode(request["Code"]["ZipFile"])))
    assert archive.read("index.py").decode() == source
    assert "cfnresponse.py" in archive.namelist()


def test_a_function_of_a_template_is_one_of_the_api() -> None:
    key = "arn:aws:kms:us-east-1:123456789012:key/k"
    more = {"KmsKeyArn": key, "Tags": [{"Key": "a", "Value": "1"}], "ReservedConcurrentExecutions": 2}
    assert read_request(FUNCTION | more | {"FunctionName": "ignored"}, name="dogs") == FUNCTION | {
        "FunctionName": "dogs",
        "KMSKeyArn": key,
        "Tags": {"a": "1"},
    }


@pytest.mark.parametrize(
    ("properties", "message"),
    [
        ({"Role": None}, "Value null at 'role' failed"),
        ({"Environment": {"Variables": {"1": "x"}}}, "Map keys must satisfy constraint"),
        ({"EphemeralStorage": {"Size": 511}}, "Value '511' at 'ephemeralStorage.size' failed"),
        ({"LoggingConfig": {"LogFormat": "XML"}}, "Value 'XML' at 'loggingConfig.logFormat' failed"),
        ({"TracingConfig": {"Mode": "All"}}, "Value 'All' at 'tracingConfig.mode' failed"),
        ({"RuntimeManagementConfig": {}}, "does not implement the property RuntimeManagementConfig"),
    ],
)
def test_a_function_that_the_api_refuses_is_refused(properties: dict[str, Any], message: str) -> None:
    with pytest.raises(LambdaClientError) as error:
        read_request(FUNCTION | properties, name="dogs")
    assert message in str(error.value.message)
