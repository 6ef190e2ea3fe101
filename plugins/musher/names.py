"""Every bucket key, resource name and ARN: pure functions of project, account, region and run.

Deterministic names are what lets a retried or restarted task find its own job instead of paying for a
second one, and what lets the IAM policies be scoped to `{project}-*`.
"""

import hashlib
import re

from musher.errors import PayloadError
from musher.partitions import dns_suffix_of, partition_of
from musher.settings import Settings

SLUG_CHARACTERS = 8
"""All that a tuning job's name of 32 characters has room for."""

DATASET_ID_CHARACTERS = 16
"""Of a data set's hash, in the keys of what was staged (`datasets/manifest.py`)."""

REPORT_CHARACTERS = 32
"""A key has room for 128 bits: no two runs share a report, even where somebody looks for such ids."""

MAX_SAGEMAKER_NAME = 63
"""https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateTrainingJob.html"""

MAX_TUNING_NAME = 32
"""https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateHyperParameterTuningJob.html"""

FEATURES_MARKER = "features.json"
"""What embed.py writes last: a folder without it holds no whole set of features."""

NAME_PATTERN = r"[a-zA-Z0-9](-*[a-zA-Z0-9])*"

TAG_CHARACTERS = 16
"""Hex digits of a hash that stand for an image's content: collisions are out of question below millions."""

LIVE_ALIAS = "live"
"""The alias of a function: what callers invoke, whichever version it stands for."""

WRITTEN_FOLDERS = ("async", "audits", "captures", "code", "datasets", "jobs", "lambda", "reports")
"""Below the project's prefix in its bucket: where the keys below put what a run, or its endpoint, makes."""

TRAINING_LOG_GROUP = "/aws/sagemaker/TrainingJobs"
TRANSFORM_LOG_GROUP = "/aws/sagemaker/TransformJobs"
PROCESSING_LOG_GROUP = "/aws/sagemaker/ProcessingJobs"
NOTEBOOK_LOG_GROUP = "/aws/sagemaker/NotebookInstances"


def run_slug(*, dag_id: str, run_id: str) -> str:
    """Return 8 hex digits that stand for one DAG run in the names of its jobs, endpoint and function."""
    return _run_digest(dag_id=dag_id, run_id=run_id)[:SLUG_CHARACTERS]


def _run_digest(*, dag_id: str, run_id: str) -> str:
    return hashlib.sha256(f"{dag_id}/{run_id}".encode()).hexdigest()


def bucket(settings: Settings) -> str:
    """Return the name of the project's one bucket."""
    return f"{settings.project}-{settings.account_id}-{settings.region}"


def arn(settings: Settings, *, service: str, resource: str) -> str:
    """Return the ARN of a resource in the installation's region, for those whose answers have none."""
    partition = partition_of(settings.region)
    return f"arn:{partition}:{service}:{settings.region}:{settings.account_id}:{resource}"


def role_arn(settings: Settings, *, role: str) -> str:
    """Return the ARN of a role of the bootstrap template: airflow, sagemaker, endpoint, lambda, ..."""
    partition = partition_of(settings.region)
    return f"arn:{partition}:iam::{settings.account_id}:role/{settings.project}-{role}"


def training_job(settings: Settings, *, slug: str, attempt: int = 1) -> str:
    """Return a run's training job name; attempts after the first get the suffix -2, -3, ..."""
    return _sagemaker_name(f"{settings.project}-train-{slug}" + (f"-{attempt}" if attempt > 1 else ""))


def embed_job(settings: Settings, *, features_id: str) -> str:
    """Return the name of the job that computes the features of this id: one for all runs that need them."""
    return _sagemaker_name(f"{settings.project}-embed-{features_id}")


def search_job(settings: Settings, *, slug: str) -> str:
    """Return the name of the training job in which a run makes all its trials."""
    return _sagemaker_name(f"{settings.project}-search-{slug}")


def tuning_job(settings: Settings, *, slug: str) -> str:
    """Return a run's tuning job name; -t-, not -tune-, leaves the longest project room for 99 attempts."""
    return _sagemaker_name(f"{settings.project}-t-{slug}", limit=MAX_TUNING_NAME)


def next_attempt(name: str, *, limit: int = MAX_SAGEMAKER_NAME) -> str:
    """Return the job name that follows `name`, of at most `limit` characters: job -> job-2 -> job-3.

    The slug before the suffix has 8 or 16 characters, so a suffix of 1 to 3 digits is never taken for it.
    """
    stem, _, suffix = name.rpartition("-")
    if suffix.isdigit() and len(suffix) < 4:
        return _sagemaker_name(f"{stem}-{int(suffix) + 1}", limit=limit)
    return _sagemaker_name(f"{name}-2", limit=limit)


def endpoint_version(settings: Settings, *, slug: str, content_hash: str) -> str:
    """Return the name of a run's model and of its endpoint configuration.

    The hash (hex digits) is that of what they hold: neither can be changed, and what serves is never removed.
    """
    return _sagemaker_name(f"{endpoint_versions(settings, slug=slug)}{content_hash[:SLUG_CHARACTERS]}")


def endpoint_versions(settings: Settings, *, slug: str) -> str:
    """Return what the names of all models and endpoint configurations of a run begin with."""
    return f"{settings.project}-{slug}-"


def endpoint(settings: Settings, *, slug: str) -> str:
    """Return the name of a run's endpoint."""
    return _sagemaker_name(f"{settings.project}-{slug}")


def is_endpoint(settings: Settings, *, name: str) -> bool:
    """Return whether an endpoint of this name is the project's: the live one, or a run's.

    What follows the project's name decides: `musher-two-live` is none of `musher`'s.
    """
    return name == live_endpoint(settings) or _is_of_run(settings, name=name)


def is_function(settings: Settings, *, name: str) -> bool:
    """Return whether a function of this name is the project's: the live one, or a run's."""
    return name == live_function(settings) or _is_of_run(settings, name=name)


def _is_of_run(settings: Settings, *, name: str) -> bool:
    """Return whether a name is project and slug."""
    return bool(re.fullmatch(rf"{re.escape(settings.project)}-[0-9a-f]{{{SLUG_CHARACTERS}}}", name))


def function(settings: Settings, *, slug: str) -> str:
    """Return the name of a run's Lambda function."""
    return f"{settings.project}-{slug}"


def package_group(settings: Settings) -> str:
    """Return the name of the registry's group that holds a version for each model that a run has trained."""
    return settings.project


def champion_job(settings: Settings, *, slug: str) -> str:
    """Return the name of the job that scores the live model on a run's test split."""
    return _sagemaker_name(f"{settings.project}-champion-{slug}")


def batch_job(settings: Settings, *, slug: str) -> str:
    """Return the name of a run's batch transform job."""
    return _sagemaker_name(f"{settings.project}-batch-{slug}")


def batch_model(settings: Settings, *, slug: str, content_hash: str) -> str:
    """Return the name of the model of a run's batch transform job; the hash is that of what it holds."""
    return _sagemaker_name(f"{batch_models(settings, slug=slug)}{content_hash[:SLUG_CHARACTERS]}")


def batch_models(settings: Settings, *, slug: str) -> str:
    """Return what the names of all models of a run's batch transform jobs begin with."""
    return f"{batch_job(settings, slug=slug)}-"


def load_job(settings: Settings, *, slug: str) -> str:
    """Return the name of the processing job that sends a run's load."""
    return _sagemaker_name(f"{settings.project}-load-{slug}")


def notebook(settings: Settings, *, name: str) -> str:
    """Return the name of the notebook instance that people call so, and of its lifecycle configuration."""
    return _sagemaker_name(f"{settings.project}-{name}")


def instance_job(settings: Settings, *, slug: str) -> str:
    """Return the name of a run's training job on an EC2 instance; the instance's Name and client token."""
    return _sagemaker_name(f"{settings.project}-ec2-{slug}")


def instance_profile(settings: Settings) -> str:
    """Return the name of the bootstrap template's instance profile, role and security group for EC2."""
    return f"{settings.project}-ec2"


def instance_log_group(settings: Settings) -> str:
    """Return the log group of the training jobs on EC2 instances; a stream is `<job>/instance`."""
    return f"/aws/ec2/{settings.project}-train"


def live_endpoint(settings: Settings) -> str:
    """Return the name of the endpoint that stays, whichever model it serves."""
    return _sagemaker_name(f"{settings.project}-live")


def live_function(settings: Settings) -> str:
    """Return the name of the function that stays, before the live endpoint."""
    return f"{settings.project}-classify"


def live_alarm(settings: Settings, *, what: str) -> str:
    """Return the name of an alarm that watches the live endpoint: errors, latency."""
    return f"{settings.project}-live-{what}"


def function_alarms(function_name: str) -> tuple[str, str, str]:
    """Return the names of the alarms that watch a function's new version while it shares the calls.

    They are on its errors, on its duration, and on what its test sees.
    """
    return (f"{function_name}-errors", f"{function_name}-duration", f"{function_name}-canary")


def endpoint_log_group(endpoint_name: str) -> str:
    """Return the log group that SageMaker writes an endpoint's containers to."""
    return f"/aws/sagemaker/Endpoints/{endpoint_name}"


def function_log_group(function_name: str) -> str:
    """Return the log group of a Lambda function."""
    return f"/aws/lambda/{function_name}"


def s3_uri(settings: Settings, *, key: str) -> str:
    """Return the s3:// address of a key in the project's bucket."""
    return f"s3://{bucket(settings)}/{key}"


def is_written(settings: Settings, *, key: str) -> bool:
    """Return whether runs or endpoints write below a key prefix of the bucket, or below its parents."""
    folder = f"{key.strip('/')}/".removeprefix("/")
    written = tuple(f"{settings.project}/{name}/" for name in WRITTEN_FOLDERS)
    return f"{settings.project}/".startswith(folder) or folder.startswith(written)


def jobs_prefix(settings: Settings) -> str:
    """Return the key prefix of all job outputs; SageMaker appends `/<job>/output/...`."""
    return f"{settings.project}/jobs"


def checkpoints_prefix(settings: Settings, *, job_name: str, version: str) -> str:
    """Return the key prefix of a job's checkpoints, for the hyper-parameters and code of `version`."""
    return f"{jobs_prefix(settings)}/{job_name}/checkpoints/{version}"


def source_key(settings: Settings, *, code_hash: str) -> str:
    """Return the key of the training code's archive."""
    return f"{settings.project}/code/{code_hash}/sourcedir.tar.gz"


def function_key(settings: Settings, *, code_hash: str) -> str:
    """Return the key of the Lambda function's archive."""
    return f"{settings.project}/lambda/{code_hash}/function.zip"


def load_generator_key(settings: Settings, *, code_hash: str) -> str:
    """Return the key of the load generator's archive."""
    return f"{settings.project}/code/{code_hash}/traffic.zip"


def load_order_key(settings: Settings, *, slug: str, content_hash: str) -> str:
    """Return the key of what a run's load job is to do; the hash (hex digits) is that of its content."""
    folder = f"{jobs_prefix(settings)}/{load_job(settings, slug=slug)}/input"
    return f"{folder}/{content_hash[:TAG_CHARACTERS]}/order.json"


def notebook_code_key(settings: Settings, *, code_hash: str) -> str:
    """Return the key of the archive that notebook instances unpack."""
    return f"{settings.project}/code/{code_hash}/notebook.zip"


def image_repository(settings: Settings) -> str:
    """Return the name of the repository that holds the serving images."""
    return f"{settings.project}-model"


def image_tag(context_hash: str) -> str:
    """Return the tag of the image that is built from a context with this hash (64 hex digits)."""
    return context_hash[:TAG_CHARACTERS]


def image_uri(settings: Settings, *, tag: str) -> str:
    """Return the address of a serving image in the account's own registry."""
    registry = f"{settings.account_id}.dkr.ecr.{settings.region}.{dns_suffix_of(settings.region)}"
    return f"{registry}/{image_repository(settings)}:{tag}"


def image_context_key(settings: Settings, *, context_hash: str) -> str:
    """Return the key of the archive that an image is built from."""
    return f"{settings.project}/code/{context_hash}/image.zip"


def build_project(settings: Settings) -> str:
    """Return the name of the CodeBuild project that builds the serving image."""
    return f"{settings.project}-image"


def build_log_group(settings: Settings) -> str:
    """Return the log group of the image's builds; a stream has the second part of a build's id as name."""
    return f"/aws/codebuild/{build_project(settings)}"


def report_prefix(settings: Settings, *, dag_id: str, run_id: str) -> str:
    """Return the key prefix that holds a run's report.html and summary.json."""
    digest = _run_digest(dag_id=dag_id, run_id=run_id)
    return f"{reports_prefix(settings)}/{digest[:REPORT_CHARACTERS]}"


def reports_prefix(settings: Settings) -> str:
    """Return the key prefix that holds the reports of all runs, a folder for each."""
    return f"{settings.project}/reports"


def latest_audit_key(settings: Settings) -> str:
    """Return the key of the findings of the newest audit, which the next one is held against."""
    return f"{settings.project}/audits/latest.json"


def load_test_key(settings: Settings, *, dag_id: str, run_id: str) -> str:
    """Return the key of all that a run's load test has measured, beside its report."""
    return f"{report_prefix(settings, dag_id=dag_id, run_id=run_id)}/load_test.json"


def dataset_prefix(settings: Settings, *, data_hash: str) -> str:
    """Return the key prefix of what was staged of a data set, its manifest first."""
    return f"{settings.project}/datasets/{data_hash[:DATASET_ID_CHARACTERS]}"


def samples_prefix(settings: Settings, *, data_hash: str) -> str:
    """Return the key prefix of the test images of a data set that are staged as objects of their own."""
    return f"{dataset_prefix(settings, data_hash=data_hash)}/samples/"


def captures_prefix(settings: Settings) -> str:
    """Return the key prefix of what endpoints capture; SageMaker appends `/<endpoint>/<variant>/<time>`."""
    return f"{settings.project}/captures"


def captures_uri(settings: Settings, *, endpoint_name: str) -> str:
    """Return the s3:// address below which all lies that was captured of an endpoint."""
    return s3_uri(settings, key=f"{captures_prefix(settings)}/{endpoint_name}/")


def async_key(settings: Settings, *, folder: str, endpoint_name: str) -> str:
    """Return the key below which an asynchronous endpoint's `inputs`, `answers` or `failures` lie."""
    return f"{settings.project}/async/{folder}/{endpoint_name}"


def split_s3_uri(uri: str) -> tuple[str, str]:
    """Split s3://bucket/key into bucket and key."""
    scheme, _, rest = uri.partition("://")
    name, _, key = rest.partition("/")
    if scheme != "s3" or not name or not key:
        raise PayloadError(f"{uri!r} is not an address of the form s3://bucket/key.")
    return name, key


def _sagemaker_name(name: str, *, limit: int = MAX_SAGEMAKER_NAME) -> str:
    if len(name) > limit or not re.fullmatch(NAME_PATTERN, name):
        raise PayloadError(
            f"{name!r} cannot be a SageMaker name: at most {limit} letters, digits and single "
            "hyphens between them. Shorten or change MUSHER_PROJECT."
        )
    return name
