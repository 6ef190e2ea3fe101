"""Run one tuning job: launch training jobs, follow them, and learn from them, in a thread of its own."""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from moto.core.exceptions import ServiceException

from localaws.clock import Clock
from localaws.sagemaker.background import JobThread
from localaws.sagemaker.tuning import outcome
from localaws.sagemaker.tuning.job import LocalTuningJob
from localaws.sagemaker.tuning.planning import Plan
from localaws.sagemaker.tuning.spec import TuningSpec
from localaws.sagemaker.tuning.stopping import Stopper
from localaws.sagemaker.tuning.strategies import Strategy
from localaws.sagemaker.tuning.trial import Trial

logger = logging.getLogger(__name__)

POLL_S = 0.05
"""Real seconds between two looks at the training jobs."""
INTERNAL_ERROR = "InternalServerError: We encountered an internal error. Please try again."


class Children(Protocol):
    """The training jobs, as the runner deals with them."""

    def launch(self, number: int, values: dict[str, str]) -> Trial:
        """Start the training job with this number (from 1); raises ServiceException where it is refused."""
        ...

    def new_values(self, trial: Trial) -> list[float]:
        """Return the objective's values that a training job printed since the last call."""
        ...

    def stop(self, trial: Trial) -> None:
        """Ask a training job to stop; one that has ended is left alone."""
        ...


@dataclass(frozen=True, kw_only=True)
class Tools:
    """What the runner works with; the plan is made in its thread, as it may be slow to import."""

    clock: Clock
    children: Children
    plan: Callable[[], Plan]


class TuningRunner(JobThread):
    """The thread that runs one tuning job."""

    def __init__(self, *, job: LocalTuningJob, spec: TuningSpec, tools: Tools) -> None:
        super().__init__(name=f"tuning-{spec.name}")
        self._job = job
        self._spec = spec
        self._tools = tools
        self._strategy: Strategy
        self._stopper: Stopper
        self._wake = threading.Event()
        self._aborted = False
        self._exhausted = False
        self._closing = False
        self._refusal: str | None = None
        self._started = tools.clock.monotonic()

    def stop(self) -> None:
        """Look at the job's state at once: it is to be stopped."""
        self._wake.set()

    def abort(self) -> None:
        """Give up without touching the training jobs: localaws is stopping, and stops them itself."""
        self._aborted = True
        self._wake.set()

    def run(self) -> None:
        """Launch and follow training jobs until all is over."""
        logger.info("tuning job %s: %s", self._spec.name, self._spec.strategy)
        try:
            self.prepare()
            while not self._aborted and not self.tick():
                self._wake.wait(POLL_S)
                self._wake.clear()
        except Exception:  # the thread's boundary: a defect of ours must end the job, visibly
            logger.exception("tuning job %s failed inside localaws", self._spec.name)
            self._stop_all()
            self._job.advance("Failed", reason=INTERNAL_ERROR)
        status, reason = self._job.hyper_parameter_tuning_job_status, self._job.failure_reason
        logger.info("tuning job %s: %s %s", self._spec.name, status, reason or "")

    def prepare(self) -> None:
        """Make the strategy and the stopper."""
        plan = self._tools.plan()
        self._strategy, self._stopper = plan.strategy, plan.stopper

    def tick(self) -> bool:
        """Follow the training jobs and launch what there is room for; return whether it is all over."""
        for trial in self._job.trials:
            if not trial.is_settled:
                self._follow(trial)
        if self._is_over():
            self._closing = True
        if self._closing:
            self._stop_all()
        else:
            self._launch()
        if self._running():
            return False
        if self._closing or self._exhausted or outcome.is_hopeless(self._job.trials):
            self._finish()
        return self._job.has_ended

    def _running(self) -> list[Trial]:
        return [trial for trial in self._job.trials if not trial.is_settled]

    def _follow(self, trial: Trial) -> None:
        """Read what a training job has printed, and settle it once it has ended.

        The state is read first: what is printed before the end is then never missed.
        """
        has_ended = trial.has_ended
        if trial.notice_interruption():
            self._tools.children.new_values(trial)  # what the lost instances printed last
        for value in self._tools.children.new_values(trial):
            trial.series.append(value)
            is_behind = self._stopper.report(trial.number, trial.series)
            if is_behind and not has_ended and trial.status == "InProgress":
                logger.info("training job %s: stopped early at %s", trial.job.training_job_name, value)
                self._tools.children.stop(trial)
        if has_ended:
            self._settle(trial)

    def _settle(self, trial: Trial) -> None:
        trial.is_settled = True
        self._strategy.observe(trial.values, trial.result)
        is_whole = trial.status == "Completed" and not trial.interruptions
        self._stopper.end(trial.number, trial.series, completed=is_whole)
        self._job.touch()
        logger.info(
            "training job %s: %s, objective %s", trial.job.training_job_name, trial.status, trial.result
        )

    def _is_over(self) -> bool:
        """Tell whether the job is to be stopped, out of time, refused a training job, or good enough."""
        spec = self._spec
        elapsed_s = self._tools.clock.monotonic() - self._started
        return (
            self._job.hyper_parameter_tuning_job_status == "Stopping"
            or self._refusal is not None
            or (spec.max_runtime_s is not None and elapsed_s >= spec.max_runtime_s)
            or self._has_reached_target()
            or (spec.max_not_improving is not None and self._job.not_improving() >= spec.max_not_improving)
        )

    def _has_reached_target(self) -> bool:
        target = self._spec.target
        if target is None:
            return False
        results = (trial.result for trial in self._job.trials)
        return any(
            result is not None and self._spec.objective.reaches(result, target=target) for result in results
        )

    def _launch(self) -> None:
        """Launch training jobs until the limit of parallel or of all ones is reached."""
        while not self._aborted and self._has_room():
            values = self._strategy.propose()
            if values is None:
                self._exhausted = True
                return
            number = len(self._job.trials) + 1
            try:
                trial = self._tools.children.launch(number, values)
            except ServiceException as error:
                self._refusal = str(error.message)
                self._closing = True
                return
            self._job.trials.append(trial)
            self._stopper.begin(number)
            self._job.touch()

    def _has_room(self) -> bool:
        trials = self._job.trials
        if len(trials) >= self._spec.max_jobs:
            self._exhausted = True
        is_open = not self._exhausted and not outcome.is_hopeless(trials)
        return is_open and len(self._running()) < self._spec.max_parallel

    def _stop_all(self) -> None:
        for trial in self._running():
            if trial.status == "InProgress":
                self._tools.children.stop(trial)

    def _finish(self) -> None:
        """Move to the final status: all training jobs have ended."""
        reason = self._refusal or outcome.failure_reason(self._job.trials)
        if self._job.advance("Stopped"):
            return
        if reason is not None:
            self._job.advance("Failed", reason=reason)
        else:
            self._job.advance("Completed")
