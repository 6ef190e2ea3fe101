"""CPUUtilization and MemoryUtilization of what stands for an instance: a process and all below it.

AWS's percentages: of one core for the processor, so that four busy ones are 400, and of the instance's
memory, for which this machine's stands here.
https://docs.aws.amazon.com/sagemaker/latest/dg/monitoring-cloudwatch.html
"""

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from localaws.cloudwatch.metrics import Value
from localaws.cloudwatch.spec import metric_key

PERCENT = "Percent"
PROC = Path("/proc")
TICKS_PER_S = os.sysconf("SC_CLK_TCK")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
MACHINE_BYTES = os.sysconf("SC_PHYS_PAGES") * PAGE_BYTES


@dataclass(frozen=True, kw_only=True)
class Instance:
    """A process group that metrics speak of as one instance."""

    account_id: str
    region: str
    namespace: str
    dimensions: Mapping[str, str]
    pid: int


def job_instances(
    *, account_id: str, region: str, namespace: str, job: str, pids: Mapping[str, int]
) -> list[Instance]:
    """Return the instances of a job, `pids` by their names: the dimension Host is `<job>/algo-1`, say."""
    return [
        Instance(
            account_id=account_id,
            region=region,
            namespace=namespace,
            dimensions={"Host": f"{job}/{name}"},
            pid=pid,
        )
        for name, pid in pids.items()
    ]


@dataclass(frozen=True, kw_only=True)
class Usage:
    """What a process, or several, have used: seconds of processor time, and bytes that are resident now."""

    cpu_s: float = 0.0
    memory_bytes: int = 0


@dataclass(frozen=True, kw_only=True)
class Process:
    """One line of the process table."""

    pid: int
    parent: int
    usage: Usage


@dataclass(slots=True, kw_only=True)
class Reading:
    """What an instance has used since the last look."""

    account_id: str
    region: str
    namespace: str
    dimensions: Mapping[str, str]
    cpu_percent: float
    memory_percent: float

    def values(self) -> Iterator[Value]:
        """Return both percentages."""
        for name, value in (
            ("CPUUtilization", self.cpu_percent),
            ("MemoryUtilization", self.memory_percent),
        ):
            key = metric_key(self.namespace, name, self.dimensions)
            yield key, round(value, 4), PERCENT


class InstanceReader:
    """Read instances again and again; each look covers the real time since the one before."""

    def __init__(self) -> None:
        self._before: dict[int, tuple[float, float]] = {}

    def read(
        self, instances: Iterable[Instance], *, table: Iterable[Process], now_s: float
    ) -> Iterator[Reading]:
        """Give a reading of each instance that was there at the look before, too.

        `now_s` counts real seconds: what processor time is measured in.
        """
        found = list(instances)
        usages = sum_trees(table, [instance.pid for instance in found])
        seen: dict[int, tuple[float, float]] = {}
        for instance in found:
            usage = usages.get(instance.pid)
            if usage is None:
                continue
            seen[instance.pid] = (now_s, usage.cpu_s)
            if instance.pid in self._before:
                yield _reading(instance, usage, before=self._before[instance.pid], now_s=now_s)
        self._before = seen


def _reading(instance: Instance, usage: Usage, *, before: tuple[float, float], now_s: float) -> Reading:
    then_s, cpu_s = before
    return Reading(
        account_id=instance.account_id,
        region=instance.region,
        namespace=instance.namespace,
        dimensions=instance.dimensions,
        cpu_percent=100 * max(usage.cpu_s - cpu_s, 0.0) / max(now_s - then_s, 1e-3),
        memory_percent=100 * usage.memory_bytes / MACHINE_BYTES,
    )


def sum_trees(table: Iterable[Process], pids: Iterable[int]) -> dict[int, Usage]:
    """Return what each of some processes uses together with all that it has started."""
    usages: dict[int, Usage] = {}
    children: defaultdict[int, list[int]] = defaultdict(list)
    for process in table:
        usages[process.pid] = process.usage
        children[process.parent].append(process.pid)

    def total(pid: int) -> Usage:
        parts = [usages[pid], *(total(child) for child in children[pid])]
        return Usage(
            cpu_s=sum(part.cpu_s for part in parts), memory_bytes=sum(part.memory_bytes for part in parts)
        )

    return {pid: total(pid) for pid in pids if pid in usages}


def process_table(proc: Path = PROC) -> Iterator[Process]:
    """Give every process of this machine; one that ends meanwhile is left out."""
    for folder in proc.iterdir():
        if folder.name.isdecimal():
            try:
                yield parse_stat((folder / "stat").read_text(encoding="utf-8", errors="replace"))
            except OSError:
                continue


def parse_stat(line: str) -> Process:
    """Read /proc/<pid>/stat (proc_pid_stat(5)); the time of children that have been waited for counts."""
    head, _, rest = line.rpartition(")")
    fields = rest.split()
    return Process(
        pid=int(head.partition(" ")[0]),
        parent=int(fields[1]),
        usage=Usage(
            cpu_s=sum(int(ticks) for ticks in fields[11:15]) / TICKS_PER_S,
            memory_bytes=int(fields[21]) * PAGE_BYTES,
        ),
    )
