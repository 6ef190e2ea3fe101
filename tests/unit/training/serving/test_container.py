"""The image turns SageMaker's configuration files into a command."""

from __future__ import annotations

import io
import json
import sys
import tarfile
from pathlib import Path

import pytest

from imgclf.errors import ConfigError
from imgclf.serving import container
from imgclf.serving.container import SOURCE_DIR, main, serving_command, training_command
from localaws.sagemaker.endpoints.model_data import find_program
from localaws.sagemaker.endpoints.plan import VariantPlan


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """Write the configuration of a two-host job, as SageMaker does."""
    config = tmp_path / "input" / "config"
    config.mkdir(parents=True)
    write(config, "hyperparameters", {"epochs": "3", "batch_size": '"64"'})
    write(
        config,
        "resourceconfig",
        {"current_host": "algo-2", "hosts": ["algo-1", "algo-2"], "network_interface_name": "eth0"},
    )
    write(config, "inputdataconfig", {"train": {}, "valid": {}})
    return tmp_path


def write(folder: Path, name: str, value: object) -> None:
    (folder / f"{name}.json").write_text(json.dumps(value))


def submit(base: Path, members: dict[str, bytes], **parameters: str) -> None:
    """Write a source archive and hyper-parameters that name it."""
    archive = base / "sourcedir.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    submitted = {"sagemaker_submit_directory": json.dumps(str(archive)), **parameters}
    write(base / "input" / "config", "hyperparameters", submitted)


def test_the_images_own_script_runs_with_the_hyperparameters_as_options(base: Path) -> None:
    command, variables = training_command({"SAGEMAKER_BASE_DIR": str(base)}, gpus=0)
    assert command == [
        sys.executable,
        "-u",
        str(SOURCE_DIR / "train.py"),
        "--batch_size",
        '"64"',
        "--epochs",
        "3",
    ]
    assert variables["SM_CURRENT_HOST"] == "algo-2"
    assert json.loads(variables["SM_HOSTS"]) == ["algo-1", "algo-2"]
    assert variables["SM_CHANNEL_VALID"] == str(base / "input/data/valid")
    assert (variables["MASTER_ADDR"], variables["MASTER_PORT"]) == ("algo-1", "7777")


def test_several_gpus_get_a_process_each(base: Path) -> None:
    command, _ = training_command({"SAGEMAKER_BASE_DIR": str(base)}, gpus=4)
    text = " ".join(command)
    assert "-m torch.distributed.run --nnodes 2 --node_rank 1 --nproc_per_node 4 --master_addr algo-1" in text


def test_script_mode_runs_the_submitted_script(base: Path) -> None:
    submit(base, {"mine.py": b"print('mine')"}, sagemaker_program='"mine.py"')
    command, _ = training_command({"SAGEMAKER_BASE_DIR": str(base)}, gpus=0)
    assert command[2:] == [str(base / "code" / "mine.py")]
    assert (base / "code" / "mine.py").read_text() == "print('mine')"


def test_a_program_that_was_not_submitted_is_named(base: Path) -> None:
    submit(base, {"mine.py": b""}, sagemaker_program="other.py")
    with pytest.raises(ConfigError, match=r"sagemaker_program 'other\.py' is not in"):
        training_command({"SAGEMAKER_BASE_DIR": str(base)}, gpus=0)


@pytest.mark.parametrize("name", ["../evil.py", "/tmp/evil.py"])
def test_a_member_outside_the_folder_is_refused(base: Path, name: str) -> None:
    submit(base, {name: b""})
    with pytest.raises(ConfigError, match="refused"):
        training_command({"SAGEMAKER_BASE_DIR": str(base)}, gpus=0)


def test_an_archive_that_is_none_is_refused(base: Path) -> None:
    submit(base, {})
    (base / "sourcedir.tar.gz").write_bytes(b"no archive")
    with pytest.raises(ConfigError, match=r"is no readable \.tar\.gz"):
        training_command({"SAGEMAKER_BASE_DIR": str(base)}, gpus=0)


def test_outside_a_job_the_reason_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"hyperparameters\.json cannot be read"):
        training_command({"SAGEMAKER_BASE_DIR": str(tmp_path)}, gpus=0)


def test_an_unknown_word_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["dance"]) == 1
    assert "use train or serve" in capsys.readouterr().err


def test_the_models_own_code_serves_whatever_code_the_image_has(tmp_path: Path) -> None:
    program = tmp_path / "model" / "code" / "serve.py"
    program.parent.mkdir(parents=True)
    program.touch()
    command = serving_command({"SAGEMAKER_BASE_DIR": str(tmp_path)})
    assert command == [sys.executable, "-u", str(program)]
    assert serving_command({"SM_MODEL_DIR": str(tmp_path / "model")}) == command


def test_the_laptops_aws_serves_the_same_program(tmp_path: Path) -> None:
    program = tmp_path / "model" / "code" / "serve.py"
    program.parent.mkdir(parents=True)
    program.touch()
    plan = VariantPlan.__new__(VariantPlan)  # what it holds does not count where the model has a server
    [found] = find_program(plan, base=tmp_path)
    assert [str(tmp_path / found)] == serving_command({"SAGEMAKER_BASE_DIR": str(tmp_path)})[2:]


def test_a_model_without_code_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SAGEMAKER_BASE_DIR", str(tmp_path))
    monkeypatch.delenv("SM_MODEL_DIR", raising=False)
    assert main(["serve"]) == 1
    assert "model.tar.gz must hold the code that serves it" in capsys.readouterr().err


def test_an_image_without_code_trains_only_what_is_submitted(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(container, "SOURCE_DIR", tmp_path / "image")
    with pytest.raises(ConfigError, match=r"this image holds none: set .* sagemaker_submit_directory"):
        training_command({"SAGEMAKER_BASE_DIR": str(base)}, gpus=0)
    submit(base, {"train.py": b""}, sagemaker_program="train.py")
    command, _ = training_command({"SAGEMAKER_BASE_DIR": str(base)}, gpus=0)
    assert command[2:] == [str(base / "code" / "train.py")]


def test_the_images_packages_do_not_shadow_the_archives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "model" / "code" / "serve.py"
    program.parent.mkdir(parents=True)
    program.touch()
    monkeypatch.setenv("SM_MODEL_DIR", str(tmp_path / "model"))
    monkeypatch.setenv("PYTHONPATH", "/opt/musher")
    started: list[dict[str, str]] = []
    monkeypatch.setattr(container.os, "execve", lambda path, command, environ: started.append(environ))
    main(["serve"])
    assert "PYTHONPATH" not in started[0]
    assert started[0]["SM_MODEL_DIR"] == str(tmp_path / "model")
