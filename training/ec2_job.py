"""Do a training job on an EC2 instance as SageMaker would: fetch, train, keep checkpoints, upload, tell.

    python3 ec2_job.py order.json JOB_NAME

The order is what `musher/payloads/ec2.py` writes. The instance's own Python runs this (3.9 on Amazon Linux
2023): standard library and the aws command only. The training itself runs on a Python that has torch, or
gets it.

All that the job says goes to CloudWatch Logs, line by line. Last, `ended.json` says how it ended, beside
model.tar.gz and output.tar.gz: Completed, Failed with the reason, or Interrupted, where a Spot Instance is
taken away. The checkpoints then lie in S3, for the next instance.
"""

from __future__ import annotations

import json
import logging
import os
import shlex
import signal
import subprocess
import sys
import tarfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from ec2_tools import CALL_S, JobError, Shipper, aws, command, copy, sha256

logger = logging.getLogger("ec2_job")

CODE = Path(__file__).resolve().parent
BASE = Path("/opt/ml")
METADATA = os.environ.get("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://169.254.169.254/")

PYTHONS = ("/opt/pytorch/bin/python", "python3", "python3.13", "python3.12", "python3.11")
"""Where torch may be: the Deep Learning AMIs' own first."""
HAS_TORCH = """
import importlib.util, sys
sys.exit(not (sys.version_info >= (3, 11) and all(map(importlib.util.find_spec, ("torch", "torchvision")))))
"""
NEW_PYTHONS = ("python3.13", "python3.12", "python3.11")
VENV = Path("/opt/musher/venv")

FETCH_S, UPLOAD_S, INSTALL_S = 1800.0, 900.0, 1800.0
"""How long a download, an upload and an installation may take."""
SYNC_S, NOTICE_S = 60.0, 5.0
"""Seconds between two looks at new checkpoints, and for a notice that the instance is taken away."""
STOP_S = 75.0
"""Of the two minutes after that notice: what the script has for its last checkpoint."""
MAX_REASON = 1024
STOPPED = 143


class Interrupted(Exception):  # noqa: N818  # no error of the job's
    """Say that the instance is taken away."""


def main(arguments: Sequence[str]) -> int:
    """Do the job; return the exit code."""
    order = json.loads(Path(arguments[0]).read_text())
    job = Job(order, name=arguments[1])
    shipper = Shipper(order, stream=f"{job.name}/instance", log=os.environ["MUSHER_JOB_LOG"])
    signal.signal(signal.SIGTERM, job.be_terminated)
    ending = job.run()
    logger.info("%s: %s %s", job.name, ending["status"], ending["reason"])
    shipper.close()
    tell(ending, uri=f"{job.output_uri}/ended.json")
    return 0 if ending["status"] == "Completed" else 1


class Job:
    """One job: its order, its folders, and the seconds of its steps."""

    def __init__(self, order: Mapping[str, Any], *, name: str) -> None:
        self.order, self.name = order, name
        self.output_uri = f"{order['output_uri']}/{name}/output"
        self.began = time.monotonic()
        self.seconds: dict[str, float] = {}
        self.is_taken_away = threading.Event()
        self._script: subprocess.Popen[bytes] | None = None
        self.model_sha256 = ""

    def run(self) -> dict[str, Any]:
        """Go through all steps; return how that ended."""
        threading.Thread(target=self._watch_for_notice, daemon=True).start()
        try:
            channels = self._step("fetch", self.fetch)
            python = self._step("install", self.find_python)
            self._step("train", lambda: self.train(python, channels))
            self._step("upload", self.upload)
        except Interrupted:
            self.keep_checkpoints()
            return self.end("Interrupted", "AWS takes this Spot Instance away")
        except JobError as error:
            return self.end("Failed", str(error))
        except Exception as error:  # noqa: BLE001  # the process boundary: every reason must reach whoever waits
            return self.end("Failed", f"{type(error).__name__}: {error}")
        return self.end("Completed", "")

    def _step(self, what: str, do: Any) -> Any:
        began = time.monotonic()
        logger.info("%s: %s", self.name, what)
        try:
            if self.is_taken_away.is_set():
                raise Interrupted
            return do()
        finally:
            self.seconds[what] = round(time.monotonic() - began, 3)

    def end(self, status: str, reason: str) -> dict[str, Any]:
        """Return what ended.json says."""
        self.seconds["total"] = round(time.monotonic() - self.began, 3)
        return {
            "job_name": self.name,
            "status": status,
            "reason": reason[:MAX_REASON],
            "seconds": self.seconds,
            "model_sha256": self.model_sha256,
            **self.order["told"],
        }

    def fetch(self) -> dict[str, Path]:
        """Bring all channels and earlier checkpoints; return the channels' folders."""
        for folder in ("input/data", "model", "output/data", "checkpoints"):
            (BASE / folder).mkdir(parents=True, exist_ok=True)
        channels = {}
        for name, uri in sorted(self.order["channels"].items()):
            channels[name] = BASE / "input" / "data" / name
            fetch_channel(uri, channels[name])
        if "manifest" in channels:
            check_shards(channels)
        copy(self.order["checkpoints_uri"] + "/", str(BASE / "checkpoints"), limit_s=FETCH_S, is_folder=True)
        return channels

    def find_python(self) -> str:
        """Return a Python with torch and what requirements.txt names; what is missing is installed."""
        python = next((found for found in PYTHONS if can(found, HAS_TORCH)), None) or install_torch(
            self.order["torch"]
        )
        requirements = CODE / "requirements.txt"
        if requirements.is_file():
            pip(python, "-r", str(requirements))
        return python

    def train(self, python: str, channels: Mapping[str, Path]) -> None:
        """Run the script within its limit, as SageMaker's script mode does."""
        options = [
            word for name, value in sorted(self.order["options"].items()) for word in (f"--{name}", value)
        ]
        argv = [python, self.order["program"], *options]
        logger.info("%s", shlex.join(argv))
        limit_s = float(self.order["limit_s"])
        self._script = subprocess.Popen(
            argv, cwd=CODE, env=script_environment(channels), start_new_session=True
        )
        threading.Thread(target=self._keep_syncing, daemon=True).start()
        try:
            code = self._script.wait(timeout=limit_s)
        except subprocess.TimeoutExpired:
            self.stop_script()
            raise JobError(f"the script took more than {limit_s:.0f} s. Raise max_runtime_s") from None
        if self.is_taken_away.is_set():
            raise Interrupted
        self.keep_checkpoints()
        if code:
            raise JobError(read_failure() or f"{self.order['program']} ended with exit code {code}")

    def upload(self) -> None:
        """Upload what the script has left, the model last."""
        for folder, name in (("output/data", "output.tar.gz"), ("model", "model.tar.gz")):
            archive = BASE / name
            with tarfile.open(archive, "w:gz", compresslevel=1) as tar:
                for path in sorted((BASE / folder).iterdir()):
                    tar.add(path, arcname=path.name)
            copy(str(archive), f"{self.output_uri}/{name}", limit_s=UPLOAD_S)
        self.model_sha256 = sha256(BASE / "model.tar.gz")

    def keep_checkpoints(self) -> None:
        """Upload new checkpoints; where that fails, the next attempt begins earlier."""
        folder = BASE / "checkpoints"
        if not any(folder.iterdir()):
            return
        try:
            aws("s3", "sync", str(folder), self.order["checkpoints_uri"] + "/", limit_s=STOP_S)
        except JobError as error:
            logger.warning("checkpoints were not kept: %s", error)

    def _keep_syncing(self) -> None:
        script = self._script
        while True:
            time.sleep(SYNC_S)
            if script is None or script.poll() is not None:
                return
            self.keep_checkpoints()

    def _watch_for_notice(self) -> None:
        """Look for the notice that EC2 gives a Spot Instance two minutes before its end."""
        while self.order["is_spot"] and not self.is_taken_away.is_set():
            time.sleep(NOTICE_S)
            if read_notice():
                logger.warning("%s: AWS takes this instance away: the last checkpoint is written", self.name)
                self.is_taken_away.set()
                self.stop_script()

    def stop_script(self) -> None:
        """Ask the script to end, which then writes a checkpoint; end it where it does not."""
        script = self._script
        if script is None or script.poll() is not None:
            return
        os.killpg(script.pid, signal.SIGTERM)
        try:
            script.wait(timeout=STOP_S)
        except subprocess.TimeoutExpired:
            os.killpg(script.pid, signal.SIGKILL)

    def be_terminated(self, *_: object) -> NoReturn:
        """End at once: the instance shuts down, and EC2 says why."""
        if self._script is not None and self._script.poll() is None:
            os.killpg(self._script.pid, signal.SIGTERM)
        Path(os.environ["MUSHER_JOB_TOLD"]).touch()
        os._exit(STOPPED)


def fetch_channel(uri: str, folder: Path) -> None:
    """Bring a channel's object, or all below an address that ends with a slash."""
    folder.mkdir(parents=True, exist_ok=True)
    is_folder = uri.endswith("/")
    target = str(folder) if is_folder else str(folder / uri.rsplit("/", 1)[-1])
    copy(uri, target, limit_s=FETCH_S, is_folder=is_folder)
    if not any(folder.iterdir()):
        raise JobError(f"there is no object under {uri}. Stage the data set again")


def check_shards(channels: Mapping[str, Path]) -> None:
    """Hold what came of each split against the manifest's SHA-256; JobError names the first that differs."""
    manifest = json.loads((channels["manifest"] / "manifest.json").read_text())
    for split, described in manifest["splits"].items():
        for shard in described["shards"] if split in channels else ():
            path = channels[split] / Path(shard["key"]).name
            if not path.is_file():
                raise JobError(f"{shard['key']} is missing. Stage the data set again")
            if sha256(path) != shard["sha256"]:
                raise JobError(f"{shard['key']} is not what was staged: its SHA-256 is another one")


def can(python: str, program: str) -> bool:
    """Return whether a Python is there and runs a program to its end."""
    try:
        command([python, "-c", program], limit_s=CALL_S)
    except (JobError, OSError):
        return False
    return True


def install_torch(wanted: Mapping[str, Any]) -> str:
    """Make a Python with torch, from what the image has or its own packages; return its path."""
    if not any(can(found, "import venv, ensurepip") for found in NEW_PYTHONS):
        logger.info("the image has no Python 3.11 or later: installing one")
        command(["dnf", "install", "-y", "-q", "python3.11", "python3.11-pip"], limit_s=INSTALL_S)
    base = next((found for found in NEW_PYTHONS if can(found, "import venv, ensurepip")), None)
    if base is None:
        raise JobError(
            "the image has no Python 3.11 or later with venv, and dnf brought none. Choose another"
        )
    command([base, "-m", "venv", str(VENV)], limit_s=INSTALL_S)
    python = str(VENV / "bin" / "python")
    pip(python, *wanted["packages"], *wanted["pip_options"])
    return python


def pip(python: str, *words: str) -> None:
    """Install packages."""
    command([python, "-m", "pip", "install", "--quiet", "--no-input", *words], limit_s=INSTALL_S)


def script_environment(channels: Mapping[str, Path]) -> dict[str, str]:
    """Return the environment of the script, with the variables of SageMaker's containers that it reads."""
    host = "algo-1"
    return {
        **os.environ,
        "PYTHONUNBUFFERED": "1",
        "SAGEMAKER_BASE_DIR": str(BASE),
        "SM_MODEL_DIR": str(BASE / "model"),
        "SM_OUTPUT_DIR": str(BASE / "output"),
        "SM_OUTPUT_DATA_DIR": str(BASE / "output" / "data"),
        "SM_HOSTS": json.dumps([host]),
        "SM_CURRENT_HOST": host,
        "SM_CHANNELS": json.dumps(sorted(channels)),
        **{f"SM_CHANNEL_{name.upper()}": str(folder) for name, folder in channels.items()},
    }


def read_failure() -> str:
    """Return the reason that the script has left; empty where it left none."""
    path = BASE / "output" / "failure"
    return " ".join(path.read_text(errors="replace").split()) if path.is_file() else ""


def read_notice() -> bool:
    """Return whether the metadata say that the instance is about to be taken away."""
    try:
        token = ask("latest/api/token", method="PUT", **{"X-aws-ec2-metadata-token-ttl-seconds": "60"})
        return bool(ask("latest/meta-data/spot/instance-action", **{"X-aws-ec2-metadata-token": token}))
    except (urllib.error.URLError, OSError, ValueError):  # 404 as long as there is no notice
        return False


def ask(path: str, *, method: str = "GET", **headers: str) -> str:
    """Return what the instance's metadata say."""
    url = f"{METADATA.rstrip('/')}/{path}"
    request = urllib.request.Request(url, method=method, headers=headers)  # noqa: S310  # http, see METADATA
    with urllib.request.urlopen(request, timeout=2.0) as answer:  # noqa: S310
        return str(answer.read().decode())


def tell(ending: Mapping[str, Any], *, uri: str) -> None:
    """Write how the job ended, once; user data that find no mark of it write a word of their own."""
    for pause_s in (0.0, 2.0, 10.0):
        time.sleep(pause_s)
        try:
            aws("s3", "cp", "--only-show-errors", "-", uri, text=json.dumps(ending))
        except JobError as error:
            logger.warning("%s: %s", uri, error)
        else:
            Path(os.environ["MUSHER_JOB_TOLD"]).write_text(uri)  # not empty, unlike the mark of a shutdown
            return


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
    sys.exit(main(sys.argv[1:]))
