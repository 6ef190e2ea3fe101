"""What script mode does beyond starting a script: torchrun, requirements.txt, folders of its own."""

import io
import json
import tarfile
import time
import zipfile
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.sagemaker_role import TRUST

REMOVAL_S = 60
TORCHRUN = {"sagemaker_torch_distributed_enabled": "true"}
MEET = """
import os, torch.distributed as dist
dist.init_process_group("gloo")
import torch
total = torch.tensor([float(os.environ["RANK"])])
dist.all_reduce(total)
print("of", os.environ["WORLD_SIZE"], "sum", total.item(), flush=True)
dist.destroy_process_group()
"""


def test_torch_distributed_starts_processes_on_every_host_that_meet(jobs: Any) -> None:
    name = jobs.create(MEET, hosts=2, hyperparameters=TORCHRUN)
    assert jobs.wait(name, timeout_s=240)["TrainingJobStatus"] == "Completed", jobs.lines(name)
    said = [line for host in ("algo-1", "algo-2") for line in jobs.lines(name, host) if "sum" in line]
    world = int(said[0].split()[1])
    assert world >= 2
    assert said == [f"of {world} sum {world * (world - 1) / 2}"] * world


def test_torch_distributed_takes_python_scripts_only(jobs: Any) -> None:
    ended = jobs.run("echo no", program="train.sh", hyperparameters=TORCHRUN)
    assert ended["TrainingJobStatus"] == "Failed"
    assert "sagemaker_torch_distributed_enabled needs a Python script" in ended["FailureReason"]


@pytest.mark.parametrize("switch", ["sagemaker_mpi_enabled", "sagemaker_distributed_dataparallel_enabled"])
def test_a_launcher_that_is_not_there_is_refused_and_not_left_out(jobs: Any, switch: str) -> None:
    with pytest.raises(ClientError, match=f"localaws has no launcher for {switch}") as caught:
        jobs.create("pass", hyperparameters={switch: "true"})
    assert caught.value.response["Error"]["Code"] == "ValidationException"
    jobs.create("pass", hyperparameters={switch: "false"})


def wheel(name: str) -> bytes:
    """Return a wheel of a package with one module, which says where it lies."""
    buffer = io.BytesIO()
    info = f"{name}-1.0.dist-info"
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(f"{name}.py", "where = __file__\n")
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", f"{name}.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n")
    return buffer.getvalue()


def put_source(jobs: Any, files: dict[str, bytes]) -> str:
    """Upload a source archive of bytes; return its URI."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    jobs.s3.put_object(Bucket=jobs.bucket, Key="wheel/sourcedir.tar.gz", Body=buffer.getvalue())
    return f"s3://{jobs.bucket}/wheel/sourcedir.tar.gz"


SEE = """
import json, os, numpy, localaws_sample
settings = os.getenv("LOCALAWS_PIP_ENVIRONMENT")
print(json.dumps({"where": localaws_sample.where, "numpy": numpy.__file__, "pip": settings}))
"""


def test_requirements_are_installed_for_the_job_alone(jobs: Any) -> None:
    """numpy, which the environment has, is not fetched again: there is no index to fetch it from."""
    source = put_source(
        jobs,
        {
            "train.py": SEE.encode(),
            "requirements.txt": b"--no-index\n--find-links wheels\nlocalaws-sample==1.0\nnumpy\n",
            "wheels/localaws_sample-1.0-py3-none-any.whl": wheel("localaws_sample"),
        },
    )
    name = jobs.create("pass", hyperparameters={"sagemaker_submit_directory": source})
    assert jobs.wait(name, timeout_s=120)["TrainingJobStatus"] == "Completed", jobs.lines(name)
    seen = json.loads(jobs.lines(name)[-1])
    assert "training-jobs" in seen["where"]
    deadline = time.monotonic() + REMOVAL_S
    while Path(seen["where"]).exists():
        assert time.monotonic() < deadline, "the layer of packages stayed after the job's end"
        time.sleep(0.1)
    assert ".python" not in seen["numpy"]
    assert seen["pip"] is None


def test_a_requirement_that_cannot_be_had_ends_the_job_with_pips_words(jobs: Any) -> None:
    files = {"train.py": "print('began')", "requirements.txt": "--no-index\nno-such-package-of-localaws\n"}
    name = jobs.create(files=files)
    ended = jobs.wait(name, timeout_s=120)
    assert ended["TrainingJobStatus"] == "Failed"
    reason = ended["FailureReason"]
    assert reason.startswith("AlgorithmError: InstallRequirementsError:\nExitCode 1\n")
    assert "No matching distribution found for no-such-package-of-localaws" in reason
    assert "began" not in jobs.lines(name)


def test_a_job_installs_by_hand_as_well(jobs: Any) -> None:
    """As the SageMaker SDK's own start script does."""
    script = "which pip python | grep -c training-jobs; pip list --no-index 2>&1 | grep -c numpy"
    entry = {"ContainerEntrypoint": ["/bin/bash", "-c", script]}
    request = jobs.request("pass")
    request["AlgorithmSpecification"] |= entry
    jobs.sagemaker.create_training_job(**request)
    name = request["TrainingJobName"]
    assert jobs.wait(name)["TrainingJobStatus"] == "Completed"
    assert jobs.lines(name) == ["2", "1"]


def test_temporary_files_are_the_jobs_own_and_go_with_it(jobs: Any) -> None:
    script = """
import socket, tempfile
folder = tempfile.mkdtemp()
with socket.socket(socket.AF_UNIX) as server:
    server.bind(folder + "/" + "as-long-as-those-of-torch"[:24])
print(folder)
"""
    first, second = jobs.create(script), jobs.create(script)
    for name in (first, second):
        assert jobs.wait(name)["TrainingJobStatus"] == "Completed", jobs.lines(name)
    folders = [Path(jobs.lines(name)[0]) for name in (first, second)]
    assert folders[0].parent != folders[1].parent
    assert not any(folder.parent.exists() for folder in folders)


@pytest.mark.parametrize("role", ["absent", "of-lambda"])
def test_a_role_that_sagemaker_cannot_assume_is_refused(jobs: Any, role: str) -> None:
    trust = TRUST.replace("sagemaker.amazonaws.com", "lambda.amazonaws.com")
    if role != "absent":
        jobs.client("iam").create_role(RoleName=role, AssumeRolePolicyDocument=trust)
    arn = f"arn:aws:iam::123456789012:role/{role}"
    with pytest.raises(ClientError) as caught:
        jobs.create("pass", more={"RoleArn": arn})
    assert caught.value.response["Error"] == {
        "Code": "ValidationException",
        "Message": f"Could not assume role {arn}. Please ensure that the role exists and allows principal "
        "'sagemaker.amazonaws.com' to assume the role.",
    }
