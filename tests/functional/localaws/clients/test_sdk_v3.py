"""SageMaker's Python SDK v3, as it is: the resources of sagemaker-core, and ModelBuilder."""

import json
import shutil
import sys
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.archives import pack
from tests.sagemaker_role import ensure_role
from tests.sdk_programs import run_program

HERE = Path(__file__).parent
PROGRAM_S = 400
ALLOW_ALL = json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
)
SERVED = {"got": "hello", "rate": 0.3}
Run = Callable[[str], dict[str, Any]]
pytestmark = [pytest.mark.slow, pytest.mark.timeout(PROGRAM_S + 60)]


@pytest.fixture
def run(localaws: Any, variables: dict[str, str], tmp_path: Path) -> Run:
    """Return a function that runs one of the programs, with data, code and a model in a new bucket."""
    bucket = f"sdk-v3-{uuid.uuid4().hex[:10]}"
    s3, iam = localaws.client("s3"), localaws.client("iam")
    s3.create_bucket(Bucket=bucket)
    weights, source = {"model.json": b'{"rate": 0.3}'}, HERE / "source"
    code = {"code/inference.py": (source / "inference.py").read_bytes()}
    for key, body in {
        "data/data.csv": b"a,b\n1,2\n",
        "code/process.py": (HERE / "programs" / "process.py").read_bytes(),
        "source.tar.gz": pack({"train.py": (source / "train.py").read_bytes()}),
        "model.tar.gz": pack(weights),
        "served.tar.gz": pack(weights | code),
    }.items():
        s3.put_object(Bucket=bucket, Key=key, Body=body)
    role = ensure_role(iam, "sdk-v3-tests")
    # ModelBuilder simulates what a role may do before it uses it.
    iam.put_role_policy(RoleName="sdk-v3-tests", PolicyName="all", PolicyDocument=ALLOW_ALL)
    shutil.copytree(source, tmp_path / "source")

    return lambda name: run_program(
        sys.executable,
        "sdk_v3.py",
        name,
        bucket,
        role,
        folder=tmp_path,
        variables=variables,
        limit_s=PROGRAM_S,
    )


@pytest.mark.parametrize(
    ("program", "expected"),
    [
        ("train", {"status": "Completed", "found": True, "left": 0}),
        ("tune", {"status": "Completed", "trials": 2, "best": True, "left": 0}),
        ("process", {"status": "Completed", "found": True, "output": "A,B\n1,2\n"}),
        ("register", {"approved": "Approved", "found": 1}),
        ("build", {"model": True, "answer": SERVED}),
    ],
)
def test_a_resource_lives_from_create_to_delete(run: Run, program: str, expected: dict[str, Any]) -> None:
    assert run(program) == expected


def test_an_endpoint_answers_is_rescaled_and_goes(run: Run) -> None:
    found = run("serve")
    assert found["answer"] == SERVED
    assert found["count"] == 2
    assert found["found"]
    assert [json.loads(line)["got"] for line in found["transformed"].splitlines()] == ["a,b", "1,2"]
    assert found["left"] == 0
