"""A history: random steps on a part of localaws, each followed by what must hold; and how many are run.

Hypothesis draws the steps and, where something does not hold, looks for the shortest history that shows it.
"""

import logging
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Generator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar, cast
from unittest import mock

from hypothesis import HealthCheck, Phase, configuration, seed, settings
from hypothesis.errors import HypothesisException
from hypothesis.internal.conjecture import engine, providers
from hypothesis.internal.constants_ast import Constants
from hypothesis.reporting import with_reporter
from hypothesis.stateful import RuleBasedStateMachine, invariant, run_state_machine_as_test

from localaws import context as contexts
from localaws.clock import ManualClock
from localaws.cloudwatch.metrics import Metrics

ACCOUNT, REGION = "123456789012", "us-east-1"
STEPS = 40
"""Of a history at most."""
SHORTENING_S = 45.0
"""Real seconds for a search for a shorter history; the shortest until then is printed."""


class Complaints(logging.Handler):
    """Collect what localaws logs of its own failures: a step that is caught and logged is a failure too."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep what comes with a traceback."""
        if record.exc_info:
            self.found.append(f"{record.getMessage()}: {record.exc_info[1]!r}")


class History(RuleBasedStateMachine):
    """One history on a clock that it moves; `violations` are what must not have happened.

    A violation is kept rather than raised, as localaws catches at its boundaries what is raised below them.
    """

    ended: ClassVar[int] = 0
    """Histories of this class that have come to their end without a violation, none of them cut short."""
    is_found: ClassVar[bool] = False
    """Whether a violation is found: what runs afterwards searches for a shorter one, and counts nothing."""
    steps: ClassVar[int] = 0
    reached: ClassVar[Counter[str]] = Counter()
    """How often something worth looking for has come about: a model that reaches nothing proves nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = ManualClock()
        self.metrics = Metrics(self.clock)
        self.violations: list[str] = []
        self._complaints = Complaints()
        self._left = ExitStack()
        logger = logging.getLogger("localaws")
        logger.addHandler(self._complaints)
        self._left.callback(logger.removeHandler, self._complaints)
        contexts.activate(cast(Any, self))
        self._left.callback(contexts.activate, None)

    def find_service(self, kind: Any) -> Any:
        """Return one of localaws' services, as a context does."""
        raise RuntimeError(f"this history has no {kind.__name__}")

    def on_end(self, work: Any, *arguments: Any) -> None:
        """Have something done when the history ends, whatever happened."""
        self._left.callback(work, *arguments)

    def enter(self, manager: Any) -> Any:
        """Enter a context until the history ends."""
        return self._left.enter_context(manager)

    def must(self, holds: bool, what: str) -> None:
        """Note a violation unless something holds."""
        if not holds:
            self.violations.append(what)

    def reach(self, what: str) -> None:
        """Count something that has come about."""
        type(self).reached[what] += not type(self).is_found

    @invariant()
    def nothing_is_violated(self) -> None:
        """Fail with the first violation."""
        type(self).steps += not type(self).is_found
        found = self.violations + self._complaints.found
        assert not found, found[0]

    def teardown(self) -> None:
        """Leave nothing behind; Hypothesis calls this as it gives a history up, too."""
        raised = sys.exc_info()[1]
        if isinstance(raised, Exception) and not isinstance(raised, HypothesisException):
            type(self).is_found = True
        elif raised is None and not type(self).is_found:
            type(self).ended += 1
        self._left.close()


@dataclass(frozen=True, kw_only=True)
class Found:
    """What a number of histories came to."""

    model: str
    seed: int
    histories: int
    steps: int
    seconds: float
    reached: Mapping[str, int]
    program: str = ""
    """The shortest history with a violation; empty where there is none."""


def run_histories(
    machine: type[History], *, first_seed: int, histories: int, is_shortened: bool = True
) -> Found:
    """Run histories that follow from a seed, to the first violation.

    `is_shortened` is whether a shorter history with a violation is searched then.
    """
    own = {"ended": 0, "is_found": False, "steps": 0, "reached": Counter()}
    counted: Any = type(machine.__name__, (machine,), own)
    how = settings_of(histories, is_shortened=is_shortened)
    started, program = time.perf_counter(), ""
    shortening = mock.patch.object(engine, "MAX_SHRINKING_SECONDS", SHORTENING_S)
    with quiet(), hypothesis_elsewhere(), same_everywhere(), shortening, with_reporter(lambda text: None):
        try:
            run_state_machine_as_test(seed(first_seed)(counted), settings=how)
        except Exception as error:  # noqa: BLE001 - whatever a history raises is its violation
            program = describe_violation(error)
    return Found(
        model=machine.__name__,
        seed=first_seed,
        histories=counted.ended,
        steps=counted.steps,
        reached=dict(counted.reached),
        seconds=time.perf_counter() - started,
        program=program,
    )


def settings_of(histories: int, *, is_shortened: bool) -> settings:
    """Return how histories are drawn: nothing is kept on disk, and each is whole however slow the machine."""
    return settings(
        max_examples=histories,
        stateful_step_count=STEPS,
        database=None,
        deadline=None,
        print_blob=False,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.generate, Phase.shrink) if is_shortened else (Phase.generate,),
    )


def describe_violation(error: Exception) -> str:
    """Return a violation, and the program that leads to it."""
    notes = getattr(error, "__notes__", [])
    shown = [note for note in notes if not note.endswith(("nothing_is_violated()", "teardown()"))]
    return "\n".join([f"{type(error).__name__}: {error}", *shown])


@contextmanager
def quiet() -> Generator[None, None, None]:
    """Let localaws log only to those who listen for its failures."""
    logger = logging.getLogger("localaws")
    before, handlers = logger.propagate, SimpleNamespace(null=logging.NullHandler())
    logger.propagate = False
    logger.addHandler(handlers.null)
    try:
        yield
    finally:
        logger.removeHandler(handlers.null)
        logger.propagate = before


@contextmanager
def hypothesis_elsewhere() -> Generator[None, None, None]:
    """Let Hypothesis keep what it learns of its own in a folder that goes."""
    with tempfile.TemporaryDirectory(prefix="histories-") as folder:
        configuration.set_hypothesis_home_dir(Path(folder))
        try:
            yield
        finally:
            configuration.set_hypothesis_home_dir(None)


@contextmanager
def same_everywhere() -> Generator[None, None, None]:
    """Let a seed be the same histories in every process.

    Hypothesis also draws numbers that it reads in the source of whatever modules are loaded by then: those
    of a batch that runs alone are others than those of the same batch after many.
    """
    with mock.patch.object(providers, "_get_local_constants", Constants):
        providers.CONSTANTS_CACHE.cache.clear()
        try:
            yield
        finally:
            providers.CONSTANTS_CACHE.cache.clear()
