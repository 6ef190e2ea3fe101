"""Plan a run's batch transform job: its names, its images, and what forbids it."""

from musher import names
from musher.datasets.manifest import FILE_NAME
from musher.datasets.s3_connection import S3Connection
from musher.datasets.s3_objects import S3Folder
from musher.datasets.staged import load_manifest
from musher.datasets.unpacked import unpack_split
from musher.errors import StagingError
from musher.hooks.connection import s3_hook, sagemaker_hook
from musher.payloads.choices import TEST_SPLIT
from musher.payloads.transform import TransformPlan
from musher.results import ServingImage, StagedDataset, Verdict
from musher.stages.endpoint_plan import check_approved, hash_content
from musher.stages.run import Run


def plan_batch(run: Run, verdict: Verdict, image: ServingImage, dataset: StagedDataset) -> TransformPlan:
    """Return the plan of the job, having stored its images one by one where they are the test split's."""
    check_approved(sagemaker_hook(run.settings), package_arn=verdict["package_arn"])
    digest = hash_content([verdict["model_uri"], image["uri"]])
    asked = run.params["batch_input"]
    return TransformPlan(
        job_name=names.batch_job(run.settings, slug=run.slug),
        model_name=names.batch_model(run.settings, slug=run.slug, content_hash=digest),
        image=image["uri"],
        model_uri=verdict["model_uri"],
        input_uri=unpack_test_split(run, dataset) if asked == TEST_SPLIT else asked,
        instance_type=run.params["endpoint_instance_type"],
        instance_count=run.params["endpoint_instance_count"],
        max_runtime_s=run.params["max_runtime_s"],
        tags=run.tags,
    )


def unpack_test_split(run: Run, dataset: StagedDataset) -> str:
    """Store each test image as an object of its own, once for each data set; return their folder."""
    hook = s3_hook(run.settings)
    bucket, key = names.split_s3_uri(dataset["manifest_uri"])
    connection = S3Connection(client=hook.get_conn(), session=hook.get_session(), verify=hook.verify)
    folder = S3Folder(s3=connection, bucket=bucket, prefix=key.removesuffix(f"/{FILE_NAME}"))
    manifest = load_manifest(folder)
    if manifest is None:
        raise StagingError(f"There is no {dataset['manifest_uri']}. Stage the data set again.")
    return unpack_split(folder, manifest, split=TEST_SPLIT)
