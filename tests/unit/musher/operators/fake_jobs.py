"""SageMaker's training jobs in memory."""

from datetime import UTC, datetime, timedelta
from typing import Any

from musher import clock
from tests.unit.musher.operators.fakes import refuse

NAME = "musher-train-0123abcd"
REQUEST = {
    "TrainingJobName": NAME,
    "HyperParameters": {"epochs": "2", "sagemaker_job_name": NAME},
    "InputDataConfig": [
        {"ChannelName": "train", "DataSource": {"S3DataSource": {"S3Uri": "s3://bucket/data/train/"}}}
    ],
    "OutputDataConfig": {"S3OutputPath": "s3://b/jobs"},
    "ResourceConfig": {"InstanceCount": 2, "InstanceType": "ml.m5.xlarge"},
    "StoppingCondition": {"MaxRuntimeInSeconds": 60},
}


class FakeTraining:
    """Training jobs in memory; a new job walks through `script`, one status for each look."""

    def __init__(self) -> None:
        self.jobs: dict[str, dict[str, Any]] = {}
        self.script = ["InProgress", "InProgress", "Completed"]
        self.reasons: dict[str, str] = {}
        self.requests: list[dict[str, Any]] = []
        self.stopped: list[str] = []
        self.refusal: Exception | None = None
        self.conn = self

    @property
    def created(self) -> list[str]:
        """Return the names of the jobs that were started."""
        return [request["TrainingJobName"] for request in self.requests]

    def add(self, name: str, *states: str, **changes: Any) -> None:
        """Put a job there that walks through these states."""
        request = {**REQUEST, "TrainingJobName": name, **changes}
        created = datetime.fromtimestamp(clock.now(), UTC)
        self.jobs[name] = {"request": request, "states": list(states), "created": created, "tags": {}}

    def create_training_job(self, **request: Any) -> None:
        if self.refusal:
            raise self.refusal
        name = request["TrainingJobName"]
        if name in self.jobs:
            raise refuse("ResourceInUse", "CreateTrainingJob")
        self.requests.append(request)
        self.add(name, *self.script, **request)

    def describe_training_job(self, *, TrainingJobName: str) -> dict[str, Any]:  # noqa: N803
        job = self.jobs[TrainingJobName]
        states = job["states"]
        status = states.pop(0) if len(states) > 1 else states[0]
        default = "AlgorithmError: exit code 1" if status == "Failed" else ""
        return {
            **job["request"],
            "TrainingJobArn": f"arn:{TrainingJobName}",
            "TrainingJobStatus": status,
            "FailureReason": self.reasons.get(TrainingJobName, default),
            "CreationTime": job["created"],
            "LastModifiedTime": job["created"],
            "TrainingEndTime": job["created"] + timedelta(seconds=42),
            "BillableTimeInSeconds": 30,
            "TrainingTimeInSeconds": 30,
            "FinalMetricDataList": [{"MetricName": "test:accuracy", "Value": 0.97}],
        }

    def find_training_job(self, name: str) -> dict[str, Any] | None:
        return self.describe_training_job(TrainingJobName=name) if name in self.jobs else None

    def stop_training_job(self, *, TrainingJobName: str) -> None:  # noqa: N803
        self.stopped.append(TrainingJobName)
        states = self.jobs[TrainingJobName]["states"]
        if states[0] == "InProgress" and states != ["InProgress"]:
            states[:] = ["Stopping", "Stopped"]

    def add_tags(self, *, ResourceArn: str, Tags: list[dict[str, str]]) -> None:  # noqa: N803
        tags = self.jobs[ResourceArn.removeprefix("arn:")]["tags"]
        tags.update({tag["Key"]: tag["Value"] for tag in Tags})

    def delete_tags(self, *, ResourceArn: str, TagKeys: list[str]) -> None:  # noqa: N803
        for key in TagKeys:
            self.jobs[ResourceArn.removeprefix("arn:")]["tags"].pop(key, None)

    def list_tags(self, *, ResourceArn: str) -> dict[str, Any]:  # noqa: N803
        tags = self.jobs[ResourceArn.removeprefix("arn:")]["tags"]
        return {"Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}


class FakeS3:
    """A bucket with one data set."""

    def __init__(self, **_: Any) -> None:
        self.keys = ["data/train/shard-00000.tar"]

    def get_conn(self) -> "FakeS3":
        return self

    def list_objects_v2(self, *, Bucket: str, Prefix: str, MaxKeys: int) -> dict[str, int]:  # noqa: N803
        return {"KeyCount": min(MaxKeys, sum(key.startswith(Prefix) for key in self.keys))}
