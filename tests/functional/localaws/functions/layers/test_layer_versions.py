"""Layers over their life: what functions get of them, and what is refused."""

import uuid
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

READ = (
    "import os, sys\n"
    "def handler(event, context):\n"
    "    import breeds\n"
    "    return [breeds.NAME, sorted(os.listdir('/opt'))]\n"
)


@pytest.fixture
def layer() -> str:
    """The name of a new layer."""
    return f"layer-{uuid.uuid4().hex[:8]}"


def publish(functions: Any, layer: str, files: dict[str, str], **options: Any) -> Any:
    """Publish a version of a layer."""
    code = {"ZipFile": functions.zip_of(files)}
    return functions.lam.publish_layer_version(LayerName=layer, Content=code, **options)


def test_a_later_layer_wins(functions: Any, layer: str) -> None:
    first = publish(functions, layer, {"python/breeds.py": "NAME = 'first'\n", "one": "1"})
    second = publish(functions, f"{layer}-2", {"python/breeds.py": "NAME = 'second'\n", "two": "2"})
    arns = [first["LayerVersionArn"], second["LayerVersionArn"]]
    name = functions.create(READ, Layers=arns)
    assert functions.invoke(name).json[0] == "second"
    assert {"one", "two", "python"} <= set(functions.invoke(name).json[1])
    functions.lam.update_function_configuration(FunctionName=name, Layers=arns[::-1])
    functions.lam.get_waiter("function_updated_v2").wait(FunctionName=name)
    assert functions.invoke(name).json[0] == "first"
    functions.lam.update_function_configuration(FunctionName=name, Layers=[])
    functions.lam.get_waiter("function_updated_v2").wait(FunctionName=name)
    assert functions.invoke(name).json["errorType"] == "ModuleNotFoundError"
    assert "Layers" not in functions.lam.get_function_configuration(FunctionName=name)


def test_a_function_keeps_a_layer_that_is_deleted(functions: Any, layer: str) -> None:
    made = publish(functions, layer, {"python/breeds.py": "NAME = 'kept'\n"})
    name = functions.create(READ, Layers=[made["LayerVersionArn"]])
    functions.lam.delete_layer_version(LayerName=layer, VersionNumber=1)
    assert functions.invoke(name).json[0] == "kept"
    with pytest.raises(ClientError, match="does not exist") as error:
        functions.create(READ, Layers=[made["LayerVersionArn"]])
    assert error.value.response["Error"]["Code"] == "InvalidParameterValueException"


def test_versions_are_numbered_and_described(functions: Any, layer: str) -> None:
    options = {"Description": "dogs", "CompatibleRuntimes": ["python3.11"], "LicenseInfo": "MIT"}
    first = publish(functions, layer, {"a": ""}, **options)
    second = publish(functions, layer, {"b": ""})
    assert (first["Version"], second["Version"]) == (1, 2)
    assert first["LayerVersionArn"] == f"{first['LayerArn']}:1"
    got = functions.lam.get_layer_version(LayerName=layer, VersionNumber=1)
    assert {name: got[name] for name in options} == options
    listed = functions.lam.list_layer_versions(LayerName=layer)["LayerVersions"]
    assert sorted(version["Version"] for version in listed) == [1, 2]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"ZipFile": b"no zip"}, "Could not unzip uploaded file"),
        ({"S3Bucket": "no-such-bucket-at-all", "S3Key": "k"}, "NoSuchBucket"),
        ({}, "Please provide a source for layer code"),
    ],
)
def test_a_layer_that_cannot_be_is_refused(
    functions: Any, layer: str, content: dict[str, Any], message: str
) -> None:
    with pytest.raises(ClientError, match=message) as error:
        functions.lam.publish_layer_version(LayerName=layer, Content=content)
    assert error.value.response["Error"]["Code"] == "InvalidParameterValueException"
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400


def test_a_layer_that_is_not_there_is_not_found(functions: Any, layer: str) -> None:
    with pytest.raises(ClientError, match="The resource you requested does not exist") as error:
        functions.lam.get_layer_version(LayerName=layer, VersionNumber=1)
    assert error.value.response["Error"]["Code"] == "ResourceNotFoundException"
    functions.lam.delete_layer_version(LayerName=layer, VersionNumber=1)  # fine, as on AWS


def test_stock_moto_keeps_a_layer_that_is_no_archive(layer: str) -> None:
    with mock_aws():
        lam = boto3.client("lambda", region_name="us-east-1")
        assert lam.publish_layer_version(LayerName=layer, Content={"ZipFile": b"no zip"})["Version"] == 1
        with pytest.raises(ClientError, match="Cannot find layer"):
            lam.get_layer_version(LayerName=f"{layer}-2", VersionNumber=1)
