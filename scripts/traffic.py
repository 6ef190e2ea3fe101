"""Requests that arrive at the live endpoint while something is done to it: `python -m musher.traffic`."""

import json
import re
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from localaws.processes import Child, Supervisor
from scripts.local_stack import PYTHON, REGION, ROOT, StackError, describe_end

RATE = 5.0
"""Requests a second: a modest load, which two slow cores answer beside a training and an update."""

MAX_S = 1800.0
"""Seconds after which it ends by itself."""

READY_S, STOP_S = 120.0, 30.0
LOOK_S = 0.05
SENDING = "Sending for "
"""What the generator logs as it begins."""
LIVE_LINE = re.compile(r"\d+ of \d+ s: (.* requests a second, .*)")


def argv_of(load: Sequence[str], *, endpoint: str, body: Path, content_type: str, output: Path) -> list[str]:
    """Return the command line of a load on an endpoint; `load` are the options that say how much."""
    target = ["sagemaker", endpoint, "--body", str(body), "--content-type", content_type]
    return [str(PYTHON), "-m", "musher.traffic", *load, "--output", str(output), *target]


def environment(url: str) -> dict[str, str]:
    """Return the variables that lead the generator's boto3 to the localaws at this address."""
    return {
        "PYTHONPATH": str(ROOT / "plugins"),
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": REGION,
    }


@dataclass(frozen=True, kw_only=True)
class Sent:
    """What the generator measured, and when it began, on this process's monotonic clock."""

    measured: dict[str, Any]
    began_s: float

    @property
    def requests(self) -> int:
        """How many were due while it ran."""
        return int(self.measured["sent"] + self.measured["dropped"])

    @property
    def failed(self) -> int:
        """How many failed or were never sent; those that the end cut short were not waited for."""
        unfinished = self.measured["errors"].get("unfinished", 0)
        return int(self.measured["failed"] - unfinished + self.measured["dropped"])

    def count_between(self, start_s: float, end_s: float) -> int:
        """Return how many were sent in this time, by windows that lie in it as a whole: rather too few."""
        window_s = self.measured["window_s"]
        rows = [(self.began_s + row["start_s"], row["sent"]) for row in self.measured["windows"]]
        return sum(sent for at_s, sent in rows if start_s <= at_s and at_s + window_s <= end_s)


class Traffic:
    """A load generator in a process of its own."""

    def __init__(
        self,
        supervisor: Supervisor,
        *,
        url: str,
        endpoint_name: str,
        image: Path,
        output: Path,
        tell: Callable[[str], None],
    ) -> None:
        self._output = output
        self._tell = tell
        self._sending = threading.Event()
        self._began_s = 0.0
        argv = argv_of(
            ["--rate", str(RATE), "--duration-s", str(MAX_S)],
            endpoint=endpoint_name,
            body=image,
            content_type="image/png",
            output=output,
        )
        self._child: Child = supervisor.start(
            name="traffic", argv=argv, env=environment(url), cwd=ROOT, on_line=self._take
        )

    def _take(self, line: str) -> None:
        if SENDING in line:
            self._began_s = time.monotonic()
            self._sending.set()
        elif match := LIVE_LINE.search(line):
            self._tell(match[1])

    def wait_sending(self) -> None:
        """Wait until requests are sent; raises StackError where they never are."""
        deadline = time.monotonic() + READY_S
        while not self._sending.wait(LOOK_S):
            if self._child.poll() is not None or time.monotonic() > deadline:
                raise self._fail()

    def stop(self) -> Sent:
        """End it and return what it measured; raises StackError where it had ended by itself."""
        self._child.terminate()
        if self._child.wait(timeout_s=STOP_S) != 0 or not self._output.exists():
            raise self._fail()
        return Sent(measured=json.loads(self._output.read_text()), began_s=self._began_s)

    def _fail(self) -> StackError:
        if self._child.poll() is None:
            return StackError("the load generator does not do what it was told")
        return StackError(f"the load generator {describe_end(self._child)}")
