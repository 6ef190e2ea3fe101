"""The requests of a batch transform job and its model."""

import dataclasses

from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.validate import ParamValidator

from musher.payloads.transform import TransformPlan, build_transform, rename_transform_job
from musher.settings import Settings

SETTINGS = Settings(account_id="123456789012")
FOLDER = "s3://musher-123456789012-us-east-1/musher/jobs"
PLAN = TransformPlan(
    job_name="musher-batch-0123abcd",
    model_name="musher-batch-0123abcd-89abcdef",
    image="registry/serve:1",
    model_uri="s3://b/musher/jobs/j/output/model.tar.gz",
    input_uri="s3://b/photos/",
    instance_type="ml.m5.large",
    instance_count=2,
    max_runtime_s=600,
    tags={"musher:project": "musher"},
)


def test_images_of_any_type_go_to_a_model_that_works_as_the_role_of_jobs() -> None:
    request = build_transform(SETTINGS, plan=PLAN)
    job = request["Transform"]
    assert request["Model"]["ExecutionRoleArn"].endswith(":role/musher-sagemaker")
    assert request["Model"]["ModelName"] == job["ModelName"] == PLAN.model_name
    assert request["MaxRuntimeInSeconds"] == 600
    assert job["TransformInput"] == {
        "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://b/photos/"}},
        "ContentType": "application/x-image",
    }
    assert job["TransformOutput"] == {
        "S3OutputPath": f"{FOLDER}/musher-batch-0123abcd/output/",
        "Accept": "application/json",
    }
    assert job["TransformResources"] == {"InstanceType": "ml.m5.large", "InstanceCount": 2}
    assert job["MaxPayloadInMB"] * job["MaxConcurrentTransforms"] <= 100


def test_disks_and_answers_have_the_installations_keys_and_aws_knows_every_member() -> None:
    keys = {name: f"arn:aws:kms:us-east-1:123456789012:alias/{name}" for name in ("out", "disks")}
    settings = dataclasses.replace(SETTINGS, output_kms_key=keys["out"], volume_kms_key=keys["disks"])
    request = build_transform(settings, plan=PLAN)
    job = request["Transform"]
    assert job["TransformOutput"]["KmsKeyId"] == keys["out"]
    assert job["TransformResources"]["VolumeKmsKeyId"] == keys["disks"]
    model = ServiceModel(Loader().load_service_model("sagemaker", "service-2"))
    for operation, given in (("CreateModel", request["Model"]), ("CreateTransformJob", job)):
        shape = model.operation_model(operation).input_shape
        assert not ParamValidator().validate(given, shape).has_errors()


def test_each_attempt_has_a_folder_of_its_own() -> None:
    job = build_transform(SETTINGS, plan=PLAN)["Transform"]
    again = rename_transform_job(job, job_name="musher-batch-0123abcd-2")
    assert again["TransformJobName"] == "musher-batch-0123abcd-2"
    assert again["TransformOutput"]["S3OutputPath"] == f"{FOLDER}/musher-batch-0123abcd-2/output/"
    assert again["TransformInput"] == job["TransformInput"]
