"""The bound of a run of many cases: none is begun after it, and what was started is stopped."""

from collections.abc import Callable, Generator, Sequence
from pathlib import Path

import pytest

from benchmarks.chaos import __main__ as command
from benchmarks.chaos.cases import Outcome


def worked(monkeypatch: pytest.MonkeyPatch, *argv: str) -> tuple[int, bool]:
    """Return how many of three cases were run, and whether the worker was closed."""
    closed = []

    def run_worker(folder: Path, choose: Callable[..., Sequence[object]]) -> Generator[Outcome]:
        try:
            yield from (Outcome(case=f"case {number}") for number in range(3))
        finally:
            closed.append(folder)

    monkeypatch.setattr(command, "run_worker", run_worker)
    return len(list(command.work(Path(), command.parse(argv)))), bool(closed)


def test_no_case_is_begun_after_the_limit_and_the_worker_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert worked(monkeypatch, "--limit-s", "0.000001") == (1, True)


@pytest.mark.parametrize("argv", [(), ("--limit-s", "900")])
def test_all_cases_are_run_within_the_limit(argv: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    assert worked(monkeypatch, *argv) == (3, True)


def test_a_limit_below_zero_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        command.parse(["--limit-s", "-1"])
    assert "--limit-s is -1.0" in capsys.readouterr().err


@pytest.mark.parametrize(("cases", "code"), [((), 1), (("a",), 0)])
def test_a_run_without_a_case_is_no_success(
    cases: tuple[str, ...], code: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    names = ("undisturbed", *cases)
    outcomes = [Outcome(case=f"live/{name}", fired=1, is_finished=True) for name in names]
    monkeypatch.setattr(command, "leave_on_sigterm", lambda: None)
    monkeypatch.setattr(command, "run_worker", lambda folder, choose: (each for each in outcomes))
    assert command.main(["--workers", "1", "--folder", str(tmp_path)]) == code
