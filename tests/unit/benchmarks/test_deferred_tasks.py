"""The triggerer's benchmark: when a task was freed, and what a percentile is."""

import sqlite3
from contextlib import closing
from pathlib import Path

from benchmarks.deferred_tasks import read_freed
from benchmarks.triggerer import percentile


def test_a_task_is_freed_when_its_event_is_stored(tmp_path: Path) -> None:
    database = tmp_path / "airflow.db"
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("CREATE TABLE task_instance (run_id, map_index, state, scheduled_dttm)")
        rows = [
            ("ours", 0, "scheduled", "1970-01-01 00:00:01.500000"),
            ("ours", 1, "deferred", None),
            ("provider", 0, "scheduled", "1970-01-01 00:00:09.000000"),
        ]
        connection.executemany("INSERT INTO task_instance VALUES (?, ?, ?, ?)", rows)
    assert read_freed(database, "ours") == {0: 1.5, 1: None}


def test_a_percentile_is_one_of_the_values() -> None:
    delays = [float(number) for number in range(1000, 0, -1)]
    assert (percentile(delays, 0.5), percentile(delays, 0.99), percentile([3.0], 0.99)) == (501.0, 991.0, 3.0)
