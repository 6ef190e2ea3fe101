"""The Amazon provider of Airflow against an endpoint, in a process of its own: Airflow keeps state."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

PROGRAM = """
import json, sys
from airflow.providers.amazon.aws.hooks.sagemaker import SageMakerHook
from airflow.providers.amazon.aws.operators.sagemaker import SageMakerEndpointOperator

config = json.loads(sys.argv[1])
operator = SageMakerEndpointOperator(task_id="deploy", config=config, check_interval=1, max_ingestion_time=60)
result = operator.execute({})
described = SageMakerHook(aws_conn_id="aws_default").describe_endpoint(config["Endpoint"]["EndpointName"])
print(json.dumps([described["EndpointStatus"], sorted(result)]))
# an endpoint that exists is updated instead, because of the words of the error
again = SageMakerEndpointOperator(
    task_id="again", config=config["Endpoint"], check_interval=1, max_ingestion_time=60
)
again.execute({})
print(json.dumps(again.operation))
"""


def test_endpoint_operator_deploys_and_updates(endpoint_maker: Any, localaws: Any, tmp_path: Path) -> None:
    """The operator creates model, config and endpoint, waits for InService, and updates what exists."""
    made = endpoint_maker("ep-airflow-0", is_deployed=False)
    config = {
        "Model": made.model_request | {"ModelName": "ep-airflow"},
        "EndpointConfig": {
            "EndpointConfigName": "ep-airflow",
            "ProductionVariants": [
                variant | {"ModelName": "ep-airflow"} for variant in made.config_request["ProductionVariants"]
            ],
        },
        "Endpoint": {"EndpointName": "ep-airflow", "EndpointConfigName": "ep-airflow"},
    }
    connection = {
        "conn_type": "aws",
        "login": "test",
        "password": "test",
        "extra": {"endpoint_url": localaws.url, "region_name": "us-east-1"},
    }
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "AIRFLOW_HOME": str(tmp_path),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW_CONN_AWS_DEFAULT": json.dumps(connection),
    }
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, json.dumps(config)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    answers = [json.loads(line) for line in done.stdout.splitlines() if line.startswith(("[", '"'))]
    assert answers[0][0] == "InService"
    assert answers[-1] == "update"
    assert made.named("ep-airflow").invoke_json(b"x")["body_bytes"] == 1
