"""SageMaker's Python SDK v2, as it is, in an environment of its own."""

import json
import shutil
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.archives import pack
from tests.sagemaker_role import ensure_role
from tests.sdk_programs import run_program

HERE = Path(__file__).parent
PROGRAM_S = 500
Run = Callable[[str], dict[str, Any]]
pytestmark = [pytest.mark.slow, pytest.mark.timeout(PROGRAM_S + 700)]


@pytest.fixture
def run(localaws: Any, install: Callable[[str], Path], variables: dict[str, str], tmp_path: Path) -> Run:
    """Return a function that runs one of the programs, with data and a model in a new bucket."""
    python = install("sdk_v2") / "bin" / "python"
    bucket = f"sdk-v2-{uuid.uuid4().hex[:10]}"
    s3 = localaws.client("s3")
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="data/data.csv", Body=b"a,b\n1,2\n")
    s3.put_object(Bucket=bucket, Key="model.tar.gz", Body=pack({"model.json": '{"rate": 0.3}'}))
    role = ensure_role(localaws.client("iam"), "sdk-v2-tests")
    shutil.copytree(HERE / "source", tmp_path / "source")
    shutil.copy(HERE / "programs" / "process.py", tmp_path)

    return lambda name: run_program(
        str(python), "sdk_v2.py", name, bucket, role, folder=tmp_path, variables=variables, limit_s=PROGRAM_S
    )


def test_an_estimator_fits_and_is_attached_to(run: Run) -> None:
    found = run("train")
    assert found["model"]
    assert found["loss"] == 0.5
    assert {"rate": "0.25", "epochs": "1"}.items() <= found["hyperparameters"].items()


def test_a_tuner_finds_the_best_estimator_and_is_attached_to(run: Run) -> None:
    found = run("tune")
    assert found["best"] == found["lowest"] == found["attached"]
    assert found["best"] in found["model"]
    assert found["instance"] == "ml.m5.large"


def test_a_model_is_deployed_captured_updated_and_deleted(run: Run) -> None:
    found = run("serve")
    assert found == {"answer": {"got": '{"x": 1}', "rate": 0.3}, "instances": 2, "captured": 1}


def test_an_asynchronous_predictor_waits_for_its_answers(run: Run) -> None:
    assert [answer["got"] for answer in run("serve_later")["answers"]] == ['{"x": 1}', '{"x": 2}']


def test_a_transformer_transforms_each_line(run: Run) -> None:
    found = run("transform")
    assert [json.loads(line)["got"] for line in found["output"].splitlines()] == ["a,b", "1,2"]
    assert found["attached"]


def test_a_script_processor_runs_a_script(run: Run) -> None:
    assert run("process") == {"output": "A,B\n1,2\n"}
