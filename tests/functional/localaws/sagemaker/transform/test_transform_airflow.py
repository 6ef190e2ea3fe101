"""Airflow's Amazon provider against transform jobs."""

from pathlib import Path
from typing import Any

from tests.airflow_hook import run_with_airflow

PROGRAM = """
import json, sys
from airflow.providers.amazon.aws.operators.sagemaker import SageMakerTransformOperator

operator = SageMakerTransformOperator(
    task_id="transform", config=json.loads(sys.stdin.read()), check_interval=1, action_if_job_exists="fail"
)
print(json.dumps(operator.execute({})["Transform"]["TransformJobStatus"]))
"""


def test_the_operator_waits_for_a_job(transforms: Any, localaws: Any, tmp_path: Path) -> None:
    transforms.put({"a.csv": b"one\ntwo\n"})
    request = transforms.request(source={"SplitType": "Line"}, output={"AssembleWith": "Line"})
    status = run_with_airflow(PROGRAM, given=request, url=localaws.url, folder=tmp_path)
    assert status == "Completed"
    assert transforms.outputs() == {"a.csv.out": b"ONE\nTWO\n"}
