"""Managed spot training: instances that are taken away, checkpoints that outlive them, and what it costs."""

import time
from collections.abc import Generator
from typing import Any

import pytest
from botocore.exceptions import ClientError

COUNT = """
import os, signal, sys, time
from pathlib import Path
base = Path(os.environ["SAGEMAKER_BASE_DIR"])
state = base / "checkpoints" / "state.txt"
done = int(state.read_text()) if state.exists() else 0
print("start at", done, sorted(path.name for path in base.iterdir()))
(base / "scratch").write_text("of these instances only")
def notice(*_):
    print("notice at", done)
    sys.exit(0)
signal.signal(signal.SIGTERM, notice)
while done < 40:
    time.sleep(0.05)
    done += 1
    (state.parent / "state.new").write_text(str(done))
    (state.parent / "state.new").rename(state)
(base / "model" / "steps.txt").write_text(str(done))
print("done at", done)
"""
"""Counts to 40 in two seconds (two minutes of AWS), from wherever its checkpoint is."""


def spot(jobs: Any, name: str, *, wait_s: int = 3600, runtime_s: int = 1800) -> dict[str, Any]:
    """Return the members of a spot job's request."""
    return {
        "EnableManagedSpotTraining": True,
        "StoppingCondition": {"MaxRuntimeInSeconds": runtime_s, "MaxWaitTimeInSeconds": wait_s},
        "CheckpointConfig": {"S3Uri": f"s3://{jobs.bucket}/checkpoints/{name}"},
    }


def states(description: dict[str, Any]) -> list[str]:
    """Return the secondary statuses that a job has gone through."""
    return [item["Status"] for item in description["SecondaryStatusTransitions"]]


def all_lines(jobs: Any, name: str) -> list[str]:
    """Return the lines of all sets of instances, in order."""
    group = "/aws/sagemaker/TrainingJobs"
    return [
        event["message"]
        for stream in sorted(jobs.streams(name))
        for event in jobs.logs.get_log_events(logGroupName=group, logStreamName=stream, startFromHead=True)[
            "events"
        ]
    ]


@pytest.fixture
def interrupt(fast_jobs: Any, faults: Any, post_fault: Any) -> Generator[Any, None, None]:
    """Yield a function that posts an interruption; all rules are forgotten at the end."""

    def post(job: str, **members: Any) -> dict[str, Any]:
        return dict(post_fault(fast_jobs, {"kind": "spot_interruption", "job": job} | members))

    yield post
    faults(fast_jobs, "DELETE")


def test_an_interrupted_job_goes_on_from_its_checkpoint_on_new_instances(
    fast_jobs: Any, interrupt: Any, faults: Any
) -> None:
    name = f"spot-{fast_jobs.bucket[-6:]}"
    interrupt(name, after_s=60, capacity_after_s=30)
    description = fast_jobs.run(COUNT, name=name, more=spot(fast_jobs, name))
    assert description["TrainingJobStatus"] == "Completed", description
    once = ["Starting", "Downloading", "Training"]
    assert states(description) == [*once, "Interrupted", *once, "Uploading", "Completed"]
    lines = all_lines(fast_jobs, name)
    starts = [line for line in lines if line.startswith("start at")]
    notices = [int(line.split()[-1]) for line in lines if line.startswith("notice at")]
    assert len(starts) == 2
    assert starts[0] == "start at 0 ['checkpoints', 'code', 'input', 'model', 'output']"
    assert len(notices) == 1
    assert 5 <= notices[0] < 40
    resumed = int(starts[1].split()[2])
    assert abs(resumed - notices[0]) <= 1, lines  # what was saved at the notice is there again
    assert "scratch" not in starts[1]  # and nothing else is
    assert lines[-1] == "done at 40"
    assert fast_jobs.artifact(name, "model.tar.gz") == {"steps.txt": "40"}
    saved = fast_jobs.s3.get_object(Bucket=fast_jobs.bucket, Key=f"checkpoints/{name}/state.txt")
    assert saved["Body"].read() == b"40"
    assert faults(fast_jobs, "GET")[1]["rules"][0]["fired"] == 1


def test_waiting_is_not_training_and_spot_instances_cost_less(fast_jobs: Any, interrupt: Any) -> None:
    name = f"saves-{fast_jobs.bucket[-6:]}"
    interrupt(name, after_s=10, capacity_after_s=60)
    description = fast_jobs.run("import time; time.sleep(0.5)", name=name, more=spot(fast_jobs, name))
    training, billable = description["TrainingTimeInSeconds"], description["BillableTimeInSeconds"]
    lasted = description["TrainingEndTime"] - description["TrainingStartTime"]
    assert training <= lasted.total_seconds() - 55
    assert billable <= training * 0.3 + 1
    transitions = description["SecondaryStatusTransitions"]
    waited = [item for item in transitions if item["Status"] == "Starting"][1]
    assert (waited["EndTime"] - waited["StartTime"]).total_seconds() >= 60


def test_a_script_that_ignores_the_notice_is_killed_after_two_minutes(fast_jobs: Any, interrupt: Any) -> None:
    script = """
import os, signal, time
from pathlib import Path
signal.signal(signal.SIGTERM, lambda *_: print("not now", flush=True))
first = Path(os.environ["SAGEMAKER_BASE_DIR"], "checkpoints", "was-here")
if not first.exists():
    first.write_text("")
    time.sleep(600)
"""
    name = f"stubborn-{fast_jobs.bucket[-6:]}"
    interrupt("stubborn-", after_s=30)
    description = fast_jobs.run(script, name=name, more=spot(fast_jobs, name))
    assert description["TrainingJobStatus"] == "Completed"
    first = next(item for item in description["SecondaryStatusTransitions"] if item["Status"] == "Training")
    assert 150 <= (first["EndTime"] - first["StartTime"]).total_seconds() < 400
    assert "not now" in all_lines(fast_jobs, name)


def test_a_job_without_capacity_gives_up_at_its_wait_time(fast_jobs: Any, interrupt: Any) -> None:
    name = f"waits-{fast_jobs.bucket[-6:]}"
    interrupt(name, times=2, capacity_after_s=3600)
    more = spot(fast_jobs, name, wait_s=120, runtime_s=120)
    description = fast_jobs.run("import time; time.sleep(60)", name=name, more=more)
    assert description["TrainingJobStatus"] == "Stopped"
    assert states(description)[3:] == ["Interrupted", "Starting", "Stopping", "MaxWaitTimeExceeded"]
    assert description["SecondaryStatus"] == "MaxWaitTimeExceeded"


def test_a_waiting_job_can_be_stopped(fast_jobs: Any, interrupt: Any) -> None:
    name = f"waiting-{fast_jobs.bucket[-6:]}"
    interrupt(name, capacity_after_s=3000)
    fast_jobs.create("import time; time.sleep(60)", name=name, more=spot(fast_jobs, name))
    deadline = time.monotonic() + 20
    while states(fast_jobs.describe(name)).count("Starting") < 2:
        assert time.monotonic() < deadline, fast_jobs.describe(name)
        time.sleep(0.05)
    fast_jobs.sagemaker.stop_training_job(TrainingJobName=name)
    assert states(fast_jobs.wait(name))[-2:] == ["Stopping", "Stopped"]


def test_instances_on_demand_are_not_interrupted(fast_jobs: Any, interrupt: Any) -> None:
    interrupt("demand-")
    name = f"demand-{fast_jobs.bucket[-6:]}"
    description = fast_jobs.run("import time; time.sleep(0.3)", name=name)
    assert "Interrupted" not in states(description)
    assert description["BillableTimeInSeconds"] == description["TrainingTimeInSeconds"]


def test_checkpoints_appear_in_s3_while_a_job_runs_and_those_of_an_earlier_job_are_there(jobs: Any) -> None:
    script = """
import os, time
from pathlib import Path
folder = Path(os.environ["SAGEMAKER_BASE_DIR"], "kept/here")
print(sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()))
(folder / "epoch-1").mkdir(exist_ok=True)
(folder / "epoch-1" / os.environ["SM_CURRENT_HOST"]).write_text("weights")
time.sleep(60)
"""
    uri = jobs.put("earlier/run", {"/epoch-0/weights": "old", "-other/weights": "not ours"})
    more = {"CheckpointConfig": {"S3Uri": uri, "LocalPath": "/opt/ml/kept/here/"}}
    name = jobs.create(script, hosts=2, more=more)
    keys = [f"earlier/run/epoch-1/algo-{number}" for number in (1, 2)]
    deadline = time.monotonic() + 20
    while True:
        answer = jobs.s3.list_objects_v2(Bucket=jobs.bucket, Prefix="earlier/run/epoch-1/")
        if [item["Key"] for item in answer.get("Contents", [])] == keys:
            break
        assert time.monotonic() < deadline, jobs.lines(name)
        time.sleep(0.1)
    assert jobs.describe(name)["SecondaryStatus"] == "Training"
    jobs.sagemaker.stop_training_job(TrainingJobName=name)
    jobs.wait(name)
    assert jobs.lines(name, "algo-1")[0] == jobs.lines(name, "algo-2")[0] == "['epoch-0/weights']"


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (
            {"StoppingCondition": {"MaxRuntimeInSeconds": 60, "MaxWaitTimeInSeconds": 60}},
            "It is only supported when EnableManagedSpotTraining is set to true",
        ),
        ({"EnableManagedSpotTraining": True}, "It must be present and be greater than or equal to"),
        (
            {
                "EnableManagedSpotTraining": True,
                "StoppingCondition": {"MaxRuntimeInSeconds": 61, "MaxWaitTimeInSeconds": 60},
            },
            "It must be present and be greater than or equal to MaxRuntimeInSeconds",
        ),
        (
            {"CheckpointConfig": {"S3Uri": "s3://absent-bucket-1/x"}},
            "bucket 'absent-bucket-1' of CheckpointConfig",
        ),
        ({"CheckpointConfig": {"S3Uri": "here"}}, "Value 'here' at 'checkpointConfig.s3Uri'"),
        (
            {"CheckpointConfig": {"S3Uri": "s3://b/x", "LocalPath": "/opt/ml/model/x"}},
            "SageMaker itself uses",
        ),
        ({"CheckpointConfig": {"S3Uri": "s3://b/x", "LocalPath": "/tmp/x"}}, "below /opt/ml only"),
    ],
)
def test_a_request_that_aws_refuses_is_refused(jobs: Any, more: dict[str, Any], message: str) -> None:
    with pytest.raises(ClientError, match="ValidationException") as caught:
        jobs.sagemaker.create_training_job(**jobs.request("pass", more=more))
    assert message in caught.value.response["Error"]["Message"]


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ({"kind": "earthquake", "job": "a"}, "kind is 'earthquake'"),
        ({"kind": "spot_interruption"}, "job is missing; it must be a job's name"),
        ({"kind": "spot_interruption", "job": "a", "times": 0}, "times is 0"),
        ({"kind": "spot_interruption", "job": "a", "after_s": -1}, "after_s is -1"),
        ({"kind": "spot_interruption", "job": "a", "after": 1}, "unknown member 'after'"),
    ],
)
def test_a_rule_without_sense_is_refused(jobs: Any, faults: Any, rule: dict[str, Any], message: str) -> None:
    status, answer = faults(jobs, "POST", rule)
    assert status == 400
    assert message in answer["message"]


def test_rules_are_listed_and_forgotten(jobs: Any, faults: Any) -> None:
    faults(jobs, "DELETE")
    status, rule = faults(jobs, "POST", {"kind": "spot_interruption", "job": "no-such-job", "after_s": 5})
    assert status == 201
    assert faults(jobs, "GET") == (200, {"rules": [rule], "api_limits": []})
    assert faults(jobs, "DELETE") == (200, {"cleared": 1})
    assert faults(jobs, "GET") == (200, {"rules": [], "api_limits": []})
