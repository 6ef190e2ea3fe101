"""How scripts are started that ask for torch_distributed."""

from typing import Any

import pytest

from localaws.sagemaker.training.spec import TrainingSpec
from localaws.sagemaker.training.torchrun import launcher_words, processes_per_host
from localaws.sagemaker.training.variables import Machine, Master

ON = {"sagemaker_torch_distributed_enabled": "true"}


def spec(**changes: Any) -> TrainingSpec:
    """Return a job of two hosts that asks for torchrun."""
    given: dict[str, Any] = {
        "name": "job",
        "arn": "arn",
        "account_id": "1",
        "region": "us-east-1",
        "role_arn": "role",
        "output_path": "s3://b",
        "hyperparameters": ON,
        "instance_count": 2,
    }
    return TrainingSpec(**given | changes)


def words(job: TrainingSpec, host: str = "algo-2") -> list[str]:
    """Return what stands before the script on a machine with four cores and two GPUs."""
    machine = Machine(cpus=4, gpus=2)
    return launcher_words(job, host=host, master=Master(address="algo-1", port=7), machine=machine)


def test_every_host_knows_its_rank_and_where_to_meet() -> None:
    expected = "-m torch.distributed.run --nnodes 2 --nproc_per_node 2 --master_addr algo-1 --master_port 7"
    assert words(spec()) == [*expected.split(), "--node_rank", "1"]
    assert words(spec(), "algo-1")[-1] == "0"


@pytest.mark.parametrize(
    ("kind", "hosts", "processes"), [("ml.m5.large", 1, 4), ("ml.m5.large", 8, 1), ("ml.p3.2xlarge", 2, 2)]
)
def test_gpus_count_or_else_the_cores_that_hosts_share(kind: str, hosts: int, processes: int) -> None:
    job = spec(instance_type=kind, instance_count=hosts)
    assert processes_per_host(job, machine=Machine(cpus=4, gpus=2)) == processes


@pytest.mark.parametrize("value", ["false", '"false"', "0", ""])
def test_without_the_switch_a_script_starts_by_itself(value: str) -> None:
    assert words(spec(hyperparameters={"sagemaker_torch_distributed_enabled": value})) == []


def test_an_entrypoint_starts_what_it_likes() -> None:
    assert words(spec(entrypoint=("/bin/sh",))) == []
