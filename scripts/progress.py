"""Turn the log of `airflow dags test` into a line at the start and at the end of each task, and of a load."""

import re
import time
from collections.abc import Callable

LOG_LINE = re.compile(r"\[?\d{4}-\d\d-\d\d")
TASK_LINE = re.compile(r"\[DAG TEST\] (starting|end)\b.*?\btask_id=(\S+)")
STATE_LINE = re.compile(r"Task instance state updated\b.*?\bnew_state=(\w+)")
RUN_LINE = re.compile(r"DagRun Finished:.*?\bstate=(\w+)")
LOAD_LINE = re.compile(r"\bload test: (\d+ of \d+ s: .*?)(?:\s+\[musher\.|$)")
"""How a load test goes, as `musher.traffic.watched` logs it every few seconds."""
TOLD = re.compile(r"AirflowFailException: (.*)")
BAD_PARAM = re.compile(
    r".*ParamValidationError: (Invalid input for param \w+: .*?) +Failed validating .*", re.DOTALL
)
"""What Airflow says of a Param's value, before it prints the whole schema."""
STARTING = "starting"
Observer = Callable[[str, str], None]
"""What is told of a task's start or end: STARTING or another word, and the task's id."""

ENDS = {
    "success": "done in {seconds:.1f} s",
    "skipped": "skipped",
    "failed": "FAILED after {seconds:.1f} s",
    "up_for_retry": "failed after {seconds:.1f} s, will be tried again",
}


def say(text: str) -> None:
    """Print one line for the person at the terminal."""
    print(text, flush=True)


class Progress:
    """Take log lines; say when a task starts and ends, and remember errors and the run's last state."""

    def __init__(
        self,
        write: Callable[[str], None],
        *,
        tell: Callable[[str], None] = say,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.observers: tuple[Observer, ...] = ()
        """What is told of each task besides."""
        self._write = write
        self._tell = tell
        self._now = now
        self._origin = now()
        self._task: tuple[str, float] | None = None
        self._task_state = ""
        self._is_open = False
        self.errors: list[str] = []
        self.run_state: str | None = None
        """What Airflow says of the run at its end: success or failed."""

    @property
    def reason(self) -> str | None:
        """Return the last error, rather what Airflow was told than a line of a job's log."""
        told = [match[1] for error in self.errors if (match := TOLD.search(error))]
        reason = next(reversed(told or self.errors), None)
        return BAD_PARAM.sub(r"\1: correct it in the conf.", reason) if reason else None

    def __call__(self, line: str) -> None:
        """Take one log line."""
        self._write(line)
        self._remember_error(line)
        if match := STATE_LINE.search(line):
            self._task_state = match[1]
        elif match := RUN_LINE.search(line):
            self.run_state = match[1]
        elif match := TASK_LINE.search(line):
            self._show_task(*match.groups())
            for observer in self.observers:
                observer(*match.groups())
        elif match := LOAD_LINE.search(line):
            self.note("load_test", match[1])

    def begin_again(self) -> None:
        """Forget how the run before ended: another one follows in the same log."""
        self.errors.clear()
        self.run_state = None

    def note(self, subject: str, text: str) -> None:
        """Say something that is no task's start or end."""
        self._line(self._now(), subject, text)

    def _remember_error(self, line: str) -> None:
        if "[error" in line.lower() or "Exception:" in line or "Error:" in line:
            self.errors.append(line)
            self._is_open = True
        elif LOG_LINE.match(line):
            self._is_open = False
        elif self._is_open:
            self.errors[-1] += f" {line.strip()}"  # the message goes on

    def _show_task(self, event: str, task: str) -> None:
        now = self._now()
        if event == STARTING:
            self._task, self._task_state = (task, now), ""
            self._line(now, task, "started")
        elif self._task and self._task[0] == task:
            text = ENDS.get(self._task_state, "ended after {seconds:.1f} s")
            self._line(now, task, text.format(seconds=now - self._task[1]))
            self._task = None

    def _line(self, now: float, task: str, text: str) -> None:
        self._tell(f"{now - self._origin:7.1f} s  {task:<30} {text}")
