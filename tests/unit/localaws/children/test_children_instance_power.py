"""`shutdown` and its sisters inside an instance."""

import os
from collections.abc import Generator
from pathlib import Path

import pytest

from localaws.children import instance_power


@pytest.fixture
def control(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Generator[int, None, None]:
    """Yield the end of the pipe that the first program reads."""
    pipe = tmp_path / "initctl"
    os.mkfifo(pipe)
    monkeypatch.setattr(instance_power, "CONTROL", pipe)
    monkeypatch.setattr(instance_power, "PENDING", tmp_path / "shutdown.pid")
    reading = os.open(pipe, os.O_RDWR | os.O_NONBLOCK)
    yield reading
    os.close(reading)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["shutdown", "-h", "now"], b"poweroff\n"),
        (["shutdown", "now"], b"poweroff\n"),
        (["shutdown", "-P", "+0"], b"poweroff\n"),
        (["shutdown", "-r", "now"], b"reboot\n"),
        (["poweroff"], b"poweroff\n"),
        (["halt", "-f"], b"poweroff\n"),
        (["reboot"], b"reboot\n"),
    ],
)
def test_each_command_says_its_word(control: int, words: list[str], said: bytes) -> None:
    assert instance_power.main(words[0], words[1:]) == 0
    assert os.read(control, 64) == said


@pytest.mark.parametrize(
    ("words", "delay_s"), [([], 60), (["-h", "+5"], 300), (["10"], 600), (["23:00"], None)]
)
def test_a_shutdown_has_a_time(words: list[str], delay_s: int | None) -> None:
    assert instance_power.read_delay_s(words) == delay_s


def test_a_time_of_day_is_refused(control: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert instance_power.main("shutdown", ["23:00"]) == 1
    assert "no time of day" in capsys.readouterr().err
    with pytest.raises(BlockingIOError):
        os.read(control, 64)


def test_a_shutdown_that_waits_can_be_called_off(control: int) -> None:
    assert instance_power.main("shutdown", ["+5"]) == 0
    waiting = int(instance_power.PENDING.read_text())
    assert instance_power.main("shutdown", ["-c"]) == 0
    assert os.waitpid(waiting, 0)[1]
    assert not instance_power.PENDING.exists()
    assert instance_power.main("shutdown", ["-c"]) == 0
