"""Training jobs that are refused before anything starts, and in which words."""

import copy
from typing import Any

import pytest
from moto.sagemaker.exceptions import AWSValidationException

from localaws.sagemaker.training.validation import check_request
from tests.objections import objection

CHANNEL: dict[str, Any] = {
    "ChannelName": "train",
    "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://b/train"}},
}


def request(**changes: Any) -> dict[str, Any]:
    """Return a request as moto's backend gets it, with changes to the members of one level below."""
    members: dict[str, Any] = {
        "algorithm_specification": {"TrainingImage": "image:1", "TrainingInputMode": "File"},
        "resource_config": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 5},
        "stopping_condition": {"MaxRuntimeInSeconds": 600},
        "input_data_config": [copy.deepcopy(CHANNEL)],
    }
    for name, change in changes.items():
        both = isinstance(change, dict) and name in members
        members[name] = members[name] | change if both else change
    return members


def refusal(**changes: Any) -> str:
    """Return why a request is refused."""
    with pytest.raises(AWSValidationException) as caught:
        check_request(request(**changes))
    return str(caught.value.message)


def channel(source: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    """Return InputDataConfig with one channel, its source and its members changed."""
    found = copy.deepcopy(CHANNEL) | changes
    if source is not None:
        found["DataSource"]["S3DataSource"] |= source
    return {"input_data_config": [found]}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"algorithm_specification": {"TrainingInputMode": "FastFile"}},
        {"input_data_config": None},
        {"hyper_parameters": {"sagemaker_mpi_enabled": "false", "epochs": "3"}},
        {"resource_config": {"KeepAlivePeriodInSeconds": 0}},
        {"enable_managed_spot_training": True, "stopping_condition": {"MaxWaitTimeInSeconds": 600}},
        {"checkpoint_config": {"S3Uri": "s3://b/c", "LocalPath": "/opt/ml/checkpoints"}},
        {"checkpoint_config": {"S3Uri": "s3://b/c", "LocalPath": "/opt/ml/models-of-mine"}},
        channel({"S3DataType": "ManifestFile"}, InputMode="FastFile", CompressionType="None"),
    ],
)
def test_what_can_run_passes(changes: dict[str, Any]) -> None:
    assert objection(check_request, request(**changes)) is None


@pytest.mark.parametrize("member", ["algorithm_specification", "resource_config"])
def test_what_the_model_leaves_open_is_required(member: str) -> None:
    """A serverless job has neither; localaws has no such jobs."""
    members = request()
    members[member] = None
    with pytest.raises(AWSValidationException, match="is required to create a training job"):
        check_request(members)


@pytest.mark.parametrize("algorithm", [{"TrainingImage": None}, {"AlgorithmName": "xgboost"}])
def test_a_job_has_an_image_or_an_algorithm(algorithm: dict[str, Any]) -> None:
    assert refusal(algorithm_specification=algorithm) == (
        "AlgorithmSpecification must have either an AlgorithmName or a TrainingImage, and not both."
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"algorithm_specification": {"TrainingInputMode": "Pipe"}},
            "AlgorithmSpecification.TrainingInputMode: localaws has no Pipe mode.",
        ),
        (channel(InputMode="Pipe"), "Channel train: localaws has no Pipe mode."),
        (
            channel({"S3DataType": "AugmentedManifestFile", "AttributeNames": ["a"]}),
            "Channel train: localaws has no S3DataType AugmentedManifestFile; it has S3Prefix and "
            "ManifestFile.",
        ),
        (
            channel(CompressionType="Gzip"),
            "Channel train: CompressionType Gzip is for Pipe mode, which localaws does not have. "
            "Leave it out.",
        ),
        (
            channel(RecordWrapperType="RecordIO"),
            "Channel train: RecordWrapperType RecordIO is for Pipe mode, which localaws does not have. "
            "Leave it out.",
        ),
        (
            channel(DataSource={"FileSystemDataSource": {}}),
            "Channel train: localaws has data sources in S3 only.",
        ),
        (
            {"resource_config": {"InstanceGroups": [{"InstanceCount": 1}]}},
            "ResourceConfig.InstanceGroups: localaws runs homogeneous clusters only.",
        ),
        (
            {"resource_config": {"KeepAlivePeriodInSeconds": 600}},
            "ResourceConfig.KeepAlivePeriodInSeconds: localaws keeps no warm pools, as its instances start "
            "at once. Leave it out.",
        ),
        (
            {"hyper_parameters": {"sagemaker_mpi_enabled": "true"}},
            "HyperParameters: localaws has no launcher for sagemaker_mpi_enabled: a script starts once on "
            "each host, or by torchrun (sagemaker_torch_distributed_enabled).",
        ),
    ],
)
def test_what_localaws_lacks_is_refused_by_its_name(changes: dict[str, Any], message: str) -> None:
    assert refusal(**changes) == message


@pytest.mark.parametrize(
    ("resources", "message"),
    [
        ({"InstanceCount": 0}, "Value '0' at 'resourceConfig.instanceCount' failed to satisfy constraint"),
        (
            {"InstanceCount": None},
            "Value null at 'resourceConfig.instanceCount' failed to satisfy constraint",
        ),
        ({"InstanceType": None}, "Value null at 'resourceConfig.instanceType' failed to satisfy constraint"),
    ],
)
def test_an_instance_has_a_type_and_a_number(resources: dict[str, Any], message: str) -> None:
    """The service's model leaves both open, for clusters of instance groups."""
    assert message in refusal(resource_config=resources)


@pytest.mark.parametrize(
    ("is_spot", "condition", "message"),
    [
        (
            False,
            {"MaxWaitTimeInSeconds": 600},
            "Invalid MaxWaitTimeInSeconds. It is only supported when EnableManagedSpotTraining is set to "
            "true",
        ),
        (
            True,
            {},
            "Invalid MaxWaitTimeInSeconds. It must be present and be greater than or equal to "
            "MaxRuntimeInSeconds",
        ),
        (
            True,
            {"MaxWaitTimeInSeconds": 599},
            "Invalid MaxWaitTimeInSeconds. It must be present and be greater than or equal to "
            "MaxRuntimeInSeconds",
        ),
        (
            True,
            {"MaxRuntimeInSeconds": None, "MaxWaitTimeInSeconds": 86_399},
            "Invalid MaxWaitTimeInSeconds. It must be present and be greater than or equal to "
            "MaxRuntimeInSeconds",
        ),
    ],
)
def test_spot_capacity_is_waited_for_as_long_as_the_job_may_run(
    is_spot: bool, condition: dict[str, Any], message: str
) -> None:
    """Without MaxRuntimeInSeconds a job may run for a day (API_StoppingCondition)."""
    assert refusal(enable_managed_spot_training=is_spot, stopping_condition=condition) == message


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/opt/ml", "is a folder that SageMaker itself uses; choose another"),
        ("/opt/ml/model", "is a folder that SageMaker itself uses; choose another"),
        ("/opt/ml/input/data", "is a folder that SageMaker itself uses; choose another"),
        ("/opt/ml/../etc", "localaws keeps checkpoints below /opt/ml only"),
        ("/tmp/checkpoints", "localaws keeps checkpoints below /opt/ml only"),
    ],
)
def test_checkpoints_have_a_folder_of_their_own(path: str, message: str) -> None:
    assert message in refusal(checkpoint_config={"S3Uri": "s3://b/c", "LocalPath": path})


def test_checkpoints_lie_in_s3() -> None:
    assert "'checkpointConfig.s3Uri' failed to satisfy constraint" in refusal(
        checkpoint_config={"S3Uri": "https://example.com/c"}
    )


@pytest.mark.parametrize("name", [".", ".."])
def test_a_channel_s_name_is_a_folder_s(name: str) -> None:
    assert refusal(**channel(ChannelName=name)) == (
        f"A channel's name becomes a folder's name, and cannot be {name!r}."
    )


def test_channels_have_names_of_their_own() -> None:
    assert refusal(input_data_config=[CHANNEL, CHANNEL]) == (
        "Channel names must be unique within a training job: train"
    )


def test_a_metric_is_found_by_a_regular_expression() -> None:
    metrics = [{"Name": "loss", "Regex": "loss=(.*"}]
    assert refusal(algorithm_specification={"MetricDefinitions": metrics}).startswith(
        "Invalid regular expression 'loss=(.*' of metric 'loss': "
    )
