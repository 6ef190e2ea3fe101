"""Who may import whom: the table of folders, read from the sources' syntax trees."""

import ast
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

FORBIDDEN = {
    "dags": {"boto3", "botocore", "moto", "torch", "sagemaker", "localaws", "imgclf", "os"},
    "plugins": {"moto", "torch", "torchvision", "sagemaker", "localaws", "imgclf", "pandas"},
    "training": {"airflow", "moto", "musher", "localaws", "sagemaker"},
    "lambda": {"airflow", "moto", "musher", "localaws", "torch", "imgclf"},
    "localaws": {"airflow", "musher", "torch", "torchvision", "imgclf"},
}
"""Top-level modules that no file below a folder may import, whether at its top or inside a function."""

PURE = (
    "settings.py",
    "images.py",
    "names.py",
    "errors.py",
    "packaging.py",
    "iam/account.py",
    "iam/actions.py",
    "iam/audit.py",
    "iam/baseline.py",
    "iam/documents.py",
    "iam/escalations.py",
    "iam/findings.py",
    "iam/grants.py",
    "iam/narrowing.py",
    "iam/patterns.py",
    "iam/positions.py",
    "iam/records.py",
    "iam/remedies.py",
    "iam/rules",
    "iam/text.py",
    "payloads",
    "report",
    "scaling",
    "traffic/profiles.py",
    "traffic/arrivals.py",
    "traffic/traces.py",
    "traffic/recorder.py",
    "traffic/bins.py",
    "traffic/limits.py",
)
IMPURE_MODULES = {"airflow", "boto3", "botocore", "socket", "subprocess", "urllib", "time"}
"""What a pure module of musher must do without: AWS, Airflow, the network, processes and the clock."""

LAYERS = (
    "dags",
    "musher.stages",
    "musher.operators",
    "musher.triggers",
    "musher.hooks",
    "musher.payloads",
    "musher.names",
)
"""Each may import from those after it, none from those before."""

WEB_APP = "app.py"
"""Of plugins/musher/web: the application behind the tab, run by the API server."""

LAMBDA_FILE_MODULES = {path.stem for path in (ROOT / "lambda").glob("*.py")}


def sources(folder: str) -> list[Path]:
    """Return the Python files below a folder of the repository."""
    path = ROOT / folder
    return [path] if path.is_file() else sorted(path.rglob("*.py"))


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """Give line and full name of every import in a file, nested ones too."""
    for node in ast.walk(ast.parse(path.read_text(), str(path))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: imports are absolute"
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def offences(paths: list[Path], forbidden: set[str]) -> list[str]:
    """Return the imports of these files that begin with a forbidden module's name."""
    return [
        f"{path.relative_to(ROOT)}:{line} imports {name}"
        for path in paths
        for line, name in imports(path)
        if any(name == module or name.startswith(f"{module}.") for module in forbidden)
    ]


@pytest.mark.parametrize("folder", sorted(FORBIDDEN))
def test_no_folder_imports_what_it_must_not(folder: str) -> None:
    found = sources(folder)
    assert found, f"{folder}/ holds no Python file"
    assert offences(found, FORBIDDEN[folder]) == []


@pytest.mark.parametrize("name", PURE)
def test_pure_modules_are_pure(name: str) -> None:
    assert offences(sources(f"plugins/musher/{name}"), IMPURE_MODULES) == []


@pytest.mark.parametrize("layer", range(1, len(LAYERS)))
def test_no_layer_imports_from_one_above_it(layer: int) -> None:
    path = LAYERS[layer].replace("musher.", "plugins/musher/")
    found = sources(path) or sources(f"{path}.py")
    assert found
    assert offences(found, set(LAYERS[:layer])) == []


def test_dags_import_airflow_only_by_its_sdk_and_providers() -> None:
    allowed = ("airflow.sdk", "airflow.providers", "musher.", "copy.", "datetime.", "pathlib.")
    found = [name for path in sources("dags") for _, name in imports(path)]
    assert [name for name in found if not name.startswith(allowed)] == []


def test_plugins_import_airflow_only_by_its_sdk_and_providers() -> None:
    """What the API server mounts is no task: it alone needs the server's own users and runs.

    The base class of triggers has no other address: the SDK does not have one yet.
    """
    allowed = ("airflow.sdk", "airflow.providers", "airflow.triggers.base.")
    paths = [path for path in sources("plugins/musher") if path.name != WEB_APP]
    found = [name for path in paths for _, name in imports(path) if name.split(".")[0] == "airflow"]
    assert [name for name in found if not name.startswith(allowed)] == []


def test_the_plugin_that_every_process_loads_imports_only_its_base_class() -> None:
    found = {name for _, name in imports(ROOT / "plugins" / "musher_plugin.py")}
    assert {name for name in found if name.split(".")[0] not in sys.stdlib_module_names} == {
        "airflow.plugins_manager.AirflowPlugin"
    }


def test_nothing_but_the_plugin_knows_of_the_web_application() -> None:
    paths = [path for path in [*sources("dags"), *sources("plugins")] if path.parent.name != "web"]
    assert offences(paths, {"musher.web"}) == []


def test_the_lambda_needs_the_standard_library_alone() -> None:
    allowed = LAMBDA_FILE_MODULES | set(sys.stdlib_module_names)
    found = {name.split(".")[0] for path in sources("lambda") for _, name in imports(path)}
    assert found - allowed == set()


def test_programs_of_other_processes_need_the_standard_library_only() -> None:
    """They run where localaws is not to be found; some find what they are made of beside them."""
    beside = {"awslambdaric", "localaws_runtime", "jupyter_server", "tornado"}
    found = {name.split(".")[0] for path in sources("localaws/children") for _, name in imports(path)}
    assert found - set(sys.stdlib_module_names) == beside


def test_settings_alone_reads_the_environment() -> None:
    readers = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in sources("plugins/musher")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and node.attr in ("environ", "getenv")
    ]
    assert {reader.split(":")[0] for reader in readers} == {"plugins/musher/settings.py"}


@pytest.mark.parametrize("folder", ["dags", "plugins", "training", "lambda"])
def test_nothing_but_localaws_knows_of_localaws(folder: str) -> None:
    knowing = [path.name for path in sources(folder) if "localaws" in path.read_text().lower()]
    assert knowing == []


def test_packages_hold_only_a_docstring_in_their_init() -> None:
    for folder in ("plugins", "localaws", "training"):
        for path in (ROOT / folder).rglob("__init__.py"):
            body = ast.parse(path.read_text()).body
            assert len(body) <= 1, f"{path} holds more than a docstring"


RUN_ONLY = (
    "musher.comparison",
    "musher.console",
    "musher.costs.prices",
    "musher.datasets",
    "musher.hooks.autoscaling",
    "musher.hooks.concurrency",
    "musher.hooks.happenings",
    "musher.hooks.releases",
    "musher.hooks.shifts",
    "musher.packaging",
    "musher.payloads.alarms",
    "musher.payloads.autoscaling",
    "musher.payloads.endpoints",
    "musher.payloads.functions",
    "musher.payloads.happenings",
    "musher.payloads.processing",
    "musher.payloads.schedules",
    "musher.payloads.shifts",
    "musher.payloads.step_scaling",
    "musher.payloads.training",
    "musher.payloads.transform",
    "musher.payloads.tuning",
    "musher.report",
    "musher.scaling",
    "musher.stages.account_checks",
    "musher.stages.batch_plan",
    "musher.stages.endpoint_plan",
    "musher.stages.job_plans",
    "musher.stages.jobs",
    "musher.stages.judgement",
    "musher.stages.leftovers",
    "musher.stages.load_job_plan",
    "musher.stages.load_measurement",
    "musher.stages.load_targets",
    "musher.stages.report_inputs",
    "musher.stages.report_timeline",
    "musher.stages.run_checks",
    "musher.traffic.job",
    "musher.traffic.load_test",
    "musher.traffic.targets",
)
"""What the main DAG's tasks need and its file does not: it is imported where a task runs (docs/adr/038)."""


def imported_at_once(path: Path) -> set[str]:
    """Return what the import of a file imports: not what its functions do, nor what only types need."""

    def walk(body: list[ast.stmt]) -> Iterator[str]:
        for node in body:
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                yield from (f"{node.module}{part}" for alias in node.names for part in ("", f".{alias.name}"))
            elif isinstance(node, ast.If) and "TYPE_CHECKING" not in ast.unparse(node.test):
                yield from walk([*node.body, *node.orelse])

    return set(walk(ast.parse(path.read_text()).body))


def test_the_main_dag_s_file_imports_nothing_that_only_its_tasks_need() -> None:
    base = ROOT / "plugins"
    modules = {".".join(path.relative_to(base).with_suffix("").parts): path for path in sources("plugins")}
    seen: set[str] = set()
    left = imported_at_once(ROOT / "dags" / "operationalize_model.py")
    while left:
        seen |= left
        left = {name for known in left & modules.keys() for name in imported_at_once(modules[known])} - seen
    assert "musher.stages.pipeline" in seen
    assert sorted(name for name in seen if name in RUN_ONLY or name.startswith("musher.datasets.")) == []
    assert [
        name
        for name in RUN_ONLY
        if not (base / name.replace(".", "/")).with_suffix(".py").exists()
        and not (base / name.replace(".", "/")).is_dir()
    ] == []


def test_a_dag_file_is_a_table_of_contents() -> None:
    for path in sources("dags"):
        assert len(path.read_text().splitlines()) <= 150, path


ROOTS = {"plugins": "plugins", "training": "training", "lambda": "lambda", "localaws": ".", "scripts": "."}
"""Folders of code, and the folder on Python's path that their modules' names begin at."""


def import_graph(folder: str) -> dict[str, set[str]]:
    """Return which modules of a folder each of its modules imports, inside functions and for types too."""
    base = ROOT / ROOTS[folder]
    paths = {path.relative_to(base).with_suffix(""): path for path in sources(folder)}
    modules = {".".join(name.parts).removesuffix(".__init__"): path for name, path in paths.items()}
    return {
        module: {
            found
            for _, name in imports(path)
            for found in (name, name.rpartition(".")[0])
            if found in modules and found != module
        }
        for module, path in modules.items()
    }


@pytest.mark.parametrize("folder", sorted(ROOTS))
def test_no_module_imports_itself_by_way_of_others(folder: str) -> None:
    graph = import_graph(folder)
    assert graph
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


def test_no_package_of_training_imports_a_script() -> None:
    scripts = {path.stem for path in (ROOT / "training").glob("*.py")}
    found = {name.split(".")[0] for path in sources("training/imgclf") for _, name in imports(path)}
    assert found & scripts == set()
