"""The Amazon provider of Airflow against an endpoint."""

from pathlib import Path
from typing import Any

from tests.airflow_hook import run_with_airflow

PROGRAM = """
import json, sys
from airflow.providers.amazon.aws.hooks.sagemaker import SageMakerHook
from airflow.providers.amazon.aws.operators.sagemaker import SageMakerEndpointOperator

config = json.loads(sys.stdin.read())
operator = SageMakerEndpointOperator(task_id="deploy", config=config, check_interval=1, max_ingestion_time=60)
operator.execute({})
described = SageMakerHook(aws_conn_id="aws_default").describe_endpoint(config["Endpoint"]["EndpointName"])
# an endpoint that exists is updated instead, because of the words of the error
again = SageMakerEndpointOperator(
    task_id="again", config=config["Endpoint"], check_interval=1, max_ingestion_time=60
)
again.execute({})
print(json.dumps([described["EndpointStatus"], again.operation]))
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
    answer = run_with_airflow(PROGRAM, given=config, url=localaws.url, folder=tmp_path)
    assert answer == ["InService", "update"]
    assert made.named("ep-airflow").invoke_json(b"x")["body_bytes"] == 1
