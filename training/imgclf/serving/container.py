"""Start the model image: `train` and `serve`, the two words that SageMaker runs a container with.

The image brings packages, the archive brings code. `serve` becomes code/serve.py of the model folder. `train`
reads the files of /opt/ml/input/config, sets the SM_* variables and becomes the program that was submitted
(hyper-parameters sagemaker_program and sagemaker_submit_directory); where train.py lies beside this package,
as in a checkout, it needs no submission. On a host with several GPUs it starts one process for each.
https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-training-algo-running-container.html
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from imgclf.archives import unpack
from imgclf.errors import ConfigError

SOURCE_DIR = Path(__file__).resolve().parents[2]
MASTER_PORT = "7777"


def training_command(environ: Mapping[str, str], *, gpus: int) -> tuple[list[str], dict[str, str]]:
    """Return the command that trains, and the variables it needs beside the container's own.

    Raises ConfigError when a configuration file is missing or the submitted code cannot be used.
    """
    base = Path(environ.get("SAGEMAKER_BASE_DIR", "/opt/ml"))
    parameters = _read(base, "hyperparameters.json")
    resources = _read(base, "resourceconfig.json")
    hosts = sorted(resources["hosts"])
    variables = {
        "SM_HOSTS": json.dumps(hosts),
        "SM_CURRENT_HOST": resources["current_host"],
        "SM_NETWORK_INTERFACE_NAME": resources.get("network_interface_name", "eth0"),
        "SM_NUM_GPUS": str(gpus),
        "SM_MODEL_DIR": str(base / "model"),
        "SM_OUTPUT_DIR": str(base / "output"),
        "SM_OUTPUT_DATA_DIR": str(base / "output" / "data"),
        **{
            f"SM_CHANNEL_{name.upper()}": str(base / "input/data" / name)
            for name in _read(base, "inputdataconfig.json")
        },
        "MASTER_ADDR": environ.get("MASTER_ADDR", hosts[0]),
        "MASTER_PORT": environ.get("MASTER_PORT", MASTER_PORT),
    }
    script = _script(parameters, base)
    options = [
        word
        for name, value in sorted(parameters.items())
        if not name.startswith("sagemaker_")
        for word in (f"--{name}", str(value))
    ]
    return [*_launcher(variables, hosts, gpus), str(script), *options], variables


def serving_command(environ: Mapping[str, str]) -> list[str]:
    """Return the command that serves: code/serve.py of the model, whatever the image's age.

    Raises ConfigError for a model without code. The laptop's AWS picks the same program.
    """
    base = Path(environ.get("SAGEMAKER_BASE_DIR", "/opt/ml"))
    model = Path(environ.get("SM_MODEL_DIR") or base / "model")
    program = model / "code" / "serve.py"
    if not program.is_file():
        raise ConfigError(
            f"{program} is missing: model.tar.gz must hold the code that serves it, as train.py writes it"
        )
    return [sys.executable, "-u", str(program)]


def _read(base: Path, name: str) -> dict[str, Any]:
    """Return one file of the container's configuration."""
    path = base / "input" / "config" / name
    try:
        value: dict[str, Any] = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"{path} cannot be read ({error}): run this image as a SageMaker training job"
        ) from error
    return value


def _launcher(variables: Mapping[str, str], hosts: list[str], gpus: int) -> list[str]:
    """Return what runs the script: Python, or torchrun where there are several GPUs."""
    if gpus <= 1:
        return [sys.executable, "-u"]
    return [
        *(sys.executable, "-m", "torch.distributed.run"),
        *("--nnodes", str(len(hosts)), "--node_rank", str(hosts.index(variables["SM_CURRENT_HOST"]))),
        *("--nproc_per_node", str(gpus)),
        *("--master_addr", variables["MASTER_ADDR"], "--master_port", variables["MASTER_PORT"]),
    ]


def _script(parameters: Mapping[str, Any], base: Path) -> Path:
    """Return the script to run: the submitted one in script mode, else the one beside this package."""
    submitted = _unquoted(parameters.get("sagemaker_submit_directory"))
    if not submitted:
        return _own_script()
    code = base / "code"
    code.mkdir(parents=True, exist_ok=True)
    unpack(_download(submitted, code / "sourcedir.tar.gz"), code)
    script = code / _unquoted(parameters.get("sagemaker_program", "train.py"))
    if not script.is_file():
        raise ConfigError(
            f"sagemaker_program {script.name!r} is not in {submitted}: submit it, or correct the name"
        )
    return script


def _own_script() -> Path:
    script = SOURCE_DIR / "train.py"
    if not script.is_file():
        raise ConfigError(
            "the job submits no code and this image holds none: set the hyper-parameters "
            "sagemaker_submit_directory and sagemaker_program"
        )
    return script


def _unquoted(value: Any) -> str:
    """Return a hyper-parameter's text without the JSON quotes that the SDK puts round it."""
    text = str(value or "")
    return str(json.loads(text)) if text.startswith('"') else text


def _download(submitted: str, target: Path) -> Path:
    """Return the local path of the submitted archive, fetching it from S3 where it is there."""
    if not submitted.startswith("s3://"):
        return Path(submitted)
    import boto3  # in the image only; training from the image's own code does without

    parts = urlsplit(submitted)
    boto3.client("s3").download_file(parts.netloc, parts.path.lstrip("/"), str(target))
    return target


def main(arguments: Sequence[str]) -> int:
    """Become the training script or the server; return an exit code when that fails."""
    try:
        command, variables = _command(list(arguments))
    except ConfigError as error:
        return _fail(str(error))
    # Python's own path would bring this package in the place of the archive's.
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    os.execve(command[0], command, {**environ, **variables})  # noqa: S606 - no shell wanted
    return 1  # not reached: the process is another program now


def _command(arguments: list[str]) -> tuple[list[str], dict[str, str]]:
    """Return the command for one of the two words, and its variables."""
    if arguments == ["serve"]:
        return serving_command(os.environ), {}
    if arguments != ["train"]:
        raise ConfigError(f"unknown command {' '.join(arguments)!r}: use train or serve")
    from torch.cuda import device_count  # takes two seconds, which serving need not wait for twice

    return training_command(os.environ, gpus=device_count())


def _fail(message: str) -> int:
    """Say why on stderr and in the container's failure file; return the exit code."""
    sys.stderr.write(f"error: {message}\n")
    output = Path(os.environ.get("SAGEMAKER_BASE_DIR", "/opt/ml")) / "output"
    if output.is_dir():
        (output / "failure").write_text(message[:1024])
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
