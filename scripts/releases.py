"""The demo's runs: one that releases a model and loads its endpoint, and one that updates it under load."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from localaws.processes import Child
from scripts.dag_runs import Report, fetch_report, wait_for_state, write_go
from scripts.local_stack import BUCKET, Stack, StackError, aws_variables
from scripts.pace import Pace
from scripts.progress import Observer, Progress, say
from scripts.second_release import UPDATE_TASK, Moments, SecondRelease, plan_second
from scripts.traffic import RATE, Sent, Traffic
from scripts.verdict import describe_failures

GO = ("go.json", "go-again.json")
"""Files in the demo's folder that Airflow waits for, one for each run."""

LOAD_TASK = "load_test"
LOAD_SPEED = 20.0
"""AWS seconds in a second, under load: a scale-out's 3 minutes take 9 s, an answer's limit of 60 s is 3."""

UPDATE_SPEED = 10.0
"""The same during the update, in which as many instances start as serve: their limit of 8 minutes is 48 s."""


@dataclass(frozen=True, kw_only=True)
class Session:
    """A stack, and the Airflow on it that waits for its runs to begin."""

    stack: Stack
    airflow: Child
    progress: Progress
    folder: Path
    limit_s: float | None
    """Seconds that a run may take; None: as long as its tasks may."""

    def run(self, go: str, *, conf: Mapping[str, Any], observers: Sequence[Observer]) -> str:
        """Run the DAG with these Params; return the state in which it ends."""
        self.progress.observers = tuple(observers)
        write_go(self.folder / go, variables=aws_variables(self.stack.url), conf=conf)
        return wait_for_state(self.stack, self.airflow, progress=self.progress, limit_s=self.limit_s)

    def pace(self, task: str, *, speed: float) -> Pace:
        """Return what lets AWS's time pass faster during a task."""
        return Pace(self.stack.url, progress=self.progress, task=task, speed=speed)

    def explain(self, state: str, report: Report | None) -> str | None:
        """Return why a run failed, None where it did not."""
        failures = (report.summary.get("failures") if report else None) or {}
        return None if state == "success" else describe_failures(failures, logged=self.progress.reason)


def release(session: Session, *, conf: Mapping[str, Any]) -> tuple[Report, str | None]:
    """Run the DAG once; return its report, and why it failed where it did."""
    state = session.run(GO[0], conf=conf, observers=[session.pace(LOAD_TASK, speed=LOAD_SPEED)])
    report = fetch_report(session.stack, folder=session.folder)
    if report is None:
        raise StackError(f"the run ended as {state} and wrote no report: {session.progress.reason}")
    return report, session.explain(state, report)


def release_again(session: Session, first: Report, *, conf: Mapping[str, Any]) -> SecondRelease:
    """Run the DAG once more, for another model, while requests arrive; return what became of both."""
    started, moments = time.monotonic(), Moments()
    traffic = start_traffic(session, first)
    name = first.summary["endpoint"]["name"]
    say(f"\nA second model, from another seed; {RATE:.0f} requests a second go to {name} until it serves")
    session.progress.begin_again()
    observers: list[Observer] = [session.pace(UPDATE_TASK, speed=UPDATE_SPEED), moments]
    state = session.run(GO[1], conf=plan_second(conf, first.summary), observers=observers)
    sent = traffic.stop()
    report = fetch_report(session.stack, folder=session.folder / "second-release", but=first.key)
    serving = session.stack.client("sagemaker").describe_endpoint(EndpointName=name)
    summary = report.summary if report else {}
    return SecondRelease(
        failure=session.explain(state, report),
        report=report.path if report else None,
        accuracy=summary.get("accuracy"),
        before=first.summary["endpoint"]["config_name"],
        wanted=(summary.get("endpoint") or {}).get("config_name"),
        after=serving["EndpointConfigName"],
        requests=sent.requests,
        during=count_during(sent, moments),
        failed=sent.failed,
        p99_ms=sent.measured["latency"]["p99_ms"],
        seconds=time.monotonic() - started,
    )


def start_traffic(session: Session, first: Report) -> Traffic:
    """Return a load generator that sends a test image to the live endpoint already."""
    image = session.folder / "sample.png"
    key = first.summary["lambda"]["answers"][0]["image"]
    session.stack.client("s3").download_file(BUCKET, key, str(image))
    traffic = Traffic(
        session.stack.supervisor,
        url=session.stack.url,
        endpoint_name=first.summary["endpoint"]["name"],
        image=image,
        output=session.folder / "traffic.json",
        tell=lambda line: session.progress.note("meanwhile", line),
    )
    traffic.wait_sending()
    return traffic


def count_during(sent: Sent, moments: Moments) -> int:
    """Return how many requests were sent while instances were exchanged."""
    if moments.began_s is None or moments.ended_s is None:
        return 0
    return sent.count_between(moments.began_s, moments.ended_s)
