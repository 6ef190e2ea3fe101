"""Tell what a person wants from what Airflow repeats by itself, and record it: docs/adr/010."""

import logging
import threading
from dataclasses import asdict, dataclass, fields
from typing import Any

from airflow.sdk import Context

logger = logging.getLogger(__name__)

KEY = "job"
"""The key of Airflow's task state store, which holds for a task of a run over all its tries."""

GIVEN_UP = frozenset({"failed", "removed", "restarting", "skipped", "success", "upstream_failed"})
"""States of a task instance in which no try comes back for what this one waits for."""

ASK_S = 2.0
"""How long Airflow may take to say its state; it gives a process 5 s from SIGTERM to SIGKILL."""


@dataclass(frozen=True, kw_only=True)
class JobRecord:
    """Hold which job a task waits for, and at whose request.

    A person's request is a pair of Airflow's counters: `clear_number` rises with each clearing in the run,
    also where a running task is cleared, and `max_tries` where this task is cleared and not running.
    Automatic retries, lost workers and reschedules change neither. `failures` counts the attempts of this
    request that AWS failed.
    """

    job_name: str
    clear_number: int
    max_tries: int
    failures: int = 0

    @classmethod
    def of_request(cls, context: Context, *, job_name: str, failures: int = 0) -> "JobRecord":
        """Return the record of a job for the request that started this try."""
        clear_number, max_tries = _read_request(context)
        return cls(job_name=job_name, clear_number=clear_number, max_tries=max_tries, failures=failures)

    @classmethod
    def load(cls, context: Context) -> "JobRecord | None":
        """Return what the last try wrote, or None where there is nothing that can be read."""
        store = context.get("task_state_store")
        found = store.get(KEY) if store is not None else None
        if not isinstance(found, dict):
            return None
        known: dict[str, Any] = {
            field.name: found[field.name] for field in fields(cls) if field.name in found
        }
        try:
            return cls(**known)
        except TypeError:  # another version of Musher wrote it
            return None

    def save(self, context: Context) -> None:
        """Write the record, before the job is asked for: a try that dies in between then knows its name."""
        if (store := context.get("task_state_store")) is not None:
            store.set(KEY, asdict(self))

    def is_answer(self, context: Context) -> bool:
        """Return whether the job answers the request that started this try: nobody cleared anything since."""
        return (self.clear_number, self.max_tries) == _read_request(context)


def _read_request(context: Context) -> tuple[int, int]:
    return int(getattr(context["dag_run"], "clear_number", 0) or 0), int(context["ti"].max_tries or 0)


def is_given_up(task_instance: Any) -> bool:
    """Return whether nobody will come back for this try's work: a person cancelled or cleared it, or the run
    ended.

    Airflow says so: the task instance is in another state than a live one, or is no more. Where it cannot be
    asked in time, nothing is given up: the next try, the teardown or the job's own limit ends what is paid
    for.
    """
    states: list[str | None] = []
    asking = threading.Thread(target=_ask, args=(task_instance, states), daemon=True)
    asking.start()
    asking.join(timeout=ASK_S)
    if not states:
        logger.warning("Airflow did not say in %.0f s what became of this task", ASK_S)
        return False
    return states[0] == "gone" or states[0] in GIVEN_UP


def _ask(task_instance: Any, states: list[str | None]) -> None:
    """Append the task instance's state; in a thread, as the signal may have come amid another question."""
    try:
        states.append(_read_state(task_instance))
    except Exception as error:  # noqa: BLE001  # whatever keeps Airflow from answering: nothing is given up
        logger.warning("cannot ask Airflow what became of this task: %s", error)


def _read_state(task_instance: Any) -> str | None:
    """Return the state that Airflow holds for the task instance: "gone" where it holds none."""
    mapped = task_instance.map_index is not None and task_instance.map_index >= 0
    found = task_instance.get_task_states(
        dag_id=task_instance.dag_id,
        task_ids=[task_instance.task_id],
        run_ids=[task_instance.run_id],
        map_index=task_instance.map_index if mapped else None,
    )
    of_run = found.get(task_instance.run_id, {})
    key = f"{task_instance.task_id}_{task_instance.map_index}" if mapped else task_instance.task_id
    state = of_run.get(key, "gone")
    return None if state is None else str(getattr(state, "value", state))
