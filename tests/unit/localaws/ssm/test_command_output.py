"""What is shown of a command's output, and how times are written."""

from datetime import UTC, datetime, timedelta

import pytest

from localaws.ec2.agent import Ran
from localaws.ssm.command import write_duration, write_time
from localaws.ssm.output import cut, make_key, make_url, read_stderr
from localaws.ssm.spec import Bucket

START = datetime(2026, 1, 2, 3, 4, 5, 678_000, tzinfo=UTC)


def test_what_is_cut_says_so() -> None:
    assert cut("x" * 10, most=10, mark="--") == "x" * 10
    assert cut("x" * 11, most=10, mark="--") == "x" * 8 + "--"


def test_the_agent_adds_why_a_command_failed() -> None:
    assert read_stderr(Ran(code=0, stdout=b"", stderr=b"a\n")) == "a\n"
    assert read_stderr(Ran(code=2, stdout=b"", stderr=b"a\n")) == ("a\nfailed to run commands: exit status 2")


@pytest.mark.parametrize("prefix", ["logs", "/logs/", ""])
def test_outputs_lie_below_the_prefix(prefix: str) -> None:
    key = make_key(Bucket(name="b", prefix=prefix), command_id="c", instance_id="i", output="stdout")
    rest = "c/i/awsrunShellScript/0.awsrunShellScript/stdout"
    assert key == (f"logs/{rest}" if prefix else rest)
    assert make_url(Bucket(name="b"), region="eu-west-1", key=key).startswith(
        "https://s3.eu-west-1.amazonaws.com/b/"
    )


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(0, "PT0S"), (3.5, "PT3.5S"), (60, "PT1M"), (3661, "PT1H1M1S"), (7200, "PT2H")],
)
def test_durations_are_written_as_iso_8601_has_them(seconds: float, expected: str) -> None:
    assert write_duration(START, START + timedelta(seconds=seconds)) == expected


def test_times_are_written_in_utc_with_milliseconds() -> None:
    assert write_time(START) == "2026-01-02T03:04:05.678Z"
    assert (write_time(None), write_duration(START, None)) == ("", "")
