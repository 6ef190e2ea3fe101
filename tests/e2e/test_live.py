"""Two runs to one live endpoint, then back to the first model, then out of operation."""

import json
from collections import Counter
from typing import Any

import pytest

RUN_S = 900
SMALL: dict[str, Any] = {
    "lifetime": "live",
    "tuning_strategy": "none",
    "instance_count": 1,
    "epochs": 4,
    "min_accuracy": 0,
    "max_accuracy_drop": 1,
    "update_bake_s": 0,
}


def count_packages(sagemaker: Any) -> Counter[str]:
    """Return how many versions have which approval; other tests' runs register theirs in the same group."""
    try:
        group = sagemaker.list_model_packages(ModelPackageGroupName="musher")["ModelPackageSummaryList"]
    except sagemaker.exceptions.ClientError:
        return Counter()
    return Counter(package["ModelApprovalStatus"] for package in group)


@pytest.mark.slow
@pytest.mark.timeout(RUN_S)
def test_a_second_run_updates_what_is_live_and_the_first_model_can_come_back(runs: Any) -> None:
    sagemaker = runs.stack.client("sagemaker")
    others = count_packages(sagemaker)
    first = runs.run(**SMALL, seed=1)
    assert first["gate"]["champion"] is None
    second = runs.run(**SMALL, seed=2)
    live, before = second["endpoint"], first["endpoint"]
    assert live["name"] == before["name"] == "musher-live"
    assert live["previous_config_name"] == before["config_name"] == second["gate"]["champion"]
    assert 0 <= second["gate"]["champion_accuracy"] <= 1
    assert count_packages(sagemaker) - others == {"Approved": 2}

    runs.run_other("roll_back")
    serving = sagemaker.describe_endpoint(EndpointName="musher-live")["EndpointConfigName"]
    assert serving == before["config_name"]

    runs.run_other("retire_deployment")
    assert sagemaker.list_endpoints(NameContains="musher-live")["Endpoints"] == []
    left = [sagemaker.list_models()["Models"], sagemaker.list_endpoint_configs()["EndpointConfigs"]]
    for found in (before, live):
        assert found["config_name"] not in json.dumps(left, default=str)
    scaling = runs.stack.client("application-autoscaling")
    assert scaling.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"] == []
    alarms = runs.stack.client("cloudwatch").describe_alarms()["MetricAlarms"]
    assert [alarm["AlarmName"] for alarm in alarms if "musher" in alarm["AlarmName"]] == []
