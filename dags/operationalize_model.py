"""### From photos to a prediction through a Lambda function

Stages a data set, trains a classifier on it on one or more instances, holds its test accuracy against a
minimum, deploys it to an endpoint with a Lambda function before it, classifies three test images through
that function, writes a report, and removes what it deployed.

    stage_dataset -> train -> evaluate -> deploy -> deploy_lambda -> smoke_test -> report
                                                                               `-> teardown

Nothing is left running, not even after a failure, unless `keep_resources` is set. A failed training job is
never started again by a retry: correct the cause and clear the task.
The report lies in the project's bucket, at `<project>/reports/<run>/report.html`.
"""

from datetime import timedelta

from airflow.sdk import Param, dag

from musher.stages.dataset import stage_dataset
from musher.stages.deploy import deploy
from musher.stages.deploy_lambda import deploy_lambda
from musher.stages.evaluate import evaluate
from musher.stages.report import report
from musher.stages.smoke_test import smoke_test
from musher.stages.teardown import teardown
from musher.stages.train import train

SOURCE = r"^(digits|s3://[^/]+/.+|https?://[^/]+/.+|file:///.+|/.+)$"
INSTANCE_TYPE = r"^ml\.[a-z0-9-]+\.[a-z0-9]+$"

PARAMS = {
    "source": Param(
        "digits",
        type="string",
        pattern=SOURCE,
        section="Data",
        title="Data set",
        description="`digits`, a folder `/photos`, a zip `/photos.zip`, `https://.../photos.zip`, or "
        "`s3://bucket/prefix`: with train, valid and test in it, and a folder for each class in these.",
    ),
    "max_unreadable": Param(
        0,
        type="integer",
        minimum=0,
        maximum=100,
        section="Data",
        description="Images that may be left out because they cannot be read. One of dogImages is cut short.",
    ),
    "architecture": Param(
        "small_cnn",
        type="string",
        enum=["small_cnn", "resnet18", "resnet34", "resnet50"],
        section="Model",
        description="`small_cnn` for images of some 32 pixels, a ResNet for photos.",
    ),
    "image_size": Param(
        16, type="integer", minimum=8, maximum=512, section="Model", description="Height and width in pixels."
    ),
    "freeze_backbone": Param(
        False, type="boolean", section="Model", description="Train the last layers only."
    ),
    "epochs": Param(
        10, type="integer", minimum=1, maximum=1000, section="Training", description="Passes over the data."
    ),
    "batch_size": Param(
        128,
        type="integer",
        minimum=1,
        maximum=4096,
        section="Training",
        description="Images of one step, over all instances together.",
    ),
    "learning_rate": Param(
        0.01, type="number", exclusiveMinimum=0, maximum=1, section="Training", description="Step size."
    ),
    "seed": Param(1, type="integer", minimum=0, maximum=2**31, section="Training", description="Seed."),
    "instance_type": Param(
        "ml.m5.xlarge",
        type="string",
        pattern=INSTANCE_TYPE,
        section="Training",
        description="Type of each training instance.",
    ),
    "instance_count": Param(
        2, type="integer", minimum=1, maximum=8, section="Training", description="Training instances."
    ),
    "max_runtime_s": Param(
        3600,
        type="integer",
        minimum=60,
        maximum=86400,
        section="Training",
        description="SageMaker stops the job after so many seconds.",
    ),
    "min_accuracy": Param(
        0.9,
        type="number",
        minimum=0,
        maximum=1,
        section="Deployment",
        description="Test accuracy, 0 to 1, below which nothing is deployed.",
    ),
    "endpoint_instance_type": Param(
        "ml.m5.large",
        type="string",
        pattern=INSTANCE_TYPE,
        section="Deployment",
        description="Type of each endpoint instance.",
    ),
    "endpoint_instance_count": Param(
        1, type="integer", minimum=1, maximum=8, section="Deployment", description="Endpoint instances."
    ),
    "keep_resources": Param(
        False,
        type="boolean",
        section="Deployment",
        description="Leave endpoint and function running. They cost until you delete them.",
    ),
}


@dag(
    schedule=None,
    catchup=False,
    doc_md=__doc__,
    params=PARAMS,
    tags=["musher"],
    max_active_runs=4,
    dagrun_timeout=timedelta(hours=30),
    default_args={
        "owner": "musher",
        "retries": 2,
        "retry_delay": timedelta(seconds=30),
        "execution_timeout": timedelta(hours=2),
    },
)
def operationalize_model() -> None:
    """Wire the stages."""
    dataset = stage_dataset()
    job = train(dataset)
    approved = evaluate(job)
    endpoint = deploy(approved)
    function = deploy_lambda(endpoint)
    answers = smoke_test(function, dataset)
    report(dataset=dataset, job=job, approved=approved, endpoint=endpoint, function=function, answers=answers)
    teardown(after=answers)


operationalize_model()
