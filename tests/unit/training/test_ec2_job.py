"""What an instance does around train.py: fetches, trains, keeps checkpoints, uploads, tells."""

from __future__ import annotations

import ast
import hashlib
import json
import sys
import tarfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import ec2_job
import ec2_tools
import pytest

MakeJob = Callable[..., ec2_job.Job]
CODE = Path(ec2_job.__file__).parent
NAME = "musher-ec2-0123abcd"
WRITES = """
import os, pathlib, sys
pathlib.Path(os.environ["SM_MODEL_DIR"], "m.txt").write_text(" ".join(sys.argv[1:]))
pathlib.Path(os.environ["SM_OUTPUT_DATA_DIR"], "evaluation.json").write_text("{}")
pathlib.Path(os.environ["SAGEMAKER_BASE_DIR"], "checkpoints", "c").write_text("1")
"""


SAYS_WHY = """
import os, pathlib, sys
pathlib.Path(os.environ["SM_OUTPUT_DIR"], "failure").write_text("no\\nwolf")
sys.exit(1)
"""


@pytest.fixture(scope="module", autouse=True)
def _no_thread_outlives_the_tests() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    assert [thread for thread in set(threading.enumerate()) - before if not thread.daemon] == []


class FakeBucket:
    """Take the aws command's place: copies between folders, with S3 as one of them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.calls: list[tuple[str, ...]] = []
        self.failing = ""
        self.said: dict[str, str] = {}

    def path(self, uri: str) -> Path:
        return self.folder / uri.removeprefix("s3://") if uri.startswith("s3://") else Path(uri)

    def put(self, uri: str, data: bytes) -> None:
        self.path(uri).parent.mkdir(parents=True, exist_ok=True)
        self.path(uri).write_bytes(data)

    def __call__(self, *words: str, limit_s: float = 0, text: str = "") -> str:
        self.calls.append(words)
        if self.failing and self.failing in " ".join(words):
            raise ec2_tools.JobError(f"{words[1]} failed (255): AccessDenied")
        *_, source, target = words
        if source == "-":
            self.put(target, text.encode())
        elif words[1] == "sync":
            for path in self.path(source).rglob("*") if self.path(source).is_dir() else ():
                if path.is_file():
                    goal = self.path(target) / path.relative_to(self.path(source))
                    goal.parent.mkdir(parents=True, exist_ok=True)
                    goal.write_bytes(path.read_bytes())
        elif words[1] == "cp":
            self.path(target).parent.mkdir(parents=True, exist_ok=True)
            self.path(target).write_bytes(self.path(source).read_bytes())
        return ""


@pytest.fixture
def bucket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeBucket:
    """S3 in a folder, for the job and its tools."""
    made = FakeBucket(tmp_path / "s3")
    monkeypatch.setattr(ec2_job, "aws", made)
    monkeypatch.setattr(ec2_tools, "aws", made)
    monkeypatch.setattr(ec2_job, "BASE", tmp_path / "ml")
    monkeypatch.setattr(ec2_job, "CODE", tmp_path / "code")
    monkeypatch.setattr(ec2_job, "PYTHONS", (sys.executable,))
    monkeypatch.setattr(ec2_job, "SYNC_S", 0.1)
    monkeypatch.setattr(ec2_job, "NOTICE_S", 0.05)
    monkeypatch.setattr(ec2_job, "read_notice", lambda: False)
    monkeypatch.setenv("MUSHER_JOB_TOLD", str(tmp_path / "told"))
    (tmp_path / "code").mkdir()
    return made


@pytest.fixture
def make_job(bucket: FakeBucket, tmp_path: Path) -> MakeJob:
    """Return a function that makes a job whose script is this text."""

    def make(script: str = WRITES, **changes: Any) -> ec2_job.Job:
        (tmp_path / "code" / "train.py").write_text(script)
        bucket.put("s3://b/train/a.txt", b"data")
        order = {
            "program": "train.py",
            "options": {"seed": "1", "epochs": "3"},
            "channels": {"train": "s3://b/train/"},
            "output_uri": "s3://b/jobs",
            "checkpoints_uri": "s3://b/jobs/checkpoints",
            "log_group": "/aws/ec2/musher-train",
            "limit_s": 60,
            "is_spot": False,
            "torch": {"packages": ["torch==1"], "pip_options": ["--index-url", "https://x"]},
            "told": {"content": "c"},
        }
        return ec2_job.Job({**order, **changes}, name=NAME)

    return make


def test_a_job_leaves_what_sagemaker_s_leaves(make_job: MakeJob, bucket: FakeBucket, tmp_path: Path) -> None:
    ended = make_job().run()
    assert (ended["status"], ended["reason"], ended["content"]) == ("Completed", "", "c")
    assert list(ended["seconds"]) == ["fetch", "install", "train", "upload", "total"]
    model = bucket.path(f"s3://b/jobs/{NAME}/output/model.tar.gz")
    assert ended["model_sha256"] == hashlib.sha256(model.read_bytes()).hexdigest()
    with tarfile.open(model) as tar:
        assert tar.getnames() == ["m.txt"]
        written = tar.extractfile("m.txt")
        assert written is not None
        assert written.read() == b"--epochs 3 --seed 1"
    with tarfile.open(bucket.path(f"s3://b/jobs/{NAME}/output/output.tar.gz")) as tar:
        assert tar.getnames() == ["evaluation.json"]
    assert bucket.path("s3://b/jobs/checkpoints/c").read_text() == "1"


def test_earlier_checkpoints_are_there_before_the_script(make_job: MakeJob, bucket: FakeBucket) -> None:
    bucket.put("s3://b/jobs/checkpoints/earlier", b"2")
    script = 'import os; assert os.path.exists(os.environ["SAGEMAKER_BASE_DIR"] + "/checkpoints/earlier")'
    assert make_job(script).run()["status"] == "Completed"


@pytest.mark.parametrize(
    ("script", "changes", "reason"),
    [
        ("import sys; sys.exit(3)", {}, "train.py ended with exit code 3"),
        (
            SAYS_WHY,
            {},
            "no wolf",
        ),
        (
            "import time; time.sleep(60)",
            {"limit_s": 0.3},
            "the script took more than 0 s. Raise max_runtime_s",
        ),
        (WRITES, {"channels": {"train": "s3://b/none/"}}, "there is no object under s3://b/none/. Stage the"),
    ],
    ids=["exit-code", "own-words", "limit", "no-data"],
)
def test_why_a_job_failed_is_said(
    script: str, changes: dict[str, Any], reason: str, make_job: MakeJob
) -> None:
    ended = make_job(script, **changes).run()
    assert ended["status"] == "Failed"
    assert ended["reason"].startswith(reason)
    assert ended["model_sha256"] == ""


def test_what_nobody_foresaw_is_said_too(make_job: MakeJob, monkeypatch: pytest.MonkeyPatch) -> None:
    def break_down(_: object) -> None:
        raise RuntimeError("a defect")

    monkeypatch.setattr(ec2_job.Job, "upload", break_down)
    assert make_job().run()["reason"] == "RuntimeError: a defect"


def test_an_upload_that_fails_fails_the_job(make_job: MakeJob, bucket: FakeBucket) -> None:
    bucket.failing = "model.tar.gz"
    ended = make_job().run()
    assert (ended["status"], ended["reason"]) == ("Failed", "cp failed (255): AccessDenied")


def test_checkpoints_that_cannot_be_kept_do_not_fail_the_job(make_job: MakeJob, bucket: FakeBucket) -> None:
    bucket.failing = "/checkpoints s3://"
    assert make_job().run()["status"] == "Completed"


def test_a_notice_ends_the_script_and_keeps_its_last_checkpoint(
    make_job: MakeJob, bucket: FakeBucket, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    script = """
import os, pathlib, signal, sys, time
folder = pathlib.Path(os.environ["SAGEMAKER_BASE_DIR"])
def keep(*_):
    (folder / "checkpoints" / "last").write_text("9")
    sys.exit(143)
signal.signal(signal.SIGTERM, keep)
(folder / "trains").touch()
time.sleep(60)
"""
    monkeypatch.setattr(ec2_job, "read_notice", (tmp_path / "ml" / "trains").exists)
    ended = make_job(script, is_spot=True).run()
    assert (ended["status"], ended["reason"]) == ("Interrupted", "AWS takes this Spot Instance away")
    assert bucket.path("s3://b/jobs/checkpoints/last").read_text() == "9"
    assert not bucket.path(f"s3://b/jobs/{NAME}/output/model.tar.gz").exists()


def test_nobody_looks_for_a_notice_on_demand(make_job: MakeJob, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[None] = []
    monkeypatch.setattr(ec2_job, "read_notice", lambda: bool(asked.append(None)))
    assert make_job().run()["status"] == "Completed"
    assert asked == []


def shard(bucket: FakeBucket, *, data: bytes, sha256: str) -> dict[str, str]:
    """Put a data set of one shard; return its channels."""
    manifest = {"splits": {"train": {"shards": [{"key": "train/shard-00000.tar", "sha256": sha256}]}}}
    bucket.put("s3://b/set/manifest.json", json.dumps(manifest).encode())
    if data:
        bucket.put("s3://b/set/train/shard-00000.tar", data)
    bucket.put("s3://b/set/train/other", b"")
    return {"train": "s3://b/set/train/", "manifest": "s3://b/set/manifest.json"}


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"images", ""),
        (b"others", "train/shard-00000.tar is not what was staged: its SHA-256 is another one"),
        (b"", "train/shard-00000.tar is missing. Stage the data set again"),
    ],
    ids=["same", "altered", "missing"],
)
def test_data_are_held_against_the_manifest(
    data: bytes, reason: str, make_job: MakeJob, bucket: FakeBucket
) -> None:
    channels = shard(bucket, data=data, sha256=hashlib.sha256(b"images").hexdigest())
    assert make_job(channels=channels).run()["reason"] == reason


def test_packages_that_the_code_names_are_installed_into_the_python_with_torch(
    make_job: MakeJob, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    commands: list[list[str]] = []
    monkeypatch.setattr(ec2_job, "command", lambda argv, limit_s: commands.append(list(argv)))
    (tmp_path / "code" / "requirements.txt").write_text("pillow==13.0.0\n")
    assert make_job().find_python() == sys.executable
    requirements = str(tmp_path / "code" / "requirements.txt")
    wanted = ["-m", "pip", "install", "--quiet", "--no-input", "-r", requirements]
    assert commands == [[sys.executable, "-c", ec2_job.HAS_TORCH], [sys.executable, *wanted]]


@pytest.mark.parametrize("has_python", [True, False], ids=["python-is-there", "python-is-installed"])
def test_without_torch_an_environment_with_it_is_made(
    has_python: bool, make_job: MakeJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands: list[list[str]] = []

    def run(argv: list[str], *, limit_s: float) -> str:
        commands.append(list(argv))
        is_looked_for = "-c" in argv
        is_there = has_python or any(words[0] == "dnf" for words in commands)
        if is_looked_for and (argv[2] == ec2_job.HAS_TORCH or not is_there or argv[0] != "python3.11"):
            raise ec2_tools.JobError("not here")
        return ""

    monkeypatch.setattr(ec2_job, "command", run)
    assert make_job().find_python() == "/opt/musher/venv/bin/python"
    done = [words for words in commands if "-c" not in words]
    assert done[-2:] == [
        ["python3.11", "-m", "venv", "/opt/musher/venv"],
        [
            *("/opt/musher/venv/bin/python", "-m", "pip", "install", "--quiet", "--no-input", "torch==1"),
            *("--index-url", "https://x"),
        ],
    ]
    assert (done[0][0] == "dnf") is not has_python


def test_an_image_without_python_is_named(make_job: MakeJob, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(argv: list[str], *, limit_s: float) -> str:
        if "-c" in argv:
            raise ec2_tools.JobError("not here")
        return ""

    monkeypatch.setattr(ec2_job, "command", run)
    assert make_job().run()["reason"].startswith("the image has no Python 3.11 or later with venv")


def test_the_last_word_is_said_once_more_where_it_fails(
    bucket: FakeBucket, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(ec2_job.time, "sleep", lambda _: setattr(bucket, "failing", ""))
    ec2_job.tell({"status": "Completed"}, uri="s3://b/ended.json")
    assert json.loads(bucket.path("s3://b/ended.json").read_text()) == {"status": "Completed"}
    assert (tmp_path / "told").exists()


def test_a_word_that_cannot_be_said_is_left_to_the_user_data(
    bucket: FakeBucket, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(ec2_job.time, "sleep", lambda _: None)
    bucket.failing = "ended.json"
    ec2_job.tell({"status": "Completed"}, uri="s3://b/ended.json")
    assert not (tmp_path / "told").exists()


class FakeLogs:
    """Take what the aws command sends to CloudWatch Logs."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.made: list[str] = []
        self.errors: dict[str, list[str]] = {}

    def __call__(self, *words: str, limit_s: float = 0, text: str = "") -> str:
        if waiting := self.errors.get(words[1]):
            raise ec2_tools.JobError(waiting.pop(0))
        if words[1] == "put-log-events":
            self.lines += [event["message"] for event in json.loads(text)]
        else:
            self.made.append(words[1])
        return ""


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> FakeLogs:
    """CloudWatch Logs."""
    made = FakeLogs()
    monkeypatch.setattr(ec2_tools, "aws", made)
    monkeypatch.setattr(ec2_tools, "SHIP_S", 0.05)
    return made


def ship(log: Path) -> ec2_tools.Shipper:
    """Begin to send a file."""
    return ec2_tools.Shipper({"log_group": "g"}, stream="s", log=str(log))


def wait_until(is_so: Callable[[], bool]) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + 10
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_lines_are_sent_while_they_are_written_and_the_last_at_the_end(
    sent: FakeLogs, tmp_path: Path
) -> None:
    log = tmp_path / "job.log"
    log.write_bytes(b"first\n\nhalf a li")
    shipper = ship(log)
    wait_until(lambda: len(sent.lines) == 2)
    with log.open("ab") as file:
        file.write(b"ne\nlast \xff")
    shipper.close()
    assert sent.lines == ["first", " ", "half a line", "last �"]
    assert sent.made == ["create-log-stream"]


def test_more_than_one_call_takes_is_sent_in_several(
    sent: FakeLogs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ec2_tools, "MAX_EVENTS", 2)
    monkeypatch.setattr(ec2_tools, "MAX_LINE", 5)
    log = tmp_path / "job.log"
    log.write_text("".join(f"line {number} is long\n" for number in range(5)))
    ship(log).close()
    assert sent.lines == ["line "] * 5


def test_a_missing_group_is_made_and_a_stream_that_is_there_is_used(sent: FakeLogs, tmp_path: Path) -> None:
    sent.errors["create-log-stream"] = [
        "... (ResourceNotFoundException) ...",
        "... (ResourceAlreadyExistsException) ...",
    ]
    (tmp_path / "job.log").write_text("line\n")
    ship(tmp_path / "job.log").close()
    assert (sent.lines, sent.made) == (["line"], ["create-log-group"])


def test_a_log_that_cannot_be_sent_harms_nothing_and_says_so_once(
    sent: FakeLogs, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    sent.errors["create-log-stream"] = ["AccessDenied"] * 1000
    (tmp_path / "job.log").write_text("line\n")
    shipper = ship(tmp_path / "job.log")
    time.sleep(0.2)
    shipper.close()
    assert [record.getMessage() for record in caplog.records] == ["the log is not sent: AccessDenied"]
    assert sent.lines == []


def test_a_command_is_bounded_and_its_error_is_told() -> None:
    assert ec2_tools.command([sys.executable, "-c", "print(input())"], limit_s=20, text="hello") == "hello\n"
    with pytest.raises(ec2_tools.JobError, match="took more than 0 s"):
        ec2_tools.command([sys.executable, "-c", "import time; time.sleep(9)"], limit_s=0.2)
    program = "import sys; sys.exit('An error\\n occurred')"
    with pytest.raises(ec2_tools.JobError, match=r"failed \(1\): An error occurred"):
        ec2_tools.command([sys.executable, "-c", program], limit_s=20)


@pytest.mark.parametrize("name", ["ec2_job.py", "ec2_tools.py"])
def test_the_python_of_amazon_linux_can_run_it(name: str) -> None:
    """Python 3.9 and nothing installed: no match, no keyword-only dataclasses, the standard library alone."""
    tree = ast.parse((CODE / name).read_text(), feature_version=(3, 9))
    imported = {
        (node.module if isinstance(node, ast.ImportFrom) else node.names[0].name) or ""
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
    }
    modules = {module.partition(".")[0] for module in imported} - {"ec2_tools", "__future__"}
    assert modules <= sys.stdlib_module_names
    assert "kw_only" not in (CODE / name).read_text()
