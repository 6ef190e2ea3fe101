"""Run a SageMaker batch transform job that a retried task finds again."""

from collections.abc import Mapping
from typing import Any

from musher import names
from musher.console_kinds import TRANSFORM_JOB
from musher.costs.billing import billed_seconds
from musher.hooks.objects import list_keys
from musher.hooks.sagemaker import MusherSageMakerHook
from musher.operators.jobs import GRACE_S, Description, RunJobOperator
from musher.operators.training import seconds_between
from musher.triggers.jobs import TransformJobTrigger

ANSWER = ".out"
"""What AWS adds to an object's name to name the one of its answer."""


class RunTransformJobOperator(RunJobOperator[MusherSageMakerHook]):
    """Start the batch transform job of `config`, or adopt the one that answers the same request; wait for it.

    The base is AwsBaseOperator, as nothing of the provider's SageMakerTransformOperator would remain:
    - a retry makes a new name, a second paid job, and a second model: here both are found again;
    - a killed task leaves the job running and billing: here a person's cancel stops it;
    - the wait has no end unless one is given, and a deferred one ends after 60 looks while the job bills on:
      here it is bounded by the config's own limit, at which the job is stopped;
    - the answer is the descriptions of model and job as text: here it is where the answers lie, how many
      images have one, and times; a job without any fails.
    """

    aws_hook_class = MusherSageMakerHook
    noun = "Transform job"
    name_key = "TransformJobName"
    status_key = "TransformJobStatus"
    max_name = names.MAX_SAGEMAKER_NAME
    trigger_class = TransformJobTrigger
    console_kind = TRANSFORM_JOB
    log_group = names.TRANSFORM_LOG_GROUP

    @property
    def request(self) -> dict[str, Any]:
        """Return the CreateTransformJob request of {"Model", "Transform", "MaxRuntimeInSeconds"}."""
        found: dict[str, Any] = self.config["Transform"]
        return found

    def list_inputs(self, request: dict[str, Any]) -> dict[str, str]:
        """Return what the images' addresses begin with."""
        return {"The batch": input_uri(request)}

    def create(self, request: dict[str, Any]) -> None:
        """Start a job, with its model where that does not exist."""
        model = self.config["Model"]
        if self.hook.find_model(model["ModelName"]) is None:
            self.hook.conn.create_model(**model)
        self.hook.conn.create_transform_job(**request)

    def describe(self, name: str) -> Description:
        """Return the job's description."""
        description: Description = self.hook.conn.describe_transform_job(TransformJobName=name)
        return description

    def find(self, name: str) -> Description | None:
        """Return the job's description, or None where there is no such job."""
        return self.hook.find_transform_job(name)

    def stop(self, name: str) -> None:
        """Ask for the job's end."""
        self.hook.conn.stop_transform_job(TransformJobName=name)

    def rename(self, request: dict[str, Any], name: str) -> dict[str, Any]:
        """Return the same request under another name."""
        from musher.payloads.transform import rename_transform_job  # no business of the DAG's parse

        return rename_transform_job(request, job_name=name)

    def limit_s(self, job: Description) -> float:
        """Return the config's own limit, and a grace: AWS bounds no transform job."""
        return float(self.config["MaxRuntimeInSeconds"]) + GRACE_S

    def find_flaw(self, description: Description) -> str | None:
        """Return that a completed job has left no answer, or None.

        AWS itself fails a job where one object has none:
        https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_TransformOutput.html
        """
        target = output_uri(description)
        return None if self.count_answers(target) else f"there is no answer below {target}"

    def find_change(self, description: Description, request: dict[str, Any]) -> str | None:
        """Return what the job does otherwise: another model, other images or instances."""
        had, wanted = describe_transform(description), describe_transform(request)
        changed = sorted(key for key in wanted if had[key] != wanted[key])
        return f"it has another {', '.join(changed)}" if changed else None

    def explain(self, description: Description) -> str:
        """Return the last lines of the job's log."""
        name = description[self.name_key]
        return f"Last lines of its log ({self.log_group}, {name}/):\n{self.show_last_lines(name)}"

    def summarise(self, description: Description) -> dict[str, Any]:
        """Return where the answers lie, how many there are, and times."""
        resources, end = description["TransformResources"], description.get("TransformEndTime")
        target, instances = output_uri(description), resources["InstanceCount"]
        billed = seconds_between(description.get("TransformStartTime"), end)
        return {
            "job_name": description[self.name_key],
            "output_uri": target,
            "images": self.count_answers(target),
            "instance_type": resources["InstanceType"],
            "instances": instances,
            "seconds": seconds_between(description.get("CreationTime"), end),
            "billed_seconds": billed_seconds(billable=billed, instances=instances),
        }

    def count_answers(self, uri: str) -> int:
        """Return how many answers lie below an address."""
        return sum(key.endswith(ANSWER) for key in list_keys(self.s3_hook.get_conn(), uri=uri))


def describe_transform(job: Mapping[str, Any]) -> dict[str, str]:
    """Return by name what a job's results depend on, from its request or its description."""
    resources = job["TransformResources"]
    return {
        "model": job["ModelName"],
        "input": input_uri(job),
        "number or type of instances": f"{resources['InstanceCount']} x {resources['InstanceType']}",
    }


def input_uri(job: Mapping[str, Any]) -> str:
    """Return what the addresses of a job's images begin with."""
    return str(job["TransformInput"]["DataSource"]["S3DataSource"]["S3Uri"])


def output_uri(job: Mapping[str, Any]) -> str:
    """Return the folder of a job's answers."""
    return f"{job['TransformOutput']['S3OutputPath'].rstrip('/')}/"
