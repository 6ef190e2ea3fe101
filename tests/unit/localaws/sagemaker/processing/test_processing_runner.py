"""A processing job that is stopped, or fails, at each moment; its instances are made up."""

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from localaws.clock import ManualClock
from localaws.errors import JobError, StorageError
from localaws.sagemaker.failures import INTERNAL_ERROR
from localaws.sagemaker.hosts import End, Result
from localaws.sagemaker.processing import runner as module
from localaws.sagemaker.processing.job import LocalProcessingJob
from localaws.sagemaker.processing.runner import LOG_GROUP, MAX_MESSAGE, ProcessingRunner
from localaws.sagemaker.processing.spec import ProcessingSpec

MOMENTS = ("download", "run", "upload")


class FakeCluster:
    """Instances whose work is a function."""

    def __init__(self, *, context: Any, plan: Any) -> None:
        self.plan = plan
        folder = context.data_dir / plan.kind
        self.rooms = {host: SimpleNamespace(base=folder / host, refusal="") for host in plan.hosts}
        self.s3 = object()
        self.is_aborted = self.is_closed = False
        self.work: Callable[[], Result] = lambda: Result(end=End.COMPLETED)
        self.started: list[str] = []

    def prepare(self) -> None:
        """Have nothing to make."""

    def host_process(self, host: str, **options: Any) -> str:
        self.started.append(host)
        return host

    def open_log(self, host: str) -> Callable[[str], None]:
        return lambda line: None

    def run(self, processes: Any, *, watch: Any) -> Result:
        watch.on_started()
        result = self.work()
        if watch.stop.is_set() and result.end is not End.FAILED:
            result = Result(end=End.STOPPED)
        if result.end in (End.STOPPED, End.OUT_OF_TIME):
            watch.on_stopping()
        return result

    def pids(self) -> dict[str, int]:
        return {host: 100 + number for number, host in enumerate(self.started)}

    def abort(self) -> None:
        self.is_aborted = True

    def close(self) -> None:
        self.is_closed = True


class Bench:
    """One job, and what is done at its moments."""

    def __init__(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, hosts: int = 1) -> None:
        request = {
            "ProcessingJobName": "job",
            "RoleArn": "arn:role",
            "AppSpecification": {"ImageUri": "i", "ContainerEntrypoint": ["python3"]},
            "ProcessingResources": {
                "ClusterConfig": {"InstanceType": "ml.m5.large", "InstanceCount": hosts, "VolumeSizeInGB": 1}
            },
            "ProcessingInputs": [
                {
                    "InputName": "in",
                    "S3Input": {
                        "S3Uri": "s3://b/in",
                        "LocalPath": "/opt/ml/processing/in",
                        "S3DataType": "S3Prefix",
                    },
                }
            ],
            "ProcessingOutputConfig": {
                "Outputs": [
                    {
                        "OutputName": "out",
                        "S3Output": {
                            "S3Uri": "s3://b/out",
                            "LocalPath": "/opt/ml/processing/out",
                            "S3UploadMode": "EndOfJob",
                        },
                    }
                ]
            },
        }
        self.clock = ManualClock()
        self.at: dict[str, Callable[[], object]] = {}
        self.moments: list[str] = []
        monkeypatch.setattr(module, "Cluster", FakeCluster)
        monkeypatch.setattr(module, "list_files", lambda client, channel: [])
        monkeypatch.setattr(module, "download_all", lambda *args, **options: self._pass("download"))
        monkeypatch.setattr(module, "upload_all", lambda *args, **options: self._pass("upload"))
        self.job = LocalProcessingJob(
            now=self.clock.now, request=request, account_id="1", region_name="us-east-1"
        )
        spec = ProcessingSpec.from_request(
            request, arn="arn:job", account_id="123456789012", region="us-east-1"
        )
        context: Any = SimpleNamespace(clock=self.clock, data_dir=tmp_path)
        self.runner = ProcessingRunner(context=context, job=self.job, spec=spec)
        self.cluster: Any = self.runner._cluster
        self.cluster.work = self._run
        self.result = Result(end=End.COMPLETED)

    def _pass(self, moment: str) -> None:
        self.moments.append(moment)
        self.at.get(moment, lambda: None)()

    def _run(self) -> Result:
        self._pass("run")
        return self.result

    def stop(self) -> None:
        """Do what StopProcessingJob does."""
        self.job.advance("Stopping")
        self.runner.stop()

    def host_folder(self, host: str = "algo-1") -> Path:
        """Return what a host sees as /opt/ml."""
        return Path(self.cluster.rooms[host].base)

    def leave_message(self, text: str, host: str = "algo-1") -> None:
        """Write what becomes the ExitMessage."""
        (self.host_folder(host) / "output" / "message").write_text(text)


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    return Bench(tmp_path, monkeypatch)


def test_an_ordinary_job_passes_its_moments_and_completes(bench: Bench) -> None:
    bench.runner.run()
    assert bench.moments == list(MOMENTS)
    assert (bench.job.status, bench.job.failure_reason) == ("Completed", None)
    assert bench.cluster.is_closed


@pytest.mark.parametrize(
    ("moment", "passed"),
    [
        ("before", ["download"]),
        ("download", ["download"]),
        ("run", ["download", "run"]),
        ("upload", [*MOMENTS]),
    ],
)
def test_a_job_can_be_stopped_at_each_moment(bench: Bench, moment: str, passed: list[str]) -> None:
    """What it has made is uploaded only where its work was done."""
    if moment == "before":
        bench.stop()
    bench.at[moment] = bench.stop
    bench.runner.run()
    assert bench.moments == passed
    assert bench.job.status == "Stopped"
    assert bench.job.end_time is not None
    assert bench.cluster.is_closed


def test_a_job_that_was_stopped_before_its_work_has_no_start(bench: Bench) -> None:
    bench.at["download"] = bench.stop
    bench.runner.run()
    assert bench.job.processing_start_time is None


def test_a_job_that_runs_out_of_time_is_stopped_and_uploads_nothing(bench: Bench) -> None:
    bench.result = Result(end=End.OUT_OF_TIME)
    bench.runner.run()
    assert bench.job.status == "Stopped"
    assert bench.moments == ["download", "run"]


@pytest.mark.parametrize(
    ("moment", "error", "reason"),
    [
        ("download", StorageError("no"), "ClientError: Data download failed:no"),
        ("upload", StorageError("no"), "ClientError: Output upload failed:no"),
        ("run", JobError("AlgorithmError: said"), "AlgorithmError: said"),
        (
            "upload",
            OSError(28, "No space left on device"),
            "ClientError: localaws cannot write the job's files: [Errno 28] No space left on device",
        ),
        ("run", ZeroDivisionError("ours"), INTERNAL_ERROR),
    ],
)
@pytest.mark.parametrize("is_stopped", [False, True])
def test_a_failure_at_a_moment_is_the_job_s_reason(
    bench: Bench, moment: str, error: Exception, reason: str, is_stopped: bool
) -> None:
    def fail() -> None:
        if is_stopped:
            bench.stop()
        raise error

    bench.at[moment] = fail
    bench.runner.run()
    assert (bench.job.status, bench.job.failure_reason) == ("Failed", reason)
    assert bench.cluster.is_closed


@pytest.mark.parametrize(
    ("code", "told"), [(1, 1), (137, 137), (-9, 137), (-15, 143)], ids=["exit", "as a shell", "kill", "term"]
)
def test_a_container_that_fails_is_told_with_its_exit_code(bench: Bench, code: int, told: int) -> None:
    bench.result = Result(end=End.FAILED, host="algo-1", exit_code=code)
    bench.runner.run()
    reason = f"AlgorithmError: See job logs for more information, exit code: {told}"
    assert (bench.job.status, bench.job.failure_reason) == ("Failed", reason)
    assert bench.moments == ["download", "run"]


def test_a_container_that_left_a_message_is_told_by_it(bench: Bench) -> None:
    bench.result = Result(end=End.FAILED, host="algo-1", exit_code=2)
    bench.at["run"] = lambda: bench.leave_message("the file has no header")
    bench.runner.run()
    assert bench.job.exit_message == "the file has no header"
    assert bench.job.failure_reason == "AlgorithmError: the file has no header, exit code: 2"


@pytest.mark.parametrize("end", [End.COMPLETED, End.FAILED, End.OUT_OF_TIME])
def test_a_long_message_is_cut_and_so_is_the_reason(bench: Bench, end: End) -> None:
    bench.result = Result(end=end, host="algo-1", exit_code=3)
    bench.at["run"] = lambda: bench.leave_message("é" * 5000)
    bench.runner.run()
    assert bench.job.exit_message == "é" * MAX_MESSAGE
    if end is End.FAILED:
        assert len(bench.job.failure_reason) <= MAX_MESSAGE
        assert bench.job.failure_reason.endswith("exit code: 3")


def test_the_first_host_s_message_is_the_job_s(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(tmp_path, monkeypatch, hosts=3)

    def leave() -> None:
        bench.leave_message("third", "algo-3")
        bench.leave_message("second", "algo-2")

    bench.at["run"] = leave
    bench.runner.run()
    assert bench.job.exit_message == "second"


def test_an_empty_message_is_none(bench: Bench) -> None:
    bench.at["run"] = lambda: bench.leave_message("")
    bench.runner.run()
    assert bench.job.exit_message is None


def test_every_host_finds_its_folders_and_its_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = Bench(tmp_path, monkeypatch, hosts=2)
    bench.runner.run()
    for host in ("algo-1", "algo-2"):
        folder = bench.host_folder(host)
        assert (folder / "processing" / "in").is_dir()
        assert (folder / "processing" / "out").is_dir()
        resources = json.loads((folder / "config" / "resourceconfig.json").read_text())
        assert (resources["current_host"], resources["hosts"]) == (host, ["algo-1", "algo-2"])
        config = json.loads((folder / "config" / "processingjobconfig.json").read_text())
        assert (config["ProcessingJobArn"], config["ProcessingJobName"]) == ("arn:job", "job")


def test_a_job_that_localaws_gives_up_uploads_nothing(bench: Bench) -> None:
    bench.at["run"] = bench.runner.abort
    bench.runner.run()
    assert bench.moments == ["download", "run"]
    assert bench.cluster.is_aborted


def test_cpu_and_memory_are_measured_of_each_host_by_job_and_host(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """https://docs.aws.amazon.com/sagemaker/latest/dg/monitoring-cloudwatch.html: Host is `job/algo-1`."""
    bench = Bench(tmp_path, monkeypatch, hosts=2)
    seen: list[Any] = []
    bench.at["run"] = lambda: seen.extend(bench.runner.metric_instances())
    assert bench.runner.metric_instances() == []
    bench.runner.run()
    assert [instance.namespace for instance in seen] == [LOG_GROUP] * 2
    assert [instance.dimensions for instance in seen] == [{"Host": "job/algo-1"}, {"Host": "job/algo-2"}]
    assert [(instance.account_id, instance.pid) for instance in seen] == [
        ("123456789012", 100),
        ("123456789012", 101),
    ]
    assert bench.runner.instance_count == 2
