"""Airflow's Amazon provider against processing jobs."""

from pathlib import Path
from typing import Any

import pytest

from tests.airflow_hook import run_with_airflow
from tests.namespaces import has_namespaces

pytestmark = pytest.mark.skipif(not has_namespaces(), reason="scripts name /opt/ml")

PROGRAM = """
import json, sys
from airflow.providers.amazon.aws.operators.sagemaker import SageMakerProcessingOperator

good, bad = json.loads(sys.stdin.read())
make = lambda config: SageMakerProcessingOperator(
    task_id="process", config=config, print_log=False, check_interval=1, action_if_job_exists="fail"
)
done = make(good).execute({})["Processing"]
try:
    make(bad).execute({})
except Exception as error:
    print(json.dumps([done["ProcessingJobStatus"], done["ExitMessage"], str(error)]))
"""


def test_the_operator_waits_for_a_job_and_fails_with_it(
    processing: Any, localaws: Any, tmp_path: Path
) -> None:
    good = processing.request("open('/opt/ml/output/message', 'w').write('done')")
    bad = processing.request("raise SystemExit(4)")
    given = [good, bad]
    status, message, error = run_with_airflow(PROGRAM, given=given, url=localaws.url, folder=tmp_path)
    assert (status, message) == ("Completed", "done")
    assert "exit code: 4" in error
