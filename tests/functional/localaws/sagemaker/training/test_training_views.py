"""What a host sees: an /opt/ml and an /etc/hosts of its own where Linux allows it, and a refusal elsewhere.

Where this machine has no mount namespaces, the tests of the first kind check the refusal instead.
"""

import json
import sys
import uuid
from pathlib import Path
from typing import Any

import pytest

from localaws.wire.compiler import find_compiler
from localaws.wire.wording import Violation

SEEN = """
import json, os, socket
from pathlib import Path
own = Path("/opt/ml/model", os.environ["SM_CURRENT_HOST"])
own.write_text("mine")
print(json.dumps({
    "cwd": os.getcwd(),
    "folders": sorted(path.name for path in Path("/opt/ml").iterdir()),
    "models": [path.name for path in own.parent.iterdir()],
    "opt": sorted(path.name for path in Path("/opt").iterdir()),
    "master": socket.gethostbyname(os.environ["MASTER_ADDR"]),
    "hosts": [socket.gethostbyname(host) for host in json.loads(os.environ["SM_HOSTS"])],
    "channel": Path(os.environ["SM_CHANNEL_TRAIN"], "a.txt").read_text(),
    "localhost": socket.gethostbyname("localhost"),
}))
"""
SM_TRAIN = """#!/bin/bash
set -e
trap 'echo "it failed" >> /opt/ml/output/failure' ERR
SM_PYTHON_CMD=$(command -v python3)
command -v pip3 >/dev/null
$SM_PYTHON_CMD /opt/ml/input/data/sm_drivers/scripts/environment.py
source /opt/ml/input/sm_training.env
cd /opt/ml/input/data/code
$SM_PYTHON_CMD $SM_ENTRY_SCRIPT --epochs $SM_HP_EPOCHS
"""
ENVIRONMENT = """
import json
config = json.load(open("/opt/ml/input/config/resourceconfig.json"))
values = json.load(open("/opt/ml/input/config/hyperparameters.json"))
with open("/opt/ml/input/sm_training.env", "w") as file:
    file.write(f"export SM_ENTRY_SCRIPT=main.py SM_HP_EPOCHS={values['epochs']}\\n")
    file.write(f"export SM_CURRENT_HOST={config['current_host']}\\n")
"""
MAIN = """
import os, sys
print(os.environ["SM_CURRENT_HOST"], *sys.argv[1:])
open("/opt/ml/model/" + os.environ["SM_CURRENT_HOST"], "w").close()
"""
COMMAND = "chmod +x /opt/ml/input/data/sm_drivers/sm_train.sh && /opt/ml/input/data/sm_drivers/sm_train.sh"


def mounts() -> str:
    """Return the mounts of this process."""
    return Path("/proc/self/mountinfo").read_text()


def entrypoint_job(jobs: Any, **more: Any) -> dict[str, Any]:
    """Run a job in the form of the SageMaker SDK's ModelTrainer, made by hand; return its description."""
    code = jobs.put("trainer/code/", {"main.py": MAIN})
    scripts = {"sm_train.sh": SM_TRAIN, "scripts/environment.py": ENVIRONMENT}
    drivers = jobs.put("trainer/sm_drivers/", scripts)
    channels = [jobs.channel("code", code), jobs.channel("sm_drivers", drivers)]
    request = jobs.request(channels=channels, **more)
    request["HyperParameters"] = {"epochs": "3"}
    request["AlgorithmSpecification"] |= {
        "ContainerEntrypoint": ["/bin/bash"],
        "ContainerArguments": ["-c", COMMAND],
    }
    jobs.sagemaker.create_training_job(**request)
    return dict(jobs.wait(request["TrainingJobName"]))


def test_each_host_has_its_own_opt_ml_and_the_hosts_find_each_other(jobs: Any) -> None:
    before = mounts(), sorted(Path("/opt").iterdir()), Path("/etc/hosts").read_text()
    channel = jobs.channel("train", jobs.put("views/", {"a.txt": "a"}))
    name = jobs.create(SEEN, hosts=2, channels=[channel])
    description = jobs.wait(name)
    if not jobs.has_views:
        assert "No such file or directory: '/opt/ml/model/" in description["FailureReason"]
        return
    assert description["TrainingJobStatus"] == "Completed", description
    for host in ("algo-1", "algo-2"):
        seen = json.loads(jobs.lines(name, host)[0])
        assert seen["models"] == [host]
        assert seen["cwd"] == "/opt/ml/code"
        assert seen["folders"] == ["code", "input", "model", "output"]
        assert seen["channel"] == "a"
        assert [seen["master"], seen["localhost"], *seen["hosts"]] == ["127.0.0.1"] * 4
        assert set(seen["opt"]) == {path.name for path in Path("/opt").iterdir()} | {"ml"}
    assert jobs.artifact(name, "model.tar.gz") == {"algo-1": "mine", "algo-2": "mine"}
    assert before == (mounts(), sorted(Path("/opt").iterdir()), Path("/etc/hosts").read_text())


def test_a_job_in_the_form_of_the_sdk_runs(jobs: Any) -> None:
    description = entrypoint_job(jobs, hosts=2)
    name = description["TrainingJobName"]
    if not jobs.has_views:
        assert "namespace" in description["FailureReason"]
        return
    assert description["TrainingJobStatus"] == "Completed", description
    assert jobs.lines(name, "algo-2") == ["algo-2 --epochs 3"]
    assert set(jobs.artifact(name, "model.tar.gz")) == {"algo-1", "algo-2"}


def test_a_job_cannot_change_the_environment_that_all_share(jobs: Any) -> None:
    mark = Path(sys.prefix, f"mark-{uuid.uuid4().hex}")
    description = jobs.run(f"open({str(mark)!r}, 'w')")
    is_left = mark.exists()
    mark.unlink(missing_ok=True)
    if jobs.has_views:
        assert "Read-only file system" in description["FailureReason"]
        assert not is_left


@pytest.fixture(scope="module")
def plain_jobs(serve_jobs: Any) -> Any:
    """Yield jobs of a localaws that can make no PID namespace."""
    limit = 'echo 0 > /proc/sys/user/max_pid_namespaces; exec "$@"'
    launcher = ["unshare", "--user", "--map-root-user", "sh", "-c", limit, "sh"]
    with serve_jobs(launcher=launcher) as (jobs, _):
        yield jobs


def test_without_namespaces_a_job_that_needs_them_is_refused_with_the_reason(plain_jobs: Any) -> None:
    description = entrypoint_job(plain_jobs)
    assert description["TrainingJobStatus"] == "Failed"
    reason = description["FailureReason"]
    assert reason.startswith("AlgorithmError: the ContainerEntrypoint needs /opt/ml ('chmod +x /opt/ml/")
    assert "unshare: No space left on device" in reason
    assert "user namespaces" in reason


def test_without_namespaces_script_mode_goes_on_with_folders_elsewhere(plain_jobs: Any) -> None:
    script = """
import os
from pathlib import Path
print(os.environ["MASTER_ADDR"], os.environ["SM_MODEL_DIR"] == os.environ["SAGEMAKER_BASE_DIR"] + "/model")
Path(os.environ["SM_MODEL_DIR"], "weights").write_text(os.environ["SM_CURRENT_HOST"])
"""
    name = plain_jobs.create(script, hosts=2)
    assert plain_jobs.wait(name)["TrainingJobStatus"] == "Completed"
    assert plain_jobs.lines(name, "algo-2") == ["127.0.0.1 True"]
    assert set(plain_jobs.artifact(name, "model.tar.gz")) == {"weights"}


def test_a_described_job_has_the_form_of_aws(jobs: Any) -> None:
    """The SDK's attach() and best_estimator() read the output's key, empty where none was asked for."""
    name = jobs.create("import os\nopen(os.environ['SM_MODEL_DIR'] + '/model', 'w').close()\n")
    answer = jobs.wait(name)
    assert answer["OutputDataConfig"]["KmsKeyId"] == ""
    compiler = find_compiler("sagemaker")
    assert compiler is not None
    sent = json.loads(json.dumps({**answer, "ResponseMetadata": None}, default=lambda when: when.timestamp()))
    found: list[Violation] = []
    compiler.check_for_answer("DescribeTrainingJob")(sent, "", found)
    assert list(map(str, found)) == []
    assert {name for name, value in answer.items() if value in ({}, [], None)} <= {"HyperParameters"}
