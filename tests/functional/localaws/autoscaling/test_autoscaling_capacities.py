"""Asynchronous endpoints scale to none and back, and functions by the use of what is provisioned."""

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.functional.localaws.autoscaling.conftest import place_of
from tests.functional.localaws.functions.conftest import Functions

LIMIT_S = 90.0
"""Real seconds that anything may take on a machine that is busy."""
BUCKET = "endpoint-tests"


def wait_for(condition: Callable[[], bool]) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + LIMIT_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


@pytest.mark.slow
def test_an_asynchronous_endpoint_goes_to_none_and_a_request_wakes_it(
    fast_endpoint_maker: Any, fast_localaws: Any
) -> None:
    output = {"OutputConfig": {"S3OutputPath": f"s3://{BUCKET}/async-scaled"}}
    made = fast_endpoint_maker("async-scaled", config={"AsyncInferenceConfig": output})
    made.wait("InService")
    client, place = fast_localaws.client("application-autoscaling"), place_of("async-scaled")
    client.register_scalable_target(**place, MinCapacity=0, MaxCapacity=0)
    (variant,) = made.wait("InService")["ProductionVariants"]
    assert (variant["CurrentInstanceCount"], variant["DesiredInstanceCount"]) == (0, 0)
    client.register_scalable_target(**place, MinCapacity=0, MaxCapacity=2)
    step = {"MetricIntervalLowerBound": 0.0, "ScalingAdjustment": 1}
    policy = client.put_scaling_policy(
        **place,
        PolicyName="wake",
        PolicyType="StepScaling",
        StepScalingPolicyConfiguration={"AdjustmentType": "ChangeInCapacity", "StepAdjustments": [step]},
    )
    fast_localaws.client("cloudwatch").put_metric_alarm(
        AlarmName="async-scaled-backlog",
        Namespace="AWS/SageMaker",
        MetricName="HasBacklogWithoutCapacity",
        Dimensions=[{"Name": "EndpointName", "Value": "async-scaled"}],
        Statistic="Average",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1.0,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
        AlarmActions=[policy["PolicyARN"]],
    )
    s3, runtime = fast_localaws.client("s3"), fast_localaws.client("sagemaker-runtime")
    s3.put_object(Bucket=BUCKET, Key="async-scaled-in", Body=b"x")
    answer = runtime.invoke_endpoint_async(
        EndpointName="async-scaled", InputLocation=f"s3://{BUCKET}/async-scaled-in"
    )
    key = answer["OutputLocation"].removeprefix(f"s3://{BUCKET}/")

    def has_answered() -> bool:
        return bool(s3.list_objects_v2(Bucket=BUCKET, Prefix=key).get("KeyCount"))

    wait_for(has_answered)
    (variant,) = made.wait("InService")["ProductionVariants"]
    assert variant["CurrentInstanceCount"] == 1
    (woken, *_) = client.describe_scaling_activities(**place)["ScalingActivities"]
    assert woken["Cause"] == "monitor alarm async-scaled-backlog in state ALARM triggered policy wake"


@pytest.mark.slow
def test_an_asynchronous_request_under_way_is_finished_before_its_instance_stops(
    fast_endpoint_maker: Any, fast_localaws: Any
) -> None:
    """Ten real seconds are five minutes here: longer than a request to a real-time endpoint may take."""
    output = {"OutputConfig": {"S3OutputPath": f"s3://{BUCKET}/async-drained"}}
    made = fast_endpoint_maker("async-drained", config={"AsyncInferenceConfig": output})
    made.wait("InService")
    s3, runtime = fast_localaws.client("s3"), fast_localaws.client("sagemaker-runtime")
    s3.put_object(Bucket=BUCKET, Key="async-drained-in", Body=b"sleep 10")
    answer = runtime.invoke_endpoint_async(
        EndpointName="async-drained", InputLocation=f"s3://{BUCKET}/async-drained-in"
    )
    time.sleep(1)  # it is under way: nothing tells so
    client, place = fast_localaws.client("application-autoscaling"), place_of("async-drained")
    client.register_scalable_target(**place, MinCapacity=0, MaxCapacity=0)
    (variant,) = made.wait("InService")["ProductionVariants"]
    assert variant["CurrentInstanceCount"] == 0
    key = answer["OutputLocation"].removeprefix(f"s3://{BUCKET}/")
    wait_for(lambda: bool(s3.list_objects_v2(Bucket=BUCKET, Prefix=key).get("KeyCount")))


@pytest.mark.slow
def test_a_function_s_use_of_what_is_provisioned_scales_it(fast_localaws: Any) -> None:
    functions = Functions(fast_localaws)
    name = functions.create("import time\ndef handler(event, context):\n    time.sleep(0.02)\n")
    version = functions.lam.publish_version(FunctionName=name)["Version"]
    functions.lam.create_alias(FunctionName=name, Name="live", FunctionVersion=version)
    client = fast_localaws.client("application-autoscaling")
    place = {
        "ServiceNamespace": "lambda",
        "ResourceId": f"function:{name}:live",
        "ScalableDimension": "lambda:function:ProvisionedConcurrency",
    }
    client.register_scalable_target(**place, MinCapacity=1, MaxCapacity=2)

    def provisioned() -> tuple[str, int]:
        found = functions.lam.get_provisioned_concurrency_config(FunctionName=name, Qualifier="live")
        return found["Status"], found["RequestedProvisionedConcurrentExecutions"]

    wait_for(lambda: provisioned() == ("READY", 1))
    predefined = {"PredefinedMetricType": "LambdaProvisionedConcurrencyUtilization"}
    made = client.put_scaling_policy(
        **place,
        PolicyName="use",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration={
            "TargetValue": 0.7,
            "PredefinedMetricSpecification": predefined,
        },
    )
    alarms = fast_localaws.client("cloudwatch").describe_alarms(
        AlarmNames=[alarm["AlarmName"] for alarm in made["Alarms"]]
    )["MetricAlarms"]
    assert sorted(alarm["Threshold"] for alarm in alarms) == [0.63, 0.7]
    assert alarms[0]["AlarmName"].startswith(f"TargetTracking-function:{name}:live-AlarmHigh-")
    stopping = threading.Event()

    def call() -> None:
        while not stopping.wait(0.1):
            functions.invoke(name, {}, Qualifier="live")

    caller = threading.Thread(target=call)
    caller.start()
    try:
        wait_for(lambda: provisioned() == ("READY", 2))
    finally:
        stopping.set()
        caller.join()
    wait_for(
        lambda: (
            client.describe_scaling_activities(**place)["ScalingActivities"][0]["StatusCode"] == "Successful"
        )
    )
    scaled = client.describe_scaling_activities(**place)["ScalingActivities"]
    assert [item["StatusMessage"] for item in scaled] == [
        "Successfully set desired concurrency to 2. Change successfully fulfilled by lambda.",
        "Successfully set desired concurrency to 1. Change successfully fulfilled by lambda.",
    ]
    client.deregister_scalable_target(**place)
    functions.lam.delete_function(FunctionName=name)


def test_a_target_goes_with_its_endpoint(fast_endpoint_maker: Any, fast_localaws: Any) -> None:
    made = fast_endpoint_maker("scaled-and-gone")
    made.wait("InService")
    client, place = fast_localaws.client("application-autoscaling"), place_of("scaled-and-gone")
    client.register_scalable_target(**place, MinCapacity=1, MaxCapacity=2)
    action = {"MinCapacity": 2}
    client.put_scheduled_action(
        **place, ScheduledActionName="soon", Schedule="rate(1 minute)", ScalableTargetAction=action
    )
    wait_for(lambda: made.describe()["ProductionVariants"][0]["CurrentInstanceCount"] == 2)
    causes = [item["Cause"] for item in client.describe_scaling_activities(**place)["ScalingActivities"]]
    assert {"minimum capacity was set to 2", "scheduled action name soon was triggered"} <= set(causes)
    made.wait("InService")
    made.delete()
    wait_for(
        lambda: (
            not client.describe_scalable_targets(
                ServiceNamespace="sagemaker", ResourceIds=[place["ResourceId"]]
            )["ScalableTargets"]
        )
    )
    assert client.describe_scheduled_actions(ServiceNamespace="sagemaker")["ScheduledActions"] == []
