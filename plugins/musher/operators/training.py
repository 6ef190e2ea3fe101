"""Run a SageMaker training job that a retried task finds again."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from airflow.sdk import Context

from musher import names
from musher.console_kinds import TRAINING_JOB
from musher.hooks import sharing
from musher.hooks.calls import hold
from musher.hooks.objects import has_object
from musher.hooks.sagemaker import MusherSageMakerHook
from musher.operators.jobs import GRACE_S, Description, RunJobOperator
from musher.triggers.jobs import TrainingJobTrigger


class RunTrainingJobOperator(RunJobOperator[MusherSageMakerHook]):
    """Start the training job of `config`, or adopt the one that answers the same request; wait for its end.

    The base is AwsBaseOperator, as nothing of the provider's SageMakerTrainingOperator would remain:
    - a retry makes a new name, a second paid job: here names follow from the run and are found again;
    - a killed task leaves the job running and billing, deferred or not: here a person's cancel stops it;
    - a deferred task gives up after 1,800 s while the job bills on: here it waits as long as the job may run;
    - completion is looked for every 30 s at most, and a deferred task shows no log: here it does, every
      MUSHER_POLL_INTERVAL_S;
    - its OpenLineage facets read attributes that only its own `execute` sets: here none are given.
    """

    aws_hook_class = MusherSageMakerHook
    noun = "Training job"
    name_key = "TrainingJobName"
    status_key = "TrainingJobStatus"
    max_name = names.MAX_SAGEMAKER_NAME
    trigger_class = TrainingJobTrigger
    console_kind = TRAINING_JOB

    def __init__(self, *, config: Any, marker: str = "", **kwargs: Any) -> None:
        """Take the CreateTrainingJob request (templated, so also an earlier task's result).

        `marker` is a file of the artifacts of a job that runs share: a completed one is adopted only while
        that file exists.
        """
        super().__init__(config=config, **kwargs)
        self.marker = marker
        self.waiting_tag: str | None = None

    def create(self, request: dict[str, Any]) -> None:
        """Start a job."""
        self.hook.conn.create_training_job(**request)

    def describe(self, name: str) -> Description:
        """Return the job's description."""
        description: Description = self.hook.conn.describe_training_job(TrainingJobName=name)
        return description

    def find(self, name: str) -> Description | None:
        """Return the job's description, or None where there is no such job."""
        return self.hook.find_training_job(name)

    def stop(self, name: str) -> None:
        """Ask for the job's end."""
        self.hook.conn.stop_training_job(TrainingJobName=name)

    def rename(self, request: dict[str, Any], name: str) -> dict[str, Any]:
        """Return the same request under another name."""
        from musher.payloads.training import rename_training_job  # no business of the DAG's parse

        return rename_training_job(request, job_name=name)

    def know_run(self, context: Context) -> None:
        """Learn how this run marks a job that it shares, too."""
        super().know_run(context)
        if self.marker:
            run = context["dag_run"]
            self.waiting_tag = sharing.waiting_tag(names.run_slug(dag_id=run.dag_id, run_id=run.run_id))

    def join(self, description: Description) -> None:
        """Mark that this run waits for a shared job."""
        if self.waiting_tag:
            hold(self.hook.conn, sharing.join(arn=description["TrainingJobArn"], tag=self.waiting_tag))

    def carry(self) -> dict[str, Any]:
        """Return the mark, by which the trigger knows a shared job."""
        return {"waiting_tag": self.waiting_tag}

    def leave(self, tagged: str) -> bool:
        """Take this run's mark off a shared job; return whether the job may be stopped."""
        if self.waiting_tag is None:
            return super().leave(tagged)
        return hold(self.hook.conn, sharing.leave(arn=tagged, tag=self.waiting_tag))

    def limit_s(self, job: Description) -> float:
        """Return the job's own limit, on spot with its interruptions, and a grace.

        A job that runs share may have been started with another limit than this run's.
        """
        limits = job.get("StoppingCondition") or self.config["StoppingCondition"]
        return float(limits.get("MaxWaitTimeInSeconds") or limits["MaxRuntimeInSeconds"]) + GRACE_S

    def find_flaw(self, description: Description) -> str | None:
        """Return that the marker is gone from a completed job's artifacts, or None."""
        uri = artifact_uris(description)["model_uri"] + self.marker
        if not self.marker or has_object(self.s3_hook, uri=uri):
            return None
        return f"there is no {uri}"

    def find_change(self, description: Description, request: dict[str, Any]) -> str | None:
        """Return what the job trains otherwise: tuning was repeated, or code or data were corrected.

        A shared job's name stands for all that its results depend on; runs may ask for other instances.
        """
        if self.marker:
            return None
        had, wanted = describe_training(description), describe_training(request)
        changed = sorted(key for key in wanted if had.get(key) != wanted[key])
        return f"it trains with another {', '.join(changed)}" if changed else None

    def explain(self, description: Description) -> str:
        """Return the last lines of the job's log."""
        name = description["TrainingJobName"]
        return f"Last lines of its log ({names.TRAINING_LOG_GROUP}, {name}/):\n{self.show_last_lines(name)}"

    def summarise(self, description: Description) -> dict[str, Any]:
        """Return the job's name, artifact addresses, times and final metrics."""
        return summarise(description)


def describe_training(job: Mapping[str, Any]) -> dict[str, str]:
    """Return by name what a job's results depend on, from its request or its description."""
    from musher.payloads.training import JOB_NAME

    channels = {
        f"channel {channel['ChannelName']}": channel["DataSource"]["S3DataSource"]["S3Uri"]
        for channel in job.get("InputDataConfig", [])
    }
    options = {name: value for name, value in job.get("HyperParameters", {}).items() if name != JOB_NAME}
    resources = job["ResourceConfig"]
    instances = f"{resources['InstanceCount']} x {resources['InstanceType']}"
    return {**options, **channels, "number or type of instances": instances}


def summarise(description: Description) -> dict[str, Any]:
    """Return the ids and small numbers that later stages need from DescribeTrainingJob's answer."""
    metrics = description.get("FinalMetricDataList") or []
    return {
        "job_name": description["TrainingJobName"],
        "status": description["TrainingJobStatus"],
        **artifact_uris(description),
        "instances": description["ResourceConfig"]["InstanceCount"],
        "instance_type": description["ResourceConfig"]["InstanceType"],
        "created_at": _as_text(description.get("CreationTime")),
        "is_spot": bool(description.get("EnableManagedSpotTraining")),
        "billable_seconds": description.get("BillableTimeInSeconds"),
        "training_seconds": description.get("TrainingTimeInSeconds"),
        "seconds": seconds_between(description.get("CreationTime"), description.get("TrainingEndTime")),
        "metrics": {metric["MetricName"]: metric["Value"] for metric in metrics},
    }


def artifact_uris(description: Description) -> dict[str, str]:
    """Return where a job's model and output lie: archives, or folders that end with a slash.

    From the request, as a job that writes no model has no ModelArtifacts:
    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_OutputDataConfig.html
    """
    output = description["OutputDataConfig"]
    folder = f"{output['S3OutputPath'].rstrip('/')}/{description['TrainingJobName']}/output"
    if output.get("CompressionType") == "NONE":
        return {"model_uri": f"{folder}/model/", "output_uri": f"{folder}/data/"}
    return {"model_uri": f"{folder}/model.tar.gz", "output_uri": f"{folder}/output.tar.gz"}


def _as_text(time: datetime | None) -> str | None:
    return time.isoformat() if time else None


def seconds_between(start: datetime | None, end: datetime | None) -> float | None:
    """Return the seconds from start to end, or None where AWS gave only one of them."""
    return round((end - start).total_seconds(), 3) if start and end else None
