"""What an update keeps and changes, and the threads that an instance gets."""

import os
from datetime import UTC, datetime, timedelta
from typing import Any

THREADS = "import os\ndef model_fn(folder): return os.environ['OMP_NUM_THREADS']\n"
ECHO = "def predict_fn(data, model): return model\n"


def capture(percentage: int) -> dict[str, Any]:
    """Return a config's part that captures a share of the requests."""
    return {
        "DataCaptureConfig": {
            "InitialSamplingPercentage": percentage,
            "DestinationS3Uri": "s3://endpoint-tests/updates",
            "CaptureOptions": [{"CaptureMode": "Input"}],
        }
    }


def state(made: Any) -> tuple[int, float, float]:
    """Return an endpoint's instances, weight and share of captured requests."""
    found = made.wait("InService")
    (variant,) = found["ProductionVariants"]
    shared = found["DataCaptureConfig"]["CurrentSamplingPercentage"]
    return variant["CurrentInstanceCount"], variant["CurrentWeight"], shared


def test_an_update_retains_what_it_is_asked_to_retain(endpoint_maker: Any, localaws: Any) -> None:
    """RetainAllVariantProperties keeps count, weight and data capture, but for those that are excluded."""
    made = endpoint_maker("ep-retain", config=capture(10))
    made.wait("InService")
    sagemaker = localaws.client("sagemaker")
    variant = made.config_request["ProductionVariants"][0]
    for name, percentage in (("ep-retain-2", 20), ("ep-retain-3", 30), ("ep-retain-4", 40)):
        sagemaker.create_endpoint_config(
            EndpointConfigName=name,
            ProductionVariants=[variant | {"InitialVariantWeight": float(percentage)}],
            **capture(percentage),
        )
    change = [{"VariantName": "AllTraffic", "DesiredInstanceCount": 2, "DesiredWeight": 7.0}]
    sagemaker.update_endpoint_weights_and_capacities(
        EndpointName="ep-retain", DesiredWeightsAndCapacities=change
    )
    assert state(made) == (2, 7.0, 10)

    def update(number: int, *excluded: str, retain: bool) -> tuple[int, float, float]:
        sagemaker.update_endpoint(
            EndpointName="ep-retain",
            EndpointConfigName=f"ep-retain-{number}",
            RetainAllVariantProperties=retain,
            ExcludeRetainedVariantProperties=[{"VariantPropertyType": name} for name in excluded],
        )
        return state(made)

    assert update(2, retain=True) == (2, 7.0, 10)
    assert update(3, "DesiredWeight", "DataCaptureConfig", retain=True) == (2, 30.0, 30)
    assert update(4, retain=False) == (1, 40.0, 40)


def invocations(localaws: Any, endpoint: str, **dimensions: str) -> float:
    """Return how many requests a metric counts; 0 where there is no such metric."""
    named = {"EndpointName": endpoint, "VariantName": "AllTraffic", **dimensions}
    now = datetime.now(UTC)
    found = localaws.client("cloudwatch").get_metric_statistics(
        Namespace="AWS/SageMaker",
        MetricName="Invocations",
        Dimensions=[{"Name": name, "Value": value} for name, value in named.items()],
        StartTime=now - timedelta(hours=12),
        EndTime=now + timedelta(hours=12),
        Period=86_400,
        Statistics=["Sum"],
    )["Datapoints"]
    return sum(point["Sum"] for point in found)


def test_the_requests_of_each_configuration_s_fleet_are_counted(endpoint_maker: Any, localaws: Any) -> None:
    made = endpoint_maker("ep-metered")
    made.wait("InService")
    made.invoke_json(b"1", ContentType="application/json")
    new = made.another_config("ep-metered-2", environment={})
    localaws.client("sagemaker").update_endpoint(EndpointName="ep-metered", EndpointConfigName=new)
    made.wait("InService")
    for _ in range(2):
        made.invoke_json(b"1", ContentType="application/json")
    assert invocations(localaws, "ep-metered") == 3
    old = made.config_request["EndpointConfigName"]
    assert invocations(localaws, "ep-metered", EndpointConfigName=old) == 1
    assert invocations(localaws, "ep-metered", EndpointConfigName=new) == 2


def test_an_instance_computes_with_its_share_of_the_cores(make_endpoint: Any, start_server: Any) -> None:
    """A server of the test's own, in which nothing else runs. A model's Environment wins."""
    server, files = start_server(), {"code/inference.py": THREADS + ECHO}
    cores = len(os.sched_getaffinity(0))
    for name, environment, threads in (
        ("ep-alone", {}, str(cores)),
        ("ep-second", {}, str(max(1, cores // 2))),
        ("ep-own", {"OMP_NUM_THREADS": "7"}, "7"),
    ):
        made = make_endpoint(server, name, files=files, environment=environment)
        made.wait("InService")
        assert made.invoke_json(b"1", ContentType="application/json") == threads, name
