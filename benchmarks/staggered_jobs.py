"""A localaws whose training jobs are states alone, for benchmarks.triggerer: `main` takes PORT and GO.

All that clients see is localaws' own: requests, checks, states, times, lists, rates. In the place of the
runner that starts a job's processes, one thread moves each job to Training at once. Once the file GO exists,
it moves a job to Uploading and Completed as many seconds later as its hyper-parameter `ends_after_s` says. A
thousand real processes are too many for two cores, and no trigger can tell the difference.
"""

import heapq
import sys
import threading
import time
from pathlib import Path

from localaws.sagemaker.training.job import LocalTrainingJob
from localaws.sagemaker.training.runner import JobRunner
from localaws.sagemaker.training.service import TrainingService

ENDS_AFTER = "ends_after_s"
UPLOAD_S = 2.0
TICK_S = 0.02


class States(threading.Thread):
    """Move jobs from state to state at their times."""

    def __init__(self, go: Path) -> None:
        super().__init__(daemon=True)
        self._go = go
        self._lock = threading.Lock()
        self._due: list[tuple[float, str, str, LocalTrainingJob]] = []
        """Seconds after GO, name, state, job."""

    def add(self, job: LocalTrainingJob) -> None:
        """Let a job train, and end when it says."""
        job.start_billing()
        job.advance("Downloading")
        job.advance("Training")
        ends_s = float(job.hyper_parameters[ENDS_AFTER])
        with self._lock:
            name = job.training_job_name
            heapq.heappush(self._due, (max(0.0, ends_s - UPLOAD_S), name, "Uploading", job))
            heapq.heappush(self._due, (ends_s, name, "Completed", job))

    def run(self) -> None:
        """Move what is due, for ever."""
        while not self._go.exists():
            time.sleep(TICK_S)
        begun = time.monotonic()
        while True:
            self._move(time.monotonic() - begun)
            time.sleep(TICK_S)

    def _move(self, now_s: float) -> None:
        with self._lock:
            while self._due and self._due[0][0] <= now_s:
                _, _, state, job = heapq.heappop(self._due)
                if state == "Completed":
                    job.end_billing()
                job.advance(state)


def serve(port: int, go: Path) -> None:
    """Serve until SIGTERM."""
    import uvloop

    from localaws.server import ServeOptions
    from localaws.server import serve as serve_localaws

    states = States(go)
    states.start()

    def start(self: TrainingService, runner: JobRunner, *, arn: str) -> None:
        """Move the job from state to state in the place of running it."""
        states.add(runner._job)

    TrainingService.start = start  # type: ignore[method-assign,assignment]
    uvloop.run(serve_localaws(ServeOptions(port=port, api_limits=True)))


def main() -> None:
    """Serve; no benchmark, so it has no command of its own."""
    serve(int(sys.argv[1]), Path(sys.argv[2]))
