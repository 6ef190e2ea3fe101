"""What users of SageMaker's SDK v3 do: `python sdk_v3.py NAME BUCKET ROLE`; JSON comes out last."""

import json
import sys
import uuid
from typing import Any

import boto3
from sagemaker.core import resources, shapes
from sagemaker.core.helper.session_helper import Session
from sagemaker.core.training.configs import SourceCode

BUCKET, ROLE = sys.argv[2:4]
NAME = f"sdk-v3-{uuid.uuid4().hex[:8]}"
IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/pytorch-training:2"
COUNT = {"instance_type": "ml.m5.large", "instance_count": 1}
CLUSTER = COUNT | {"volume_size_in_gb": 5}
SCRIPT = {
    "sagemaker_program": "train.py",
    "sagemaker_submit_directory": f"s3://{BUCKET}/source.tar.gz",
}
LIMIT = shapes.StoppingCondition(max_runtime_in_seconds=600)
OUTPUT = shapes.OutputDataConfig(s3_output_path=f"s3://{BUCKET}/jobs")


def channels() -> list[shapes.Channel]:
    """Return the channel `train`."""
    source = shapes.S3DataSource(s3_data_type="S3Prefix", s3_uri=f"s3://{BUCKET}/data")
    return [shapes.Channel(channel_name="train", data_source=shapes.DataSource(s3_data_source=source))]


def train() -> dict[str, Any]:
    """Create, wait for, list and delete a training job."""
    job = resources.TrainingJob.create(
        training_job_name=NAME,
        role_arn=ROLE,
        algorithm_specification=shapes.AlgorithmSpecification(
            training_image=IMAGE, training_input_mode="File"
        ),
        hyper_parameters=SCRIPT,
        input_data_config=channels(),
        output_data_config=OUTPUT,
        resource_config=shapes.ResourceConfig(**CLUSTER),
        stopping_condition=LIMIT,
    )
    job.wait(poll=1)
    found = [item.training_job_name for item in resources.TrainingJob.get_all(name_contains=NAME)]
    status = resources.TrainingJob.get(NAME).training_job_status
    job.delete()
    left = list(resources.TrainingJob.get_all(name_contains=NAME))
    return {"status": status, "found": found == [NAME], "left": len(left)}


def tune() -> dict[str, Any]:
    """Create, wait for, list and delete a tuning job."""
    ranges = [shapes.ContinuousParameterRange(name="rate", min_value="0.1", max_value="0.9")]
    metrics = [shapes.MetricDefinition(name="loss", regex="loss=([0-9.]+);")]
    job = resources.HyperParameterTuningJob.create(
        hyper_parameter_tuning_job_name=NAME,
        hyper_parameter_tuning_job_config=shapes.HyperParameterTuningJobConfig(
            strategy="Random",
            resource_limits=shapes.ResourceLimits(
                max_number_of_training_jobs=2, max_parallel_training_jobs=2
            ),
            hyper_parameter_tuning_job_objective=shapes.HyperParameterTuningJobObjective(
                type="Minimize", metric_name="loss"
            ),
            parameter_ranges=shapes.ParameterRanges(continuous_parameter_ranges=ranges),
        ),
        training_job_definition=shapes.HyperParameterTrainingJobDefinition(
            role_arn=ROLE,
            static_hyper_parameters=SCRIPT,
            algorithm_specification=shapes.HyperParameterAlgorithmSpecification(
                training_image=IMAGE, training_input_mode="File", metric_definitions=metrics
            ),
            input_data_config=channels(),
            output_data_config=OUTPUT,
            resource_config=shapes.ResourceConfig(**CLUSTER),
            stopping_condition=LIMIT,
        ),
    )
    job.wait(poll=1)
    job.refresh()
    trials = [item.training_job_name for item in job.get_all_training_jobs()]
    best = job.best_training_job.training_job_name
    job.delete()
    left = list(resources.HyperParameterTuningJob.get_all(name_contains=NAME))
    return {
        "status": job.hyper_parameter_tuning_job_status,
        "trials": len(trials),
        "best": best in trials,
        "left": len(left),
    }


def process() -> dict[str, Any]:
    """Create, wait for and list a processing job."""

    def input_of(name: str, uri: str, path: str) -> shapes.ProcessingInput:
        place = shapes.ProcessingS3Input(
            s3_uri=uri, local_path=path, s3_data_type="S3Prefix", s3_input_mode="File"
        )
        return shapes.ProcessingInput(input_name=name, s3_input=place)

    place = shapes.ProcessingS3Output(
        s3_uri=f"s3://{BUCKET}/result", local_path="/opt/ml/processing/output", s3_upload_mode="EndOfJob"
    )
    job = resources.ProcessingJob.create(
        processing_job_name=NAME,
        role_arn=ROLE,
        app_specification=shapes.AppSpecification(
            image_uri=IMAGE,
            container_entrypoint=["python3", "/opt/ml/processing/code/process.py"],
            container_arguments=["--case", "upper"],
        ),
        processing_resources=shapes.ProcessingResources(
            cluster_config=shapes.ProcessingClusterConfig(**CLUSTER)
        ),
        processing_inputs=[
            input_of("code", f"s3://{BUCKET}/code/process.py", "/opt/ml/processing/code"),
            input_of("data", f"s3://{BUCKET}/data", "/opt/ml/processing/input"),
        ],
        processing_output_config=shapes.ProcessingOutputConfig(
            outputs=[shapes.ProcessingOutput(output_name="result", s3_output=place)]
        ),
    )
    job.wait(poll=1)
    found = [item.processing_job_name for item in resources.ProcessingJob.get_all(name_contains=NAME)]
    body = boto3.client("s3").get_object(Bucket=BUCKET, Key="result/result.csv")["Body"].read().decode()
    return {"status": job.processing_job_status, "found": found == [NAME], "output": body}


def serve() -> dict[str, Any]:
    """Create model, configuration and endpoint; invoke, rescale, transform, list, delete."""
    model = resources.Model.create(
        model_name=NAME,
        execution_role_arn=ROLE,
        primary_container=shapes.ContainerDefinition(
            image=IMAGE, model_data_url=f"s3://{BUCKET}/served.tar.gz"
        ),
    )
    variant = shapes.ProductionVariant(
        variant_name="AllTraffic", model_name=NAME, instance_type="ml.m5.large", initial_instance_count=1
    )
    config = resources.EndpointConfig.create(endpoint_config_name=NAME, production_variants=[variant])
    endpoint = resources.Endpoint.create(endpoint_name=NAME, endpoint_config_name=NAME)
    endpoint.wait_for_status("InService", poll=1)
    answer = endpoint.invoke(body=b"hello", content_type="text/plain").body.read()
    wanted = shapes.DesiredWeightAndCapacity(variant_name="AllTraffic", desired_instance_count=2)
    endpoint.update_weights_and_capacities(desired_weights_and_capacities=[wanted])
    endpoint.wait_for_status("InService", poll=1)
    count = resources.Endpoint.get(NAME).production_variants[0].current_instance_count
    found = [
        [item.endpoint_name for item in resources.Endpoint.get_all(name_contains=NAME)],
        [item.endpoint_config_name for item in resources.EndpointConfig.get_all(name_contains=NAME)],
        [item.model_name for item in resources.Model.get_all(name_contains=NAME)],
    ]
    transformed = transform()
    endpoint.delete()
    endpoint.wait_for_delete(poll=1)
    config.delete()
    model.delete()
    return {
        "answer": json.loads(answer),
        "count": count,
        "found": found == [[NAME]] * 3,
        "transformed": transformed,
        "left": len(list(resources.Model.get_all(name_contains=NAME))),
    }


def transform() -> str:
    """Transform the data with the model; return what came out."""
    source = shapes.TransformS3DataSource(s3_data_type="S3Prefix", s3_uri=f"s3://{BUCKET}/data")
    job = resources.TransformJob.create(
        transform_job_name=NAME,
        model_name=NAME,
        transform_input=shapes.TransformInput(
            data_source=shapes.TransformDataSource(s3_data_source=source), split_type="Line"
        ),
        transform_output=shapes.TransformOutput(
            s3_output_path=f"s3://{BUCKET}/transformed", assemble_with="Line"
        ),
        transform_resources=shapes.TransformResources(**COUNT),
        batch_strategy="SingleRecord",
    )
    job.wait(poll=1)
    answer = boto3.client("s3").get_object(Bucket=BUCKET, Key="transformed/data.csv.out")
    return str(answer["Body"].read().decode())


def register() -> dict[str, Any]:
    """Create a group and a package in it, approve, list, delete."""
    group = resources.ModelPackageGroup.create(model_package_group_name=NAME)
    group.wait_for_status("Completed", poll=1)
    # ModelPackage's create() and delete() want a name, which AWS does not give to versions.
    client = boto3.client("sagemaker")
    made = client.create_model_package(
        ModelPackageGroupName=NAME,
        InferenceSpecification={
            "Containers": [{"Image": IMAGE, "ModelDataUrl": f"s3://{BUCKET}/served.tar.gz"}],
            "SupportedContentTypes": ["text/plain"],
        },
        ModelApprovalStatus="PendingManualApproval",
    )
    package = resources.ModelPackage.get(made["ModelPackageArn"])
    package.update(model_approval_status="Approved")
    approved = resources.ModelPackage.get(made["ModelPackageArn"]).model_approval_status
    found = list(resources.ModelPackage.get_all(model_package_group_name=NAME))
    client.delete_model_package(ModelPackageName=made["ModelPackageArn"])
    group.delete()
    group.wait_for_delete(poll=1)
    return {"approved": approved, "found": len(found)}


def build() -> dict[str, Any]:
    """Build a model of weights and code that lie apart, deploy and invoke it."""
    from sagemaker.serve.model_builder import ModelBuilder

    builder = ModelBuilder(
        image_uri=IMAGE,
        s3_model_data_url=f"s3://{BUCKET}/model.tar.gz",
        source_code=SourceCode(source_dir="source", entry_script="inference.py"),
        role_arn=ROLE,
        sagemaker_session=Session(boto_session=boto3.Session(), default_bucket=BUCKET),
        instance_type="ml.m5.large",
    )
    model = builder.build(model_name=NAME)
    endpoint = builder.deploy(endpoint_name=NAME, initial_instance_count=1, instance_type="ml.m5.large")
    answer = endpoint.invoke(body=b"hello", content_type="text/plain").body.read()
    endpoint.delete()
    return {"model": model.model_name == NAME, "answer": json.loads(answer)}


if __name__ == "__main__":
    programs = {run.__name__: run for run in (train, tune, process, serve, register, build)}
    print("ANSWER " + json.dumps(programs[sys.argv[1]]()))
