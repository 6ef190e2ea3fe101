"""Hyper-parameters as the SageMaker training toolkit reads them: strings that may hold JSON.

Source: https://github.com/aws/sagemaker-training-toolkit (environment.py, mapping.py, params.py). Pure.
"""

import json
from collections.abc import Mapping
from typing import Any

FRAMEWORK_PREFIX = "sagemaker_"
FRAMEWORK_KEYS = frozenset({"default_user_module_name", "_tuning_objective_metric"})
PROGRAM = "sagemaker_program"
SUBMIT_DIRECTORY = "sagemaker_submit_directory"
DISTRIBUTION_GROUPS = "sagemaker_distribution_instance_groups"
TORCH_DISTRIBUTED = "sagemaker_torch_distributed_enabled"
OTHER_LAUNCHERS = (
    "sagemaker_mpi_enabled",
    "sagemaker_distributed_dataparallel_enabled",
    "sagemaker_parameter_server_enabled",
    "sagemaker_multi_worker_mirrored_strategy_enabled",
    "sagemaker_pytorch_ddp_enabled",
    "sagemaker_pytorch_xla_multi_worker_enabled",
)
"""What would start a script otherwise than by itself or by torchrun; localaws has none of these."""
LOG_LEVEL = "sagemaker_container_log_level"
DEFAULT_LOG_LEVEL = 20
"""logging.INFO"""


def decode(values: Mapping[str, str]) -> dict[str, Any]:
    """Decode each value that is JSON (`"64"` with its quotes becomes the text 64); keep any other text."""
    return {name: _decode_value(value) for name, value in values.items()}


def _decode_value(value: str) -> Any:
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value


def is_framework_parameter(name: str) -> bool:
    """Tell whether SageMaker itself reads this one, and the script never sees it as an argument."""
    return name.startswith(FRAMEWORK_PREFIX) or name in FRAMEWORK_KEYS


def user_parameters(decoded: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the script gets."""
    return {name: value for name, value in decoded.items() if not is_framework_parameter(name)}


def framework_parameters(decoded: Mapping[str, Any]) -> dict[str, Any]:
    """Return what only the framework reads."""
    return {name: value for name, value in decoded.items() if is_framework_parameter(name)}


def is_enabled(decoded: Mapping[str, Any], name: str) -> bool:
    """Tell whether a switch of the framework is on (true, or the text "true" in any case)."""
    return str(decoded.get(name, False)).lower() == "true"


def to_arguments(parameters: Mapping[str, Any]) -> list[str]:
    """Return the command line: `--name value`, sorted by name (one dash for a name of one letter)."""
    arguments: list[str] = []
    for name in sorted(parameters):
        arguments += [f"--{name}" if len(name) > 1 else f"-{name}", _argument(parameters[name])]
    return arguments


def _argument(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, dict):
        return ",".join(f"{key}={value[key]}" for key in sorted(value))
    return str(value)


def to_variable(value: Any) -> str:
    """Return a value as the text of an environment variable."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
