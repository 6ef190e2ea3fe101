"""What DescribeEndpoint says of a deployment that goes on."""

from datetime import datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest

from localaws.sagemaker.endpoints.deployments.pending import PendingDeployment, describe_deployment
from localaws.sagemaker.endpoints.deployments.schedule import plan_stages
from localaws.sagemaker.endpoints.deployments.spec import Deployment, Size
from localaws.sagemaker.endpoints.deployments.states import Phase
from localaws.sagemaker.endpoints.fleet import Fleet, Variant
from localaws.sagemaker.endpoints.plan import VariantPlan

BEGUN, NOW = datetime(2026, 1, 1), datetime(2026, 1, 2)
PLAN = VariantPlan(
    name="v",
    count=3,
    weight=2.0,
    startup_s=1.0,
    role_arn="",
    container={"Image": "image"},
    instance_type="ml.m5.large",
)
FIRST, LAST = plan_stages(
    Deployment(
        kind="CANARY",
        step=Size(kind="INSTANCE_COUNT", value=1),
        wait_s=300,
        termination_wait_s=600,
    ),
    blue={"v": 2},
    green={"v": 3},
)
BLUE = Fleet(variants={"v": Variant(plan=PLAN, weight=1.0, instances=(cast(Any, 1), cast(Any, 2)))})


def begin() -> PendingDeployment:
    return PendingDeployment.begin(config_name="new", plans=[PLAN], now=BEGUN)


def test_it_begins_with_instances_that_are_launched() -> None:
    assert begin().summary() == {
        "EndpointConfigName": "new",
        "StartTime": BEGUN,
        "ProductionVariants": [
            {
                "VariantName": "v",
                "DeployedImages": [{"SpecifiedImage": "image"}],
                "CurrentWeight": 2.0,
                "DesiredWeight": 2.0,
                "CurrentInstanceCount": 0,
                "DesiredInstanceCount": 3,
                "InstanceType": "ml.m5.large",
                "VariantStatus": [
                    {
                        "Status": "Creating",
                        "StatusMessage": "Launching 3 instance(s).",
                        "StartTime": BEGUN,
                    }
                ],
            }
        ],
    }


@pytest.mark.parametrize(
    ("phase", "stage", "message", "active"),
    [
        (Phase.CREATING, FIRST, "Launching 3 instance(s).", 0),
        (Phase.ACTIVATING, FIRST, "Activating traffic on canary capacity of 1 instance(s).", 1),
        (
            Phase.BAKING,
            FIRST,
            "Baking for 300 seconds (WaitIntervalInSeconds) with traffic enabled on canary capacity of 1 "
            "instance(s).",
            1,
        ),
        (Phase.ACTIVATING, LAST, "Activating traffic on full capacity of 3 instance(s).", 3),
        (
            Phase.BAKING,
            LAST,
            "Baking for 600 seconds (TerminationWaitInSeconds) with traffic enabled on full capacity of 3 "
            "instance(s).",
            3,
        ),
        (Phase.DELETING, LAST, "Terminating 2 instance(s).", 3),
    ],
)
def test_each_phase_has_the_status_and_the_sentence_of_aws(
    phase: Phase, stage: Any, message: str, active: int
) -> None:
    pending = begin().entering(phase, stage=stage, blue=BLUE, now=NOW)
    (variant,) = pending.summary()["ProductionVariants"]
    assert variant["VariantStatus"] == [{"Status": phase.value, "StatusMessage": message, "StartTime": NOW}]
    assert (variant["CurrentInstanceCount"], variant["DesiredInstanceCount"]) == (active, 3)


@pytest.mark.parametrize(
    ("status", "is_told"),
    [("Creating", True), ("Updating", True), ("RollingBack", False), ("InService", False)],
)
def test_it_is_only_told_while_the_endpoint_is_created_or_updated(status: str, is_told: bool) -> None:
    endpoint: Any = SimpleNamespace(pending=begin(), last_deployment={"x": 1}, fleet=BLUE)
    found = describe_deployment(endpoint, status=status)
    assert ("PendingDeploymentSummary" in found) is is_told
    assert found["LastDeploymentConfig"] == {"x": 1}
    quiet: Any = SimpleNamespace(pending=None, last_deployment=None, fleet=BLUE)
    assert describe_deployment(quiet, status="Updating") == {}
