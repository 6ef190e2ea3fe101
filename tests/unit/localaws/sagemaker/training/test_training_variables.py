"""The files and variables of one host."""

import json
from pathlib import Path

from localaws.sagemaker.training.container import Folders, resource_config, write_config
from localaws.sagemaker.training.spec import Channel, TrainingSpec
from localaws.sagemaker.training.variables import Machine, Master, container_variables, toolkit_variables

SPEC = TrainingSpec(
    name="job",
    arn="arn:aws:sagemaker:us-east-1:123456789012:training-job/job",
    account_id="123456789012",
    region="us-east-1",
    role_arn="arn:aws:iam::123456789012:role/r",
    output_path="s3://bucket/jobs",
    hyperparameters={
        "sagemaker_program": '"train.py"',
        "sagemaker_submit_directory": "s3://b/s.tar.gz",
        "lr": "1",
    },
    environment={"MASTER_PORT": "1", "MINE": "yes"},
    channels=(
        Channel(name="train", uri="s3://b/t", content_type="application/x-tar"),
        Channel(name="valid", uri="s3://b/v"),
    ),
    instance_count=2,
)
FOLDERS = Folders(base=Path("/base/algo-2"))
MACHINE = Machine(cpus=4, gpus=1)


def test_the_toolkits_variables_describe_the_job() -> None:
    variables = toolkit_variables(SPEC, host="algo-2", folders=FOLDERS, machine=MACHINE)
    assert json.loads(variables["SM_CHANNELS"]) == ["train", "valid"]
    assert variables["SM_CHANNEL_VALID"] == "/base/algo-2/input/data/valid"
    assert variables["SM_HP_LR"] == "1"
    assert variables["SM_MODULE_DIR"] == "s3://b/s.tar.gz"
    assert variables["SM_USER_ENTRY_POINT"] == "train.py"
    assert variables["SM_NUM_CPUS"] == "4"
    assert variables["SM_NUM_GPUS"] == "0"
    described = json.loads(variables["SM_TRAINING_ENV"])
    assert described["is_master"] is False
    assert described["hyperparameters"] == {"lr": 1}
    assert all(name.startswith("SM_") for name in variables)


def test_the_toolkits_variables_name_the_groups_of_instances() -> None:
    variables = toolkit_variables(SPEC, host="algo-2", folders=FOLDERS, machine=MACHINE)
    group = {
        "instance_group_name": "homogeneousCluster",
        "instance_type": "ml.m5.large",
        "hosts": ["algo-1", "algo-2"],
    }
    assert variables["SM_CURRENT_INSTANCE_TYPE"] == "ml.m5.large"
    assert variables["SM_CURRENT_INSTANCE_GROUP"] == "homogeneousCluster"
    assert json.loads(variables["SM_CURRENT_INSTANCE_GROUP_HOSTS"]) == ["algo-1", "algo-2"]
    assert json.loads(variables["SM_INSTANCE_GROUPS"]) == ["homogeneousCluster"]
    assert json.loads(variables["SM_INSTANCE_GROUPS_DICT"]) == {"homogeneousCluster": group}
    assert json.loads(variables["SM_DISTRIBUTION_INSTANCE_GROUPS"]) == []
    assert variables["SM_IS_HETERO"] == "false"


def test_a_gpu_is_seen_by_gpu_instances_only() -> None:
    spec = TrainingSpec(**{**vars(SPEC), "instance_type": "ml.g5.xlarge"})
    assert toolkit_variables(spec, host="algo-1", folders=FOLDERS, machine=MACHINE)["SM_NUM_GPUS"] == "1"


def test_the_jobs_own_environment_wins() -> None:
    variables = container_variables(
        SPEC, host="algo-2", folders=FOLDERS, master=Master(address="algo-1", port=20_001)
    )
    assert variables["MINE"] == "yes"
    assert variables["MASTER_PORT"] == "1"
    assert variables["MASTER_ADDR"] == "algo-1"
    assert variables["TRAINING_JOB_NAME"] == "job"


def test_the_three_files_follow_the_container_contract(tmp_path: Path) -> None:
    folders = Folders(base=tmp_path)
    folders.make(SPEC)
    write_config(folders, SPEC, host="algo-1")
    files = {path.name: json.loads(path.read_text()) for path in folders.config.iterdir()}
    assert files["hyperparameters.json"] == dict(SPEC.hyperparameters)
    assert files["inputdataconfig.json"]["train"] == {
        "TrainingInputMode": "File",
        "S3DistributionType": "FullyReplicated",
        "RecordWrapperType": "None",
        "ContentType": "application/x-tar",
    }
    assert files["resourceconfig.json"] == resource_config(SPEC, host="algo-1")
    assert files["resourceconfig.json"]["hosts"] == ["algo-1", "algo-2"]


def test_paths_of_a_container_are_found_below_the_base() -> None:
    assert FOLDERS.locate("/opt/ml/input/data/code") == Path("/base/algo-2/input/data/code")
    assert FOLDERS.locate("/opt/ml/../etc") is None
    assert FOLDERS.locate("/etc/passwd") is None
