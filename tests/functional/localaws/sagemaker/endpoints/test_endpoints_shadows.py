"""A shadow variant gets a copy of the requests; its answers are counted, captured, and not returned."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

WAIT_S = 60.0


def shadowed(made: Any, *, weight: float, model: str) -> dict[str, Any]:
    """Return a config's part with a shadow variant that serves another model."""
    variant = made.config_request["ProductionVariants"][0]
    shadow = {"VariantName": "shadow", "ModelName": model, "InitialVariantWeight": weight}
    return {
        "ProductionVariants": [variant],
        "ShadowProductionVariants": [variant | shadow],
        "DataCaptureConfig": {
            "InitialSamplingPercentage": 100,
            "DestinationS3Uri": "s3://endpoint-tests/shadows",
            "CaptureOptions": [{"CaptureMode": "Output"}],
        },
    }


def eventually(check: Callable[[], bool]) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + WAIT_S
    while not check():
        assert time.monotonic() < deadline, "it did not become so"
        time.sleep(0.05)


def invocations(aws: Any, variant: str) -> float:
    """Return how many requests CloudWatch has counted."""
    return counted(aws, "ep-shadow", variant, "Invocations")


def counted(aws: Any, endpoint: str, variant: str, metric: str, statistic: str = "Sum") -> float:
    """Return a metric of a variant over all time."""
    now = datetime.now(UTC)
    found = aws.client("cloudwatch").get_metric_statistics(
        Namespace="AWS/SageMaker",
        MetricName=metric,
        Dimensions=[
            {"Name": "EndpointName", "Value": endpoint},
            {"Name": "VariantName", "Value": variant},
        ],
        StartTime=now - timedelta(days=1),
        EndTime=now + timedelta(days=1),
        Period=86400,
        Statistics=[statistic],
    )
    return float(sum(point[statistic] for point in found["Datapoints"]))


def test_requests_are_mirrored_and_the_answers_are_those_of_production(
    fast_endpoint_maker: Any, fast_localaws: Any
) -> None:
    made = fast_endpoint_maker("ep-shadow", environment={"GREETING": "production"}, is_deployed=False)
    made.another_config("ep-shadow-model", environment={"GREETING": "shadow"})
    made.sagemaker.create_endpoint_config(
        EndpointConfigName="ep-shadow-2", **shadowed(made, weight=1.0, model="ep-shadow-model")
    )
    found = made.sagemaker.describe_endpoint_config(EndpointConfigName="ep-shadow-2")
    assert found["ShadowProductionVariants"][0]["VariantName"] == "shadow"
    made.sagemaker.create_endpoint(EndpointName="ep-shadow", EndpointConfigName="ep-shadow-2")
    found = made.wait("InService")
    (shadow,) = found["ShadowProductionVariants"]
    assert (shadow["VariantName"], shadow["CurrentInstanceCount"]) == ("shadow", 1)
    answers = [made.invoke(b"x") for _ in range(10)]
    assert {answer["InvokedProductionVariant"] for answer in answers} == {"AllTraffic"}
    assert all(b"production" in answer["Body"].read() for answer in answers)
    eventually(lambda: invocations(fast_localaws, "shadow") == 10)
    assert invocations(fast_localaws, "AllTraffic") == 10
    eventually(lambda: len(captured(fast_localaws)) == 10)
    with pytest.raises(ClientError, match="Variant shadow of endpoint ep-shadow"):
        made.invoke(b"x", TargetVariant="shadow")


def test_errors_and_latency_are_counted_for_the_variant_that_made_them(
    fast_endpoint_maker: Any, fast_localaws: Any
) -> None:
    """By them somebody tells a bad shadow from the variant beside it."""
    name = "ep-bad-shadow"
    made = fast_endpoint_maker(name, is_deployed=False)
    for number, status in enumerate(("500", "400"), start=1):
        made.another_config(f"{name}-{status}-model", environment={"ANSWER_STATUS": status})
        parts = shadowed(made, weight=1.0, model=f"{name}-{status}-model")
        parts["ShadowProductionVariants"][0]["VariantName"] = f"shadow-{status}"
        made.sagemaker.create_endpoint_config(EndpointConfigName=f"{name}-{status}", **parts)
        if number == 1:
            made.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=f"{name}-{status}")
        else:
            made.sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=f"{name}-{status}")
        made.wait("InService")
        assert made.invoke(b"x")["ResponseMetadata"]["HTTPStatusCode"] == 200
        metric, other = f"Invocation{status[0]}XXErrors", f"Invocation{9 - int(status[0])}XXErrors"
        eventually(lambda status=status, metric=metric: shown(fast_localaws, name, status, metric) == 1)
        assert shown(fast_localaws, name, status, other) == 0
        assert shown(fast_localaws, name, status, "ModelLatency", "SampleCount") == 1
        assert counted(fast_localaws, name, "AllTraffic", metric) == 0


def shown(aws: Any, name: str, status: str, metric: str, statistic: str = "Sum") -> float:
    """Return a metric of the shadow that answers with a status."""
    return counted(aws, name, f"shadow-{status}", metric, statistic)


def captured(aws: Any) -> list[bytes]:
    """Return the captured lines of the shadow variant."""
    s3 = aws.client("s3")
    found = s3.list_objects_v2(Bucket="endpoint-tests", Prefix="shadows/ep-shadow/shadow/")
    bodies = [
        s3.get_object(Bucket="endpoint-tests", Key=item["Key"])["Body"].read()
        for item in found.get("Contents", [])
    ]
    return [line for body in bodies for line in body.splitlines()]


def test_a_second_shadow_variant_is_refused(endpoint_maker: Any, localaws: Any) -> None:
    made = endpoint_maker("ep-shadows", is_deployed=False)
    (variant,) = made.config_request["ProductionVariants"]
    with pytest.raises(ClientError, match="there can only be one shadow variant") as caught:
        localaws.client("sagemaker").create_endpoint_config(
            EndpointConfigName="ep-shadows-2",
            ProductionVariants=[variant],
            ShadowProductionVariants=[variant | {"VariantName": name} for name in ("s", "t")],
        )
    assert caught.value.response["Error"]["Code"] == "ValidationException"
