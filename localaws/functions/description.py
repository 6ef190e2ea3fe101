"""What the status page shows of functions."""

from collections.abc import Iterable, Iterator
from typing import Any

from moto.awslambda import models as moto_models

from localaws.backends import every_backend
from localaws.functions.environments import Environment

Key = tuple[str, str, str]


def describe_functions(environments: Iterable[Environment]) -> Iterator[dict[str, Any]]:
    """Give a row for each function, with the environments that are alive."""
    alive: dict[Key, list[dict[str, Any]]] = {}
    for environment in environments:
        spec = environment.spec
        row = {"version": spec.version, "pid": environment.pid, "state": environment.state}
        alive.setdefault((spec.account_id, spec.region, spec.function_name), []).append(row)
    for account_id, region, backend in every_backend(moto_models.lambda_backends):
        for function in backend.list_functions():
            name = function.function_name
            versions = [str(version.version) for version in backend.list_versions_by_function(name)]
            yield _row(function, versions, alive.get((account_id, region, name), []))


def _row(function: Any, versions: list[str], environments: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "name": function.function_name,
        "account_id": function.account_id,
        "region": function.region,
        "status": function.state,
        "reason": function.state_reason or function.last_update_reason or "",
        "runtime": function.run_time,
        "memory_mb": int(function.memory_size),
        "timeout_s": int(function.timeout),
        "versions": versions,
        "reserved_concurrency": function.reserved_concurrency,
        "environments": environments,
        "log": {"group": function.log_group, "prefix": ""},
    }
