"""Jobs in the background: how many of them compute."""

import threading

from localaws.sagemaker.background import JobThread, RunningJobs, count_computing


class Waiting(JobThread):
    """A job that lasts until it is stopped."""

    def __init__(self) -> None:
        super().__init__(name="waiting")
        self._over = threading.Event()

    def run(self) -> None:
        self._over.wait(20)

    def stop(self) -> None:
        self._over.set()

    abort = stop


class Training(RunningJobs[Waiting]):
    ABORT_S = 5.0


class Tuning(RunningJobs[Waiting]):
    """Its trials are jobs of another service."""

    ABORT_S = 5.0
    COMPUTES = False


def test_jobs_count_while_they_run_and_only_where_they_compute() -> None:
    training, tuning, jobs = Training(), Tuning(), [Waiting() for _ in range(3)]
    services = [training, tuning, object()]
    assert count_computing(services) == 0
    for number, job in enumerate(jobs):
        (training if number else tuning).start(job, arn=str(number))
    assert count_computing(services) == 2
    jobs[1].stop()
    jobs[1].join(timeout_s=20)
    assert count_computing(services) == 1
    for job in jobs:
        job.stop()
