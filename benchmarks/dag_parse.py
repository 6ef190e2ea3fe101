"""Measure what one DAG file costs the DAG processor.

Claim: each file parses in at most 100 ms once airflow.sdk and the provider's operators are imported, and
none of the heavy libraries of training, data and tests is imported by it. Each measurement runs in a fresh
interpreter. Prints a table, and as its last line {"max_parse_ms": float, "forbidden": [module, ...]}.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.tables import print_table

ROOT = Path(__file__).resolve().parents[1]
REPEATS = 5
TIMEOUT_S = 120
FORBIDDEN = ("torch", "torchvision", "numpy", "pandas", "matplotlib", "sagemaker", "moto")
PROVIDER_MODULES = (
    "airflow.sdk",
    "airflow.providers.amazon.aws.operators.sagemaker",
    "airflow.providers.amazon.aws.operators.lambda_function",
    "airflow.providers.amazon.aws.hooks.logs",
    "airflow.providers.amazon.aws.hooks.s3",
    "airflow.providers.standard.operators.python",
)

PARSE = """
import importlib, importlib.util, json, sys, time
path, modules, forbidden = sys.argv[1], json.loads(sys.argv[2]), json.loads(sys.argv[3])
for module in modules:
    importlib.import_module(module)
spec = importlib.util.spec_from_file_location("measured_dag", path)
started = time.perf_counter()
spec.loader.exec_module(importlib.util.module_from_spec(spec))
parse_ms = (time.perf_counter() - started) * 1000
print(json.dumps({"parse_ms": parse_ms, "forbidden": [name for name in forbidden if name in sys.modules]}))
"""


def measure_parse(*, path: Path, airflow_home: Path) -> dict[str, Any]:
    """Parse a DAG file in a fresh interpreter; return {"parse_ms": float, "forbidden": [module, ...]}."""
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environ |= {"AIRFLOW_HOME": str(airflow_home), "PYTHONPATH": str(ROOT / "plugins")}
    arguments = [str(path), json.dumps(PROVIDER_MODULES), json.dumps(FORBIDDEN)]
    done = subprocess.run(
        [sys.executable, "-c", PARSE, *arguments],
        env=environ,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"{path} cannot be parsed:\n{done.stderr}")
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def main() -> None:
    """Measure every DAG file, once to warm the bytecode and then REPEATS times."""
    rows, medians, forbidden = [], [], set()
    with tempfile.TemporaryDirectory(prefix="musher-dag-parse-") as home:
        for path in sorted((ROOT / "dags").glob("*.py")):
            results = [measure_parse(path=path, airflow_home=Path(home)) for _ in range(REPEATS + 1)]
            times = [result["parse_ms"] for result in results[1:]]
            found = {name for result in results for name in result["forbidden"]}
            forbidden |= found
            medians.append(statistics.median(times))
            shown = [f"{value:.1f}" for value in (medians[-1], min(times), max(times))]
            rows.append([path.name, *shown, ", ".join(sorted(found)) or "none"])
    print_table(["DAG file", "median ms", "min ms", "max ms", "forbidden imports"], rows)
    print(json.dumps({"max_parse_ms": round(max(medians), 1), "forbidden": sorted(forbidden)}))


if __name__ == "__main__":
    main()
