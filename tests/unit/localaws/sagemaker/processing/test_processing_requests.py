"""What a processing job is to do, and what is refused before it starts."""

from typing import Any

import pytest
from moto.sagemaker.exceptions import AWSValidationException

from localaws.sagemaker.processing.spec import DEFAULT_MAX_RUNTIME_S, ProcessingSpec
from localaws.sagemaker.processing.validation import check_request
from tests.objections import objection

CLUSTER = {"InstanceType": "ml.m5.large", "InstanceCount": 2, "VolumeSizeInGB": 5}


def an_input(name: str = "photos", *, app_managed: bool = False, **source: Any) -> dict[str, Any]:
    """Return a member of ProcessingInputs."""
    place = {"S3Uri": f"s3://b/{name}", "S3DataType": "S3Prefix", "LocalPath": f"/opt/ml/processing/{name}"}
    return {"InputName": name, "AppManaged": app_managed, "S3Input": place | source}


def an_output(name: str = "clean", *, app_managed: bool = False, **target: Any) -> dict[str, Any]:
    """Return a member of Outputs."""
    place = {"S3Uri": f"s3://b/{name}", "LocalPath": f"/opt/ml/processing/{name}", "S3UploadMode": "EndOfJob"}
    return {"OutputName": name, "AppManaged": app_managed, "S3Output": place | target}


def request(**members: Any) -> dict[str, Any]:
    """Return a request of CreateProcessingJob."""
    return {
        "ProcessingJobName": "clean-photos",
        "RoleArn": "arn:aws:iam::123456789012:role/r",
        "AppSpecification": {"ImageUri": "image:1", "ContainerEntrypoint": ["python3", "clean.py"]},
        "ProcessingResources": {"ClusterConfig": CLUSTER},
    } | members


def spec_of(**members: Any) -> ProcessingSpec:
    """Return what a request asks for."""
    asked = request(**members)
    return ProcessingSpec.from_request(asked, arn="arn", account_id="123456789012", region="us-east-1")


def test_hosts_are_named_as_aws_names_them() -> None:
    spec = spec_of()
    assert spec.hosts == ("algo-1", "algo-2")
    assert (spec.entrypoint, spec.arguments) == (("python3", "clean.py"), ())


@pytest.mark.parametrize(
    ("condition", "seconds"),
    [(None, DEFAULT_MAX_RUNTIME_S), ({}, DEFAULT_MAX_RUNTIME_S), ({"MaxRuntimeInSeconds": 60}, 60)],
)
def test_a_job_may_run_for_a_day_unless_it_says_otherwise(condition: Any, seconds: int) -> None:
    assert spec_of(StoppingCondition=condition).max_runtime_s == seconds


def test_what_the_application_manages_is_not_moved() -> None:
    spec = spec_of(
        ProcessingInputs=[an_input(), an_input("own", app_managed=True)],
        ProcessingOutputConfig={"Outputs": [an_output(), an_output("own", app_managed=True)]},
    )
    assert [item.local_path for item in spec.inputs] == ["/opt/ml/processing/photos"]
    assert [output.local_path for output in spec.outputs] == ["/opt/ml/processing/clean"]


@pytest.mark.parametrize("mode", ["Continuous", "EndOfJob"])
def test_an_output_goes_up_while_the_job_runs_or_at_its_end(mode: str) -> None:
    (output,) = spec_of(ProcessingOutputConfig={"Outputs": [an_output(S3UploadMode=mode)]}).outputs
    assert output.is_continuous is (mode == "Continuous")


@pytest.mark.parametrize(
    ("given", "distribution"),
    [({}, "FullyReplicated"), ({"S3DataDistributionType": "ShardedByS3Key"}, "ShardedByS3Key")],
)
def test_an_input_is_for_every_host_unless_it_is_dealt_out(given: dict[str, Any], distribution: str) -> None:
    (found,) = spec_of(ProcessingInputs=[an_input(**given)]).inputs
    assert (found.channel.distribution, found.channel.data_type) == (distribution, "S3Prefix")


def test_the_container_is_told_what_was_asked_for() -> None:
    config = spec_of(Environment={"A": "b"}, ExperimentConfig=None).config
    assert config["ProcessingJobArn"] == "arn"
    assert config["Environment"] == {"A": "b"}
    assert "ExperimentConfig" not in config


@pytest.mark.parametrize(
    "members",
    [
        {},
        {"ProcessingInputs": [an_input(S3InputMode="File", S3CompressionType="None")]},
        {"ProcessingInputs": [an_input(app_managed=True, LocalPath="/anywhere")]},
        {"ProcessingOutputConfig": {"Outputs": [an_output(LocalPath="/opt/ml/processing/a/b")]}},
    ],
)
def test_what_can_run_passes(members: dict[str, Any]) -> None:
    assert objection(check_request, request(**members)) is None


@pytest.mark.parametrize(
    ("members", "message"),
    [
        (
            {"ProcessingResources": {"ClusterConfig": {"VolumeSizeInGB": 5}}},
            "localaws needs InstanceType and InstanceCount, and has no InstancePreferences",
        ),
        (
            {"ProcessingInputs": [an_input(S3InputMode="Pipe")]},
            "Input photos: localaws has S3InputMode File without compression only.",
        ),
        (
            {"ProcessingInputs": [an_input(S3CompressionType="Gzip")]},
            "Input photos: localaws has S3InputMode File without compression only.",
        ),
        (
            {"ProcessingInputs": [{"InputName": "rows", "DatasetDefinition": {"LocalPath": "/x"}}]},
            "Input rows: localaws has inputs in S3 only, and no DatasetDefinition.",
        ),
        (
            {"ProcessingOutputConfig": {"Outputs": [{"OutputName": "rows", "FeatureStoreOutput": {}}]}},
            "Output rows: localaws has outputs in S3 only.",
        ),
    ],
)
def test_what_localaws_lacks_is_refused_by_its_name(members: dict[str, Any], message: str) -> None:
    with pytest.raises(AWSValidationException, match=message):
        check_request(request(**members))


@pytest.mark.parametrize(
    "path", [None, "", "/opt/ml/processing", "/opt/ml/model", "/etc", "/opt/ml/processing/../x", "relative"]
)
def test_folders_lie_below_opt_ml_processing(path: str | None) -> None:
    sides = (
        {"ProcessingInputs": [an_input(LocalPath=path)]},
        {"ProcessingOutputConfig": {"Outputs": [an_output(LocalPath=path)]}},
    )
    for members in sides:
        with pytest.raises(AWSValidationException, match="must be a folder below /opt/ml/processing"):
            check_request(request(**members))
