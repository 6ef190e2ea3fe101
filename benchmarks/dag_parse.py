"""Measure what one DAG file costs the DAG processor.

Claim: each file parses in at most 50 ms once what every parse finds loaded is loaded, and none of the heavy
libraries of training, data and tests is imported by it. Each measurement runs in a fresh interpreter.

Loaded before the clock starts:
- what the DAG processor itself has. The command `airflow dag-processor` imports
  airflow.cli.commands.dag_processor_command; before it forks a child for a file it imports the `airflow`
  modules that the file names (parsing_pre_import_modules, airflow.dag_processing.processor), and the child
  imports airflow.sdk.execution_time.task_runner before the file (_parse_file_entrypoint, there);
- the Amazon provider's operators and hooks, whose import is the provider's cost, not the file's. `cold ms`
  is the same parse without these.

Prints a table, and as its last line
{"max_parse_ms": float, "max_cold_ms": float, "forbidden": [module, ...]}.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from benchmarks.tables import print_table

ROOT = Path(__file__).resolve().parents[1]
REPEATS = 5
TIMEOUT_S = 120
FORBIDDEN = ("torch", "torchvision", "numpy", "pandas", "matplotlib", "sagemaker", "moto", "PIL", "obstore")
PROCESSOR_MODULES = (
    "airflow.cli.commands.dag_processor_command",
    "airflow.dag_processing.processor",
    "airflow.sdk.execution_time.task_runner",
)
PROVIDER_MODULES = (
    "airflow.providers.amazon.aws.operators.sagemaker",
    "airflow.providers.amazon.aws.operators.lambda_function",
    "airflow.providers.amazon.aws.hooks.logs",
    "airflow.providers.amazon.aws.hooks.s3",
    "airflow.providers.standard.decorators",
    "airflow.providers.standard.decorators.short_circuit",
    "airflow.providers.standard.operators.python",
    "airflow.sdk.definitions.decorators",
)

PARSE = """
import importlib, importlib.util, json, sys, time
path, modules, forbidden = sys.argv[1], json.loads(sys.argv[2]), json.loads(sys.argv[3])
from airflow.utils.file import iter_airflow_imports
for module in [*modules, *iter_airflow_imports(path)]:
    importlib.import_module(module)
loaded = set(sys.modules)
spec = importlib.util.spec_from_file_location("measured_dag", path)
started = time.perf_counter()
spec.loader.exec_module(importlib.util.module_from_spec(spec))
parse_ms = (time.perf_counter() - started) * 1000
found = [name for name in forbidden if name in sys.modules and name not in loaded]
print(json.dumps({"parse_ms": parse_ms, "forbidden": found}))
"""


@dataclass(frozen=True, kw_only=True)
class Parse:
    """One parse: its milliseconds, and the forbidden modules that it imported."""

    parse_ms: float
    forbidden: list[str]


def measure_parse(*, path: Path, modules: tuple[str, ...], airflow_home: Path) -> Parse:
    """Parse a DAG file in a fresh interpreter that has imported `modules`."""
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environ |= {"AIRFLOW_HOME": str(airflow_home), "PYTHONPATH": str(ROOT / "plugins")}
    arguments = [str(path), json.dumps(modules), json.dumps(FORBIDDEN)]
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
    return Parse(**json.loads(done.stdout.splitlines()[-1]))


def measure_file(path: Path, *, airflow_home: Path) -> tuple[list[Parse], Parse]:
    """Return REPEATS parses with everything loaded, after one that makes the bytecode, and a cold one."""
    modules = (*PROCESSOR_MODULES, *PROVIDER_MODULES)
    parses = [
        measure_parse(path=path, modules=modules, airflow_home=airflow_home) for _ in range(REPEATS + 1)
    ]
    return parses[1:], measure_parse(path=path, modules=PROCESSOR_MODULES, airflow_home=airflow_home)


def main() -> None:
    """Measure every DAG file."""
    rows, medians, colds, forbidden = [], [], [], set()
    with tempfile.TemporaryDirectory(prefix="musher-dag-parse-") as home:
        for path in sorted((ROOT / "dags").glob("*.py")):
            parses, cold = measure_file(path, airflow_home=Path(home))
            times = [parse.parse_ms for parse in parses]
            found = {name for parse in [*parses, cold] for name in parse.forbidden}
            forbidden |= found
            medians.append(statistics.median(times))
            colds.append(cold.parse_ms)
            shown = [f"{value:.1f}" for value in (medians[-1], min(times), max(times), cold.parse_ms)]
            rows.append([path.name, *shown, ", ".join(sorted(found)) or "none"])
    print_table(["DAG file", "median ms", "min ms", "max ms", "cold ms", "forbidden imports"], rows)
    result = {
        "max_parse_ms": round(max(medians), 1),
        "max_cold_ms": round(max(colds), 1),
        "forbidden": sorted(forbidden),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
