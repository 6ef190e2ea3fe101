"""The objective's values are read from CloudWatch, line by line."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from moto import mock_aws
from moto.logs.models import logs_backends

from localaws.logs import LogStream
from localaws.sagemaker.training.metrics import MetricPattern
from localaws.sagemaker.tuning.objectives import ObjectiveLog

ACCOUNT = "123456789012"


@pytest.fixture
def log() -> Iterator[ObjectiveLog]:
    """Yield the log of the job `tune-001`."""
    pattern = MetricPattern("loss=([0-9.]+);")
    with mock_aws():
        yield ObjectiveLog(account_id=ACCOUNT, region="us-east-1", job_name="tune-001", pattern=pattern)


def stream(name: str) -> LogStream:
    """Open a stream of a training job."""
    return LogStream(
        account_id=ACCOUNT,
        region="us-east-1",
        group="/aws/sagemaker/TrainingJobs",
        stream=name,
        now=lambda: datetime.now(UTC),
    )


def test_new_lines_give_new_values_once(log: ObjectiveLog) -> None:
    assert log.new_values() == []
    own = stream("tune-001/algo-1-1")
    own.write("loss=3;")
    own.write("nothing")
    own.write("epoch 2: loss=2.5;")
    assert log.new_values() == [3.0, 2.5]
    assert log.new_values() == []
    own.write("loss=1;")
    assert log.new_values() == [1.0]


def test_every_host_counts_and_other_jobs_do_not(log: ObjectiveLog) -> None:
    stream("tune-001/algo-1-1").write("loss=1;")
    stream("tune-001/algo-2-1").write("loss=2;")
    stream("tune-0011/algo-1-1").write("loss=9;")
    assert sorted(log.new_values()) == [1.0, 2.0]


def test_a_stream_that_was_deleted_begins_anew(log: ObjectiveLog) -> None:
    own = stream("tune-001/algo-1-1")
    for line in ("loss=3;", "loss=2;"):
        own.write(line)
    assert log.new_values() == [3.0, 2.0]
    logs_backends[ACCOUNT]["us-east-1"].delete_log_stream(own.group, own.stream)
    own.write("loss=1;")
    assert log.new_values() == [1.0]
    logs_backends[ACCOUNT]["us-east-1"].delete_log_group(own.group)
    assert log.new_values() == []
    own.write("loss=0;")
