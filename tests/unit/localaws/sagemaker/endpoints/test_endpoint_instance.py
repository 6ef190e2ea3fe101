"""An instance's life, with a clock and processes that the test moves."""

from collections.abc import Callable, Sequence

import pytest

from localaws.clock import ManualClock
from localaws.errors import ChildStartError
from localaws.sagemaker.endpoints.instance import Instance, Server, State, back_off_s, describe_exit


class FakeServer:
    """A process that the test ends."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.code: int | None = None
        self.lines = ["loading", "boom"]
        self.grace_s: float | None = None

    def exit_code(self) -> int | None:
        """Return what the test set."""
        return self.code

    def last_lines(self) -> Sequence[str]:
        """Return the log."""
        return self.lines

    def stop(self, *, grace_s: float) -> None:
        """Note the stop."""
        self.grace_s = grace_s


class Bench:
    """An instance with all it needs."""

    def __init__(self, *, startup_s: float = 480.0) -> None:
        self.clock = ManualClock()
        self.real_s = 0.0
        self.servers: list[FakeServer] = []
        self.is_answering = False
        self.instance = Instance(
            instance_id="i-1",
            variant="AllTraffic",
            launch=self.launch,
            clock=self.clock,
            startup_s=startup_s,
            ping=lambda port: self.is_answering,
            real_now_s=lambda: self.real_s,
        )

    def launch(self) -> Server:
        """Make the next process."""
        self.servers.append(FakeServer(port=9000 + len(self.servers)))
        return self.servers[-1]

    def start_healthy(self) -> None:
        """Bring it into service."""
        self.is_answering = True
        self.instance.start()
        self.instance.step()
        assert self.instance.is_healthy


def test_it_is_healthy_once_ping_answers() -> None:
    bench = Bench()
    bench.instance.start()
    bench.instance.step()
    assert bench.instance.state is State.STARTING
    bench.is_answering = True
    bench.instance.step()
    assert bench.instance.is_healthy
    assert bench.instance.port == 9000


def test_it_fails_when_the_process_ends_before_it_was_healthy() -> None:
    bench = Bench()
    bench.instance.start()
    bench.servers[0].code = 1
    bench.instance.step()
    assert bench.instance.state is State.FAILED
    assert bench.instance.failure == (
        "The primary container for production variant AllTraffic did not pass the ping health check. Please "
        "check CloudWatch logs for this endpoint. Cause: the process ended with exit code 1. "
        "Last log lines:\nloading\nboom"
    )


def test_it_fails_when_ping_does_not_answer_in_time() -> None:
    """In real seconds: however fast AWS's time passes, a process starts as fast as the machine can."""
    bench = Bench(startup_s=60)
    bench.instance.start()
    bench.clock.advance(3600)
    bench.real_s = 60
    bench.instance.step()
    assert bench.instance.state is State.STARTING
    bench.real_s = 61
    bench.instance.step()
    assert bench.instance.failure is not None
    assert "GET /ping did not answer 200 within 60 s" in bench.instance.failure
    assert bench.servers[0].grace_s == 0


def test_a_first_start_that_lost_its_port_is_repeated() -> None:
    bench = Bench()
    bench.instance.start()
    bench.servers[0].lines = ["OSError: [Errno 98] Address already in use"]
    bench.servers[0].code = 1
    bench.instance.step()
    assert bench.instance.failure is None
    assert len(bench.servers) == 2


def test_a_crashed_process_is_started_again_with_growing_pauses() -> None:
    bench = Bench()
    bench.start_healthy()
    pauses = []
    for crash in range(4):
        bench.servers[-1].code = -9
        bench.instance.step()
        assert not bench.instance.is_healthy
        before = bench.clock.monotonic()
        while len(bench.servers) == crash + 1:
            bench.instance.step()
            bench.clock.advance(0.5)
        pauses.append(bench.clock.monotonic() - before - 0.5)
        bench.instance.step()
        assert bench.instance.is_healthy
    assert pauses == [0.0, 1.0, 2.0, 4.0]


def test_a_minute_of_health_forgives_earlier_crashes() -> None:
    bench = Bench()
    bench.start_healthy()
    for _ in range(3):
        bench.servers[-1].code = 1
        bench.instance.step()
        bench.clock.advance(60)
        bench.instance.step()
        bench.instance.step()
        assert bench.instance.is_healthy
        bench.clock.advance(60)
    bench.servers[-1].code = 1
    bench.instance.step()
    bench.instance.step()
    assert len(bench.servers) == 5  # at once


def test_three_missed_pings_replace_the_process() -> None:
    bench = Bench()
    bench.start_healthy()
    bench.is_answering = False
    for _ in range(3):
        assert bench.instance.state is State.HEALTHY
        bench.clock.advance(10)
        bench.instance.step()
    assert bench.instance.state is State.BACKING_OFF
    assert bench.servers[0].grace_s == 0


def test_a_suspect_gets_no_traffic_until_it_passes_a_ping() -> None:
    bench = Bench()
    bench.start_healthy()
    bench.instance.suspect()
    assert not bench.instance.is_healthy
    bench.instance.step()
    assert bench.instance.is_healthy


def test_a_restart_that_fails_is_tried_again_later(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench()
    bench.start_healthy()
    bench.servers[-1].code = 1
    bench.instance.step()

    def refuse() -> Server:
        raise ChildStartError("no memory")

    launch: Callable[[], Server] = bench.launch
    monkeypatch.setattr(bench.instance, "_launch", refuse)
    bench.instance.step()
    assert bench.instance.state is State.BACKING_OFF
    monkeypatch.setattr(bench.instance, "_launch", launch)
    bench.clock.advance(1)
    bench.instance.step()
    bench.instance.step()
    assert bench.instance.is_healthy


def test_stop_hands_on_the_grace_period() -> None:
    bench = Bench()
    bench.start_healthy()
    bench.instance.stop(grace_s=1.5)
    assert bench.instance.state is State.STOPPED
    assert bench.servers[0].grace_s == 1.5


def test_back_off_doubles_up_to_a_minute() -> None:
    assert [back_off_s(crashes) for crashes in (1, 2, 3, 4, 20)] == [0, 1, 2, 4, 60]


def test_exit_codes_in_words() -> None:
    assert (describe_exit(3), describe_exit(-9)) == ("exit code 3", "signal 9")
