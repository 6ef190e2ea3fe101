"""A crowd of waits against jobs that really run, with AWS's rates, throttling and a triggerer's restart."""

import asyncio
import uuid
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from localaws.faults.client import FaultClient
from musher.triggers.jobs import TrainingJobTrigger
from tests.archives import pack
from tests.sagemaker_role import ensure_role

JOBS = 20
WAIT_S = 120.0
INTERVAL_S = 1.0
IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/pytorch-training:2"
WAITS = """
import pathlib, sys, time
go = pathlib.Path(sys.argv[sys.argv.index("--go") + 1])
while not go.exists():
    time.sleep(0.1)
sys.exit(int(go.read_text()))
"""
NEVER = {"kind": "slow", "service": "sagemaker", "delay_ms": 1, "nth": 10**9}
"""A rule that never fires: it counts calls."""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]


@dataclass(frozen=True)
class Jobs:
    """Jobs that end when they are told to."""

    names: list[str]
    folder: Path

    def end(self, *names: str, code: int = 0) -> None:
        """Let scripts exit."""
        for name in names:
            (self.folder / f"{name}.new").write_text(str(code))
            (self.folder / f"{name}.new").rename(self.folder / name)

    def triggers(self) -> list[TrainingJobTrigger]:
        """Return the triggers, as each triggerer makes them from what is stored."""
        return [
            TrainingJobTrigger(
                arguments={"TrainingJobName": name},
                connection={"aws_conn_id": "aws_default", "region_name": "us-east-1"},
                delay_s=INTERVAL_S,
                deadline=4e9,
            )
            for name in self.names
        ]


@pytest.fixture
def jobs(localaws: Any, tmp_path: Path) -> Generator[Jobs, None, None]:
    """Start 20 jobs, and end them."""
    run = uuid.uuid4().hex[:8]
    made = Jobs([f"opstest-crowd-{run}-{number:02}" for number in range(JOBS)], tmp_path)
    bucket, s3 = f"crowd-{run}", localaws.client("s3", read_timeout=300)
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="code.tar.gz", Body=pack({"train.py": WAITS}))
    role = ensure_role(localaws.client("iam", read_timeout=300), "crowd")
    sagemaker = localaws.client("sagemaker", read_timeout=300)
    for name in made.names:
        sagemaker.create_training_job(
            TrainingJobName=name,
            RoleArn=role,
            AlgorithmSpecification={"TrainingImage": IMAGE, "TrainingInputMode": "File"},
            HyperParameters={
                "sagemaker_program": "train.py",
                "sagemaker_submit_directory": f"s3://{bucket}/code.tar.gz",
                "go": str(tmp_path / name),
            },
            OutputDataConfig={"S3OutputPath": f"s3://{bucket}/jobs"},
            ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 5},
            StoppingCondition={"MaxRuntimeInSeconds": 600},
        )
    yield made
    made.end(*[name for name in made.names if not (tmp_path / name).exists()])


async def outcome(trigger: TrainingJobTrigger) -> str:
    """Run a trigger to its event."""
    event = await anext(aiter(trigger.run()))
    return str(event.payload["outcome"])


def test_twenty_jobs_are_waited_for_by_one_list_that_is_throttled_at_first(
    jobs: Jobs, fault_rules: FaultClient
) -> None:
    fault_rules.put(
        {"kind": "throttle", "service": "sagemaker", "action": "ListTrainingJobs", "first": 2, "id": "lists"},
        {**NEVER, "action": "DescribeTrainingJob", "id": "descriptions"},
        api_limits="aws",
    )

    async def play() -> list[str]:
        waiting = [asyncio.create_task(outcome(trigger)) for trigger in jobs.triggers()]
        await asyncio.sleep(8 * INTERVAL_S)
        jobs.end(jobs.names[0], code=1)
        jobs.end(*jobs.names[1:])
        async with asyncio.timeout(WAIT_S):
            return list(await asyncio.gather(*waiting))

    assert asyncio.run(play()) == ["failure"] + ["success"] * (JOBS - 1)
    calls = {rule["id"]: rule["calls"] for rule in fault_rules.rules()}
    assert [event for event in fault_rules.fired() if event["kind"] == "api_limit"] == []
    assert calls["lists"] >= 3
    # The first looks, those once the list had failed, and of those that were left when the crowd was gone.
    assert calls["descriptions"] <= 4 * JOBS


def test_the_next_triggerer_finds_what_has_ended_meanwhile_and_waits_for_the_rest(
    jobs: Jobs, fault_rules: FaultClient
) -> None:
    fault_rules.put(api_limits="aws")

    async def shut_down() -> None:
        waiting = [asyncio.create_task(outcome(trigger)) for trigger in jobs.triggers()]
        await asyncio.sleep(4 * INTERVAL_S)
        for task in waiting:
            task.cancel()
        assert {type(end) for end in await asyncio.gather(*waiting, return_exceptions=True)} == {
            asyncio.CancelledError
        }

    async def take_over() -> list[str]:
        waiting = [asyncio.create_task(outcome(trigger)) for trigger in jobs.triggers()]
        async with asyncio.timeout(WAIT_S):
            ended = list(await asyncio.gather(*waiting[:10]))
            jobs.end(*jobs.names[10:], code=1)
            return ended + list(await asyncio.gather(*waiting[10:]))

    asyncio.run(shut_down())
    jobs.end(*jobs.names[:10])
    assert asyncio.run(take_over()) == ["success"] * 10 + ["failure"] * 10
    assert fault_rules.fired() == []
