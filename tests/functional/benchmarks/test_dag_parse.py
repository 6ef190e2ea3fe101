"""The parse benchmark: what it loads before its clock, and what it finds out about a file."""

from pathlib import Path

from benchmarks.dag_parse import measure_parse

SLEEP_S = 0.2


def test_a_file_s_own_time_and_imports_are_its_own(tmp_path: Path) -> None:
    path = tmp_path / "slow_dag.py"
    path.write_text(f"import time\nimport PIL\nfrom airflow.sdk import dag\ntime.sleep({SLEEP_S})\n")
    found = measure_parse(path=path, modules=("json",), airflow_home=tmp_path / "home")
    assert found.forbidden == ["PIL"]
    assert found.parse_ms >= SLEEP_S * 1000
    early = measure_parse(path=path, modules=("PIL",), airflow_home=tmp_path / "home")
    assert early.forbidden == []
