"""Training jobs that succeed: what a script is given, and what becomes of what it leaves."""

import itertools
import json
import os
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

SHOW = """
import json, os, sys
from pathlib import Path
base = Path(os.environ["SAGEMAKER_BASE_DIR"])
config = {path.stem: json.loads(path.read_text()) for path in (base / "input/config").iterdir()}
print(json.dumps({
    "argv": sys.argv, "cwd": os.getcwd(), "env": dict(os.environ), "config": config,
    "folders": sorted(str(path.relative_to(base)) for path in base.rglob("*") if path.is_dir()),
}))
"""


def shown(jobs: Any, name: str, host: str = "algo-1") -> dict[str, Any]:
    """Return what the script SHOW printed."""
    return dict(json.loads(jobs.lines(name, host)[0]))


def test_script_mode_passes_sorted_arguments_with_json_strings_decoded(jobs: Any) -> None:
    values = {"epochs": "3", "batch_size": '"64"', "learning_rate": "0.001", "flag": "true", "name": "a b"}
    name = jobs.create(SHOW, hyperparameters=values)
    assert jobs.wait(name)["TrainingJobStatus"] == "Completed"
    argv = shown(jobs, name)["argv"]
    assert argv[:5] == ["train.py", "--batch_size", "64", "--epochs", "3"]
    assert argv[5:] == ["--flag", "True", "--learning_rate", "0.001", "--name", "a b"]


def test_the_container_contract_holds_for_both_hosts(jobs: Any) -> None:
    uri = jobs.put("contract/train/", {"a.txt": "a"})
    name = jobs.create(
        SHOW,
        hosts=2,
        channels=[jobs.channel("train", uri)],
        hyperparameters={"lr": "0.1"},
        more={"Environment": {"MY_SETTING": "1"}},
    )
    assert jobs.wait(name)["TrainingJobStatus"] == "Completed"
    for host in ("algo-1", "algo-2"):
        seen = shown(jobs, name, host)
        env, base = seen["env"], seen["env"]["SAGEMAKER_BASE_DIR"]
        assert seen["cwd"] == f"{base}/code"
        assert env["SM_CURRENT_HOST"] == host
        assert json.loads(env["SM_HOSTS"]) == ["algo-1", "algo-2"]
        assert env["SM_CHANNEL_TRAIN"] == f"{base}/input/data/train"
        assert env["SM_MODEL_DIR"] == f"{base}/model"
        assert env["SM_OUTPUT_DATA_DIR"] == f"{base}/output/data"
        assert env["SM_HP_LR"] == "0.1"
        assert json.loads(env["SM_HPS"]) == {"lr": 0.1}
        assert json.loads(env["SM_USER_ARGS"]) == ["--lr", "0.1"]
        assert env["SM_MODULE_NAME"] == "train"
        assert json.loads(env["SM_TRAINING_ENV"])["job_name"] == name
        assert env["TRAINING_JOB_NAME"] == name
        assert env["TRAINING_JOB_ARN"].endswith(f":training-job/{name}")
        assert env["MY_SETTING"] == "1"
        assert seen["config"]["hyperparameters"]["lr"] == "0.1"
        assert seen["config"]["inputdataconfig"]["train"]["S3DistributionType"] == "FullyReplicated"
        assert seen["config"]["resourceconfig"]["current_host"] == host
        for folder in ("model", "output/data", "code", "input/data/train"):
            assert folder in seen["folders"]
        assert "checkpoints" not in seen["folders"]  # only where CheckpointConfig is given
    first, second = (shown(jobs, name, host)["env"] for host in ("algo-1", "algo-2"))
    if not jobs.has_views:
        assert first["SAGEMAKER_BASE_DIR"] != second["SAGEMAKER_BASE_DIR"]
    else:
        assert first["SAGEMAKER_BASE_DIR"] == second["SAGEMAKER_BASE_DIR"] == "/opt/ml"
    assert first["MASTER_PORT"] == second["MASTER_PORT"]


def test_two_hosts_meet_at_the_master_address(jobs: Any) -> None:
    script = """
import os, socket, time
address = (os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"]))
if os.environ["SM_CURRENT_HOST"] == "algo-1":
    with socket.create_server(address) as server:
        peer, _ = server.accept()
        with peer:
            print("got", peer.recv(100).decode())
            peer.sendall(b"welcome")
else:
    for _ in range(200):
        try:
            peer = socket.create_connection(address)
            break
        except ConnectionRefusedError:
            time.sleep(0.05)
    with peer:
        peer.sendall(b"hello from algo-2")
        print("got", peer.recv(100).decode())
"""
    name = jobs.create(script, hosts=2)
    assert jobs.wait(name)["TrainingJobStatus"] == "Completed"
    assert jobs.lines(name, "algo-1") == ["got hello from algo-2"]
    assert jobs.lines(name, "algo-2") == ["got welcome"]


LIST = """
import os
from pathlib import Path
root = Path(os.environ["SAGEMAKER_BASE_DIR"]) / "input/data"
for path in sorted(root.rglob("*")):
    if path.is_file():
        print(path.relative_to(root), path.read_text())
"""


def test_replicated_data_reaches_all_hosts_and_sharded_data_each_once(jobs: Any) -> None:
    same = jobs.put("same/", {f"deep/{n}.txt": str(n) for n in range(3)})
    split = jobs.put("split/part-", {f"{n}.txt": str(n) for n in range(5)})
    channels = [jobs.channel("same", same), jobs.channel("split", split, sharded=True)]
    name = jobs.create(LIST, hosts=2, channels=channels)
    assert jobs.wait(name)["TrainingJobStatus"] == "Completed"
    replicated = [f"same/deep/{n}.txt {n}" for n in range(3)]
    first, second = jobs.lines(name, "algo-1"), jobs.lines(name, "algo-2")
    assert first == [*replicated, *(f"split/part-{n}.txt {n}" for n in (0, 2, 4))]
    assert second == [*replicated, *(f"split/part-{n}.txt {n}" for n in (1, 3))]


def test_a_channel_may_be_one_object_or_a_manifest(jobs: Any) -> None:
    uri = jobs.put("single/", {"manifest.json": "{}", "other.json": "no"})
    listing = json.dumps([{"prefix": uri}, "other.json"])
    jobs.put("lists/", {"files.manifest": listing})
    channels = [
        jobs.channel("one", f"{uri}manifest.json"),
        jobs.channel("listed", f"s3://{jobs.bucket}/lists/files.manifest", kind="ManifestFile"),
    ]
    name = jobs.create(LIST, channels=channels)
    assert jobs.wait(name)["TrainingJobStatus"] == "Completed"
    assert jobs.lines(name) == ["listed/other.json no", "one/manifest.json {}"]


def test_artifacts_of_all_hosts_are_uploaded_as_one_archive_each(jobs: Any) -> None:
    script = """
import os
from pathlib import Path
host = os.environ["SM_CURRENT_HOST"]
(Path(os.environ["SM_MODEL_DIR"]) / f"{host}.bin").write_text("model of " + host)
folder = Path(os.environ["SM_OUTPUT_DATA_DIR"]) / "plots"
folder.mkdir()
(folder / f"{host}.txt").write_text("plot of " + host)
"""
    name = jobs.create(script, hosts=2)
    description = jobs.wait(name)
    uri = f"s3://{jobs.bucket}/jobs/{name}/output/model.tar.gz"
    assert description["ModelArtifacts"] == {"S3ModelArtifacts": uri}
    model = {"algo-1.bin": "model of algo-1", "algo-2.bin": "model of algo-2"}
    assert jobs.artifact(name, "model.tar.gz") == model
    plots = {"plots/algo-1.txt": "plot of algo-1", "plots/algo-2.txt": "plot of algo-2"}
    assert jobs.artifact(name, "output.tar.gz") == plots


def test_uncompressed_artifacts_are_uploaded_file_by_file(jobs: Any) -> None:
    script = """
import os
from pathlib import Path
host = os.environ["SM_CURRENT_HOST"]
folder = Path(os.environ["SM_MODEL_DIR"], "parts")
folder.mkdir()
(folder / f"{host}.bin").write_text("part of " + host)
(folder.parent / "index.json").write_text("[]")
Path(os.environ["SM_OUTPUT_DATA_DIR"], f"{host}.txt").write_text("plot")
"""
    request = jobs.request(script, hosts=2)
    request["OutputDataConfig"]["CompressionType"] = "NONE"
    jobs.sagemaker.create_training_job(**request)
    name = request["TrainingJobName"]
    description = jobs.wait(name)
    prefix = f"s3://{jobs.bucket}/jobs/{name}/output/model/"
    assert description["ModelArtifacts"] == {"S3ModelArtifacts": prefix}
    assert description["OutputDataConfig"]["CompressionType"] == "NONE"
    parts = ["model/index.json", "model/parts/algo-1.bin", "model/parts/algo-2.bin"]
    assert jobs.outputs(name) == ["data/algo-1.txt", "data/algo-2.txt", *parts]


def test_a_job_that_saves_nothing_has_no_artifact(jobs: Any) -> None:
    description = jobs.run("pass")
    assert description["TrainingJobStatus"] == "Completed"
    assert "ModelArtifacts" not in description
    assert jobs.outputs(description["TrainingJobName"]) == []


def test_metrics_are_the_last_values_that_the_users_own_definitions_find(jobs: Any) -> None:
    definitions = [
        {"Name": "valid:loss", "Regex": r"valid_loss=([0-9.]+)"},
        {"Name": "never", "Regex": r"never=([0-9.]+)"},
    ]
    script = "for loss in (0.9, 0.5, 0.25):\n    print(f'epoch valid_loss={loss} done')\n"
    description = jobs.run(script, metrics=definitions)
    assert description["AlgorithmSpecification"]["MetricDefinitions"] == definitions
    (metric,) = description["FinalMetricDataList"]
    assert (metric["MetricName"], metric["Value"]) == ("valid:loss", 0.25)
    assert description["TrainingStartTime"] <= metric["Timestamp"] <= description["TrainingEndTime"]


def test_every_state_is_recorded_with_its_times(jobs: Any) -> None:
    description = jobs.run("print('x')")
    transitions = description["SecondaryStatusTransitions"]
    states = [transition["Status"] for transition in transitions]
    assert states == ["Starting", "Downloading", "Training", "Uploading", "Completed"]
    assert all(one["EndTime"] == two["StartTime"] for one, two in itertools.pairwise(transitions))
    assert all(transition["StatusMessage"] for transition in transitions)
    assert description["SecondaryStatus"] == "Completed"
    times = [
        description[f"{name}Time"] for name in ("Creation", "TrainingStart", "TrainingEnd", "LastModified")
    ]
    assert times == sorted(times)
    assert description["BillableTimeInSeconds"] == description["TrainingTimeInSeconds"] >= 1
    assert description["StoppingCondition"] == {"MaxRuntimeInSeconds": 600}


def test_log_streams_are_named_as_aws_names_them_and_fill_while_the_job_runs(jobs: Any) -> None:
    script = "import sys, time\nprint('first')\nprint('to stderr', file=sys.stderr)\ntime.sleep(60)\n"
    name = jobs.create(script, hosts=2)
    jobs.wait_for_line(name, "to stderr", "algo-2")
    assert jobs.describe(name)["SecondaryStatus"] == "Training"
    hosts, stamps = zip(
        *(stream.removeprefix(f"{name}/").rsplit("-", 1) for stream in jobs.streams(name)), strict=True
    )
    assert sorted(hosts) == ["algo-1", "algo-2"]
    created = jobs.describe(name)["CreationTime"].timestamp()
    assert all(created - 2 <= int(stamp) <= created + 60 for stamp in stamps)
    jobs.sagemaker.stop_training_job(TrainingJobName=name)
    jobs.wait(name)


def test_a_shell_script_runs_with_this_python_on_its_path(jobs: Any) -> None:
    files = {"run.sh": 'echo "$@"\nexec python helper.py\n', "helper.py": "import boto3; print('has boto3')"}
    name = jobs.create(files=files, program="run.sh", hyperparameters={"rate": "1"})
    assert jobs.wait(name)["TrainingJobStatus"] == "Completed"
    assert jobs.lines(name) == ["--rate 1", "has boto3"]


def test_a_container_entrypoint_runs_plainly(jobs: Any) -> None:
    request = jobs.request()
    del request["HyperParameters"]
    request["AlgorithmSpecification"] |= {
        "ContainerEntrypoint": ["bash", "-c"],
        "ContainerArguments": ["echo host $SM_CURRENT_HOST"],
    }
    jobs.sagemaker.create_training_job(**request)
    name = request["TrainingJobName"]
    assert jobs.wait(name)["TrainingJobStatus"] == "Completed"
    assert jobs.lines(name) == ["host algo-1"]


def test_the_script_acts_as_the_jobs_role(jobs: Any) -> None:
    script = "import boto3\nprint(boto3.client('sts').get_caller_identity()['Arn'])\n"
    name = jobs.create(script)
    assert jobs.wait(name)["TrainingJobStatus"] == "Completed"
    assert jobs.lines(name) == ["arn:aws:sts::123456789012:assumed-role/training-tests/SageMaker"]


def test_many_jobs_run_at_once_and_keep_apart(jobs: Any) -> None:
    script = (
        "import os, time\nfrom pathlib import Path\ntime.sleep(0.2)\n"
        "Path(os.environ['SM_MODEL_DIR'], 'name').write_text(os.environ['TRAINING_JOB_NAME'])\n"
        "print(os.environ['MASTER_PORT'])\n"
    )
    names = [jobs.create(script) for _ in range(8)]
    assert {jobs.wait(name)["TrainingJobStatus"] for name in names} == {"Completed"}
    assert [jobs.artifact(name, "model.tar.gz") for name in names] == [{"name": name} for name in names]
    assert len({jobs.lines(name)[0] for name in names}) == len(names)


def test_nothing_is_left_of_a_job_that_has_ended(serve_jobs: Any, tmp_path: Path) -> None:
    with serve_jobs("--data-dir", str(tmp_path)) as (jobs, _):
        name = jobs.create("open('file', 'w').close()\nimport time; time.sleep(60)")
        jobs.wait_for_state(name, "Training")
        (folder,) = (tmp_path / "training-jobs").iterdir()
        jobs.sagemaker.stop_training_job(TrainingJobName=name)
        jobs.wait(name)
        deadline = time.monotonic() + 5
        while folder.exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not folder.exists()


def test_a_host_computes_with_its_share_of_the_cores(serve_jobs: Any) -> None:
    script = "import os; print(os.environ['OMP_NUM_THREADS'])"
    cores = len(os.sched_getaffinity(0))
    with serve_jobs() as (jobs, _):
        alone = jobs.create(script)
        jobs.wait(alone)
        pair = jobs.create(script, hosts=2)
        jobs.wait(pair)
        own = jobs.create(script, more={"Environment": {"OMP_NUM_THREADS": "7"}})
        jobs.wait(own)
        assert jobs.lines(alone) == [str(cores)]
        assert jobs.lines(pair, "algo-2") == [str(max(1, cores // 2))]
        assert jobs.lines(own) == ["7"]


def test_no_process_is_left_of_a_job_that_has_completed(jobs: Any) -> None:
    """As torch's launcher does, it starts a process in a session of its own, which ignores SIGTERM."""
    mark = str(uuid.uuid4().int)
    script = (
        "import signal, subprocess\nsignal.signal(15, signal.SIG_IGN)\n"
        f"subprocess.Popen(['sleep', '600.{mark}'], start_new_session=True)\n"
    )
    assert jobs.run(script)["TrainingJobStatus"] == "Completed"
    assert not any(mark.encode() in path.read_bytes() for path in command_lines())


def command_lines() -> Iterator[Path]:
    """Give the files with the command lines of this machine's processes."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        if path.exists():
            yield path
