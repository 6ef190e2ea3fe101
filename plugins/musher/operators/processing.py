"""Run the SageMaker processing job that sends a load; a retried task finds it again."""

from collections.abc import Mapping
from typing import Any

from musher import names
from musher.console_kinds import PROCESSING_JOB
from musher.costs.billing import billed_seconds
from musher.hooks.objects import has_object
from musher.hooks.sagemaker import MusherSageMakerHook
from musher.operators.jobs import GRACE_S, Description, RunJobOperator
from musher.operators.training import seconds_between
from musher.triggers.jobs import ProcessingJobTrigger

RESULT = "measured.json"
"""The file that musher.traffic.job leaves in its one output."""


class RunProcessingJobOperator(RunJobOperator[MusherSageMakerHook]):
    """Start the processing job of `config`, or adopt the one that answers the same request; wait for it.

    Whoever clears the task has the load sent anew: unlike a model, what was measured is of one moment.

    The base is AwsBaseOperator, as nothing of the provider's SageMakerProcessingOperator would remain:
    - a job whose name exists gets a new one, with a time in it: a retry would send the load a second time,
      while the first job may still do so. Here it is found again;
    - a killed task leaves the job running, billing and sending: here a person's cancel stops it;
    - the answer is the job's description as text: here it is where the result lies, and times; a job
      without a result fails.
    """

    aws_hook_class = MusherSageMakerHook
    noun = "Processing job"
    name_key = "ProcessingJobName"
    status_key = "ProcessingJobStatus"
    max_name = names.MAX_SAGEMAKER_NAME
    trigger_class = ProcessingJobTrigger
    console_kind = PROCESSING_JOB
    log_group = names.PROCESSING_LOG_GROUP

    def list_inputs(self, request: dict[str, Any]) -> dict[str, str]:
        """Return what the job reads."""
        return {f"Input {name!r}": uri for name, uri in input_uris(request).items()}

    def create(self, request: dict[str, Any]) -> None:
        """Start a job."""
        self.hook.conn.create_processing_job(**request)

    def describe(self, name: str) -> Description:
        """Return the job's description."""
        description: Description = self.hook.conn.describe_processing_job(ProcessingJobName=name)
        return description

    def find(self, name: str) -> Description | None:
        """Return the job's description, or None where there is no such job."""
        return self.hook.find_processing_job(name)

    def stop(self, name: str) -> None:
        """Ask for the job's end."""
        self.hook.conn.stop_processing_job(ProcessingJobName=name)

    def rename(self, request: dict[str, Any], name: str) -> dict[str, Any]:
        """Return the same request under another name."""
        from musher.payloads.processing import rename_processing_job  # no business of the DAG's parse

        return rename_processing_job(request, job_name=name)

    def limit_s(self, job: Description) -> float:
        """Return the job's own limit, and a grace."""
        return float(job["StoppingCondition"]["MaxRuntimeInSeconds"]) + GRACE_S

    def find_reason_to_replace(self, description: Description) -> str | None:
        """Return why an attempt does not answer a person's request: one that ended has measured the past."""
        is_over = description[self.status_key] == "Completed"
        reason = super().find_reason_to_replace(description)
        return reason or ("a load is asked for anew" if is_over else None)

    def find_flaw(self, description: Description) -> str | None:
        """Return that a completed job has left no result, or None."""
        uri = result_uri(description)
        return None if has_object(self.s3_hook, uri=uri) else f"there is no {uri}"

    def find_change(self, description: Description, request: dict[str, Any]) -> str | None:
        """Return what the job does otherwise: another load, other code, another instance or image."""
        had, wanted = describe_processing(description), describe_processing(request)
        changed = sorted(key for key in wanted if had.get(key) != wanted[key])
        return f"it has another {', '.join(changed)}" if changed else None

    def explain(self, description: Description) -> str:
        """Return the last lines of the job's log."""
        name = description[self.name_key]
        return f"Last lines of its log ({self.log_group}, {name}/):\n{self.show_last_lines(name)}"

    def find_reason_to_fail(self, description: Description) -> str | None:
        """Return why a job is of no use; its own words, where it left some, say more than the exit code."""
        reason, said = super().find_reason_to_fail(description), description.get("ExitMessage")
        return f"{reason}: {said}" if reason and said and said not in reason else reason

    def summarise(self, description: Description) -> dict[str, Any]:
        """Return where the result lies, and times."""
        cluster, end = cluster_of(description), description.get("ProcessingEndTime")
        billed = seconds_between(description.get("ProcessingStartTime"), end)
        return {
            "job_name": description[self.name_key],
            "measured_uri": result_uri(description),
            "instance_type": cluster["InstanceType"],
            "instances": cluster["InstanceCount"],
            "seconds": seconds_between(description.get("CreationTime"), end),
            "billed_seconds": billed_seconds(billable=billed, instances=cluster["InstanceCount"]),
        }


def describe_processing(job: Mapping[str, Any]) -> dict[str, Any]:
    """Return by name what a job's result depends on, from its request or its description."""
    cluster = cluster_of(job)
    return {
        **input_uris(job),
        "image": job["AppSpecification"]["ImageUri"],
        "number or type of instances": f"{cluster['InstanceCount']} x {cluster['InstanceType']}",
    }


def cluster_of(job: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a job's instances."""
    cluster: Mapping[str, Any] = job["ProcessingResources"]["ClusterConfig"]
    return cluster


def input_uris(job: Mapping[str, Any]) -> dict[str, str]:
    """Return what a job reads, by the inputs' names."""
    return {found["InputName"]: str(found["S3Input"]["S3Uri"]) for found in job["ProcessingInputs"]}


def result_uri(job: Mapping[str, Any]) -> str:
    """Return the address of what a job leaves."""
    [output] = job["ProcessingOutputConfig"]["Outputs"]
    return f"{output['S3Output']['S3Uri'].rstrip('/')}/{RESULT}"
