"""What an execution environment is made of, and the variables its function sees. Pure."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

RESERVED_VARIABLES = frozenset(
    {
        "_HANDLER",
        "_X_AMZN_TRACE_ID",
        "AWS_ACCESS_KEY",
        "AWS_ACCESS_KEY_ID",
        "AWS_DEFAULT_REGION",
        "AWS_EXECUTION_ENV",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
        "AWS_LAMBDA_FUNCTION_NAME",
        "AWS_LAMBDA_FUNCTION_VERSION",
        "AWS_LAMBDA_INITIALIZATION_TYPE",
        "AWS_LAMBDA_LOG_GROUP_NAME",
        "AWS_LAMBDA_LOG_STREAM_NAME",
        "AWS_LAMBDA_RUNTIME_API",
        "AWS_REGION",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SECRET_KEY",
        "AWS_SESSION_TOKEN",
    }
)
"""Keys a function may not set (https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html)."""


WRAPPER = "AWS_LAMBDA_EXEC_WRAPPER"
"""A function's own variable: the script that starts the runtime."""


@dataclass(frozen=True, kw_only=True)
class EnvironmentSpec:
    """Everything an environment is built from; two that are equal may share one. MiB, seconds."""

    account_id: str
    region: str
    function_name: str
    version: str
    handler: str
    role: str
    runtime: str
    memory_mb: int
    timeout_s: float
    variables: tuple[tuple[str, str], ...]
    task_root: Path
    layers: tuple[Path, ...] = ()
    ephemeral_mb: int = 512
    """MiB of /tmp (EphemeralStorage)."""
    initialization: str = "on-demand"
    """AWS_LAMBDA_INITIALIZATION_TYPE: what is provisioned is kept apart from what comes and goes."""

    log_group: str = ""
    log_format: str = "Text"
    """Text, or JSON."""
    application_log_level: str | None = None
    """Of JSON: what the runtime's logger leaves out."""
    system_log_level: str | None = None


def on_demand(spec: EnvironmentSpec) -> EnvironmentSpec:
    """Return the specification of environments that come and go with the events."""
    return replace(spec, initialization="on-demand")


def provisioned(spec: EnvironmentSpec) -> EnvironmentSpec:
    """Return the specification of environments that are started ahead, and kept."""
    return replace(spec, initialization="provisioned-concurrency")


@dataclass(frozen=True, kw_only=True)
class Runtime:
    """The program that runs handlers: its folder (LAMBDA_RUNTIME_DIR) and its module."""

    folder: Path
    client: str

    def argv(self, *, python: str, spec: EnvironmentSpec) -> list[str]:
        """Return the command line: no site-packages, so that a function finds what Lambda has and no more.

        A wrapper script gets it as its arguments; one that is missing ends with 127, as a shell has it
        (https://docs.aws.amazon.com/lambda/latest/dg/runtimes-modify.html).
        """
        command = [python, "-S", "-m", "bootstrap", self.client, spec.handler]
        wrapper = dict(spec.variables).get(WRAPPER)
        return ["/bin/sh", "-c", 'exec "$0" "$@"', wrapper, *command] if wrapper else command


def runtime_variables(
    *,
    spec: EnvironmentSpec,
    runtime: Runtime,
    api_address: str,
    log_stream: str,
    temporary: Path,
    inherited: Mapping[str, str],
) -> dict[str, str]:
    """Return the variables that Lambda defines, and the function's own; `inherited` are those of any child.

    Source: https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html#configuration-envvars-runtime
    """
    own = dict(spec.variables)
    path = [
        spec.task_root,
        *(layer / folder for layer in spec.layers for folder in layer_folders(spec.runtime)),
        own.get("PYTHONPATH"),
        runtime.folder,
    ]
    defined = {
        "_HANDLER": spec.handler,
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{spec.runtime}",
        "AWS_LAMBDA_FUNCTION_NAME": spec.function_name,
        "AWS_LAMBDA_FUNCTION_VERSION": spec.version,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(spec.memory_mb),
        "AWS_LAMBDA_INITIALIZATION_TYPE": spec.initialization,
        "AWS_LAMBDA_LOG_GROUP_NAME": spec.log_group,
        "AWS_LAMBDA_LOG_STREAM_NAME": log_stream,
        "AWS_LAMBDA_RUNTIME_API": api_address,
        "LAMBDA_TASK_ROOT": str(spec.task_root),
        "LAMBDA_RUNTIME_DIR": str(runtime.folder),
        "PYTHONPATH": join_paths(path),
    }
    if spec.log_format == "JSON":
        defined["AWS_LAMBDA_LOG_FORMAT"] = "JSON"
        defined["AWS_LAMBDA_LOG_LEVEL"] = spec.application_log_level or "INFO"
    libraries = [spec.task_root, spec.task_root / "lib", *(layer / "lib" for layer in spec.layers)]
    programs: list[Path | str] = [inherited.get("PATH", os.defpath)]
    programs += [layer / "bin" for layer in spec.layers]
    defaults = {
        "TZ": ":UTC",
        "LANG": "en_US.UTF-8",
        "PATH": join_paths(programs),
        "LD_LIBRARY_PATH": join_paths([*libraries, inherited.get("LD_LIBRARY_PATH")]),
        "PYTHONUTF8": "1",
        "TMPDIR": str(temporary),
    }
    return defaults | own | defined


def join_paths(entries: Iterable[Path | str | None]) -> str:
    """Return a search path."""
    return os.pathsep.join(str(entry) for entry in entries if entry)


def layer_folders(runtime: str) -> tuple[str, str]:
    """Return the folders of a layer in which Python looks for modules."""
    return f"python/lib/{runtime}/site-packages", "python"


def isolated(inherited: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of a child, less what would let it read the AWS configuration of this user."""
    kept = {name: value for name, value in inherited.items() if name not in ("HOME", "LC_ALL", "TMPDIR")}
    return kept | {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
