"""VPC, keys, traffic encryption and isolation, in each request that takes them and in no other place."""

import dataclasses
from typing import Any

import pytest
from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.validate import ParamValidator

from musher.payloads.endpoints import EndpointPlan, build_endpoint
from musher.payloads.functions import FunctionPlan, build_configuration_update, build_function
from musher.payloads.training import TrainingPlan, build_training_job
from musher.payloads.tuning import TuningPlan, build_tuning_job
from musher.settings import Settings

PLAIN = Settings(account_id="123456789012", training_image="registry/train:1")
OUTPUT_KEY = "arn:aws:kms:us-east-1:123456789012:key/12345678-90ab-cdef-1234-567890abcdef"
VOLUME_KEY = "arn:aws:kms:us-east-1:123456789012:alias/disks"
GUARDED = dataclasses.replace(
    PLAIN,
    subnets=("subnet-0123456789abcdef0", "subnet-0123456789abcdef1"),
    security_groups=("sg-0123456789abcdef0",),
    output_kms_key=OUTPUT_KEY,
    volume_kms_key=VOLUME_KEY,
    encrypt_traffic=True,
    isolate_network=True,
)
VPC = {"SecurityGroupIds": ["sg-0123456789abcdef0"], "Subnets": list(GUARDED.subnets)}
TRAINING = TrainingPlan(
    job_name="musher-t-0123abcd",
    source_uri="s3://b/musher/code/ff/sourcedir.tar.gz",
    channels={"train": "s3://b/d/train/"},
    hyperparameters={"learning_rate": 0.1, "batch_size": 32},
    instance_type="ml.m5.xlarge",
    instance_count=2,
    max_runtime_s=3600,
    metric_definitions=[{"Name": "best:valid_loss", "Regex": "best:valid_loss=([0-9.]+)"}],
    tags={"musher:project": "musher"},
)
TUNING = TuningPlan(
    trial=TRAINING,
    strategy="Random",
    ranges={"learning_rate": {"type": "continuous", "min": 0.01, "max": 0.1}},
    trials=2,
    parallel=1,
    seed=1,
    max_epochs=2,
)
ENDPOINT = EndpointPlan(
    model_name="musher-0123abcd",
    endpoint_config_name="musher-0123abcd",
    endpoint_name="musher-0123abcd",
    image="registry/serve:1",
    model_uri="s3://b/model.tar.gz",
    package_arn="arn:aws:sagemaker:us-east-1:123456789012:model-package/musher/1",
    instance_type="ml.m5.large",
    instance_count=1,
    tags={},
)
FUNCTION = FunctionPlan(name="musher-0123abcd", code_key="k", endpoint_name="musher-0123abcd", tags={})


def requests(settings: Settings) -> dict[tuple[str, str], dict[str, Any]]:
    """Return every request that creates something, by service and operation."""
    endpoint = build_endpoint(settings, plan=ENDPOINT)
    return {
        ("sagemaker", "CreateTrainingJob"): build_training_job(settings, plan=TRAINING),
        ("sagemaker", "CreateHyperParameterTuningJob"): build_tuning_job(settings, plan=TUNING),
        ("sagemaker", "CreateModel"): endpoint["Model"],
        ("sagemaker", "CreateEndpointConfig"): endpoint["EndpointConfig"],
        ("sagemaker", "CreateEndpoint"): endpoint["Endpoint"],
        ("lambda", "CreateFunction"): build_function(settings, plan=FUNCTION),
    }


def difference(plain: dict[str, Any], guarded: dict[str, Any]) -> dict[str, Any]:
    """Return the members that only the guarded request has, or has with another value."""
    return {key: value for key, value in guarded.items() if plain.get(key) != value}


@pytest.mark.parametrize("settings", [PLAIN, GUARDED], ids=["plain", "guarded"])
@pytest.mark.parametrize("operation", list(requests(PLAIN)), ids=lambda operation: operation[1])
def test_boto3_takes_each_request(settings: Settings, operation: tuple[str, str]) -> None:
    service, name = operation
    shape = ServiceModel(Loader().load_service_model(service, "service-2")).operation_model(name).input_shape
    report = ParamValidator().validate(requests(settings)[operation], shape)
    assert not report.has_errors(), report.generate_report()


@pytest.mark.parametrize("name", ["CreateTrainingJob", "CreateHyperParameterTuningJob"])
def test_a_job_runs_in_the_vpc_encrypted_and_isolated(name: str) -> None:
    plain, guarded = (requests(settings)["sagemaker", name] for settings in (PLAIN, GUARDED))
    if name == "CreateHyperParameterTuningJob":
        plain, guarded = plain["TrainingJobDefinition"], guarded["TrainingJobDefinition"]
    found = difference(plain, guarded)
    assert found.pop("VpcConfig") == VPC
    assert found.pop("EnableInterContainerTrafficEncryption") is True
    assert found.pop("EnableNetworkIsolation") is True
    assert found.pop("OutputDataConfig") == {**plain["OutputDataConfig"], "KmsKeyId": OUTPUT_KEY}
    assert found.pop("ResourceConfig") == {**plain["ResourceConfig"], "VolumeKmsKeyId": VOLUME_KEY}
    assert set(found) == {"InputDataConfig", next(key for key in guarded if key.endswith("HyperParameters"))}


def test_an_isolated_job_gets_its_code_as_a_channel() -> None:
    """Script mode fetches the code from S3 inside the container, which isolation forbids."""
    request = requests(GUARDED)["sagemaker", "CreateTrainingJob"]
    assert request["HyperParameters"]["sagemaker_submit_directory"] == (
        "/opt/ml/input/data/code/sourcedir.tar.gz"
    )
    code = {c["ChannelName"]: c["DataSource"]["S3DataSource"]["S3Uri"] for c in request["InputDataConfig"]}
    assert code == {"train": "s3://b/d/train/", "code": TRAINING.source_uri}


def test_an_endpoint_runs_in_the_vpc_isolated_on_encrypted_disks() -> None:
    plain, guarded = requests(PLAIN), requests(GUARDED)
    found = {name: difference(plain[name], guarded[name]) for name in plain if name[0] == "sagemaker"}
    assert found["sagemaker", "CreateModel"] == {"VpcConfig": VPC, "EnableNetworkIsolation": True}
    assert found["sagemaker", "CreateEndpointConfig"] == {"KmsKeyId": VOLUME_KEY}
    assert found["sagemaker", "CreateEndpoint"] == {}


def test_a_function_runs_in_the_vpc_also_after_an_update() -> None:
    plain, guarded = (requests(settings)["lambda", "CreateFunction"] for settings in (PLAIN, GUARDED))
    vpc = {"VpcConfig": {"SecurityGroupIds": VPC["SecurityGroupIds"], "SubnetIds": VPC["Subnets"]}}
    assert difference(plain, guarded) == vpc
    assert build_configuration_update(guarded)["VpcConfig"] == vpc["VpcConfig"]
