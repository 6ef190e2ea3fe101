"""Start a script by torchrun, where the job asks for torch_distributed.

Source: torch_distributed.py of https://github.com/aws/sagemaker-training-toolkit, and
https://pytorch.org/docs/stable/elastic/run.html. Pure.
"""

from localaws.sagemaker.training import hyperparameters as hp
from localaws.sagemaker.training.spec import TrainingSpec
from localaws.sagemaker.training.variables import Machine, Master


def processes_per_host(spec: TrainingSpec, *, machine: Machine) -> int:
    """Return one for each GPU, as on AWS; without GPUs one for each core, which the hosts share here."""
    if spec.has_gpus and machine.gpus:
        return machine.gpus
    return max(1, machine.cpus // spec.instance_count)


def launcher_words(spec: TrainingSpec, *, host: str, master: Master, machine: Machine) -> list[str]:
    """Return what stands between Python and the script on its command line; nothing without torchrun.

    The toolkit leaves the address out where there is one host. Jobs share a network here, so each needs its
    own port even then.
    """
    if spec.entrypoint or not hp.is_enabled(spec.decoded, hp.TORCH_DISTRIBUTED):
        return []
    options = {
        "--nnodes": len(spec.hosts),
        "--nproc_per_node": processes_per_host(spec, machine=machine),
        "--master_addr": master.address,
        "--master_port": master.port,
        "--node_rank": spec.hosts.index(host),
    }
    words = [text for name, value in options.items() for text in (name, str(value))]
    return ["-m", "torch.distributed.run", *words]
