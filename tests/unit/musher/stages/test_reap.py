"""What the reaper lists, spares, removes and reports, against moto's AWS in this process."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from moto import mock_aws

from musher.hooks import inventory
from musher.payloads.autoscaling import place
from musher.payloads.tags import EXPIRES_TAG, PREVIOUS_TAG, as_list, live_tags, resource_tags
from musher.settings import Settings
from musher.stages import reap_plan
from musher.stages.reap_plan import FAILED, KEPT, REMOVED, WOULD, Reaper, write_table

NOW = datetime(2026, 1, 2, 12, tzinfo=UTC)
ROLE = "arn:aws:iam::123456789012:role/musher-sagemaker"


class Account:
    """Makes what runs make."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.aws = boto3.client("sagemaker", region_name="us-east-1")
        self.scaling = boto3.client("application-autoscaling", region_name="us-east-1")
        self.over = resource_tags(settings, slug="00000001", started_at=NOW - timedelta(hours=25))
        self.young = resource_tags(settings, slug="00000002", started_at=NOW - timedelta(hours=1))
        self.live = live_tags(settings, slug="00000003")

    def deploy(self, name: str, *, tags: dict[str, str], previous: str | None = None) -> None:
        """Make an endpoint with a configuration and a model of its own."""
        version = self.version(f"{name}-v", tags=tags, previous=previous)
        self.aws.create_endpoint(EndpointName=name, EndpointConfigName=version, Tags=as_list(tags))
        self.scaling.register_scalable_target(**place(name), MinCapacity=1, MaxCapacity=2)

    def version(self, name: str, *, tags: dict[str, str], previous: str | None = None) -> str:
        """Make a configuration and its model."""
        variant = {
            "VariantName": "AllTraffic",
            "ModelName": name,
            "InitialInstanceCount": 2,
            "InstanceType": "ml.m5.large",
        }
        self.aws.create_model(ModelName=name, ExecutionRoleArn=ROLE, Tags=as_list(tags))
        self.aws.create_endpoint_config(
            EndpointConfigName=name,
            ProductionVariants=[variant],
            Tags=as_list({**tags, **({PREVIOUS_TAG: previous} if previous else {})}),
        )
        return name

    def function(self, name: str, *, tags: dict[str, str]) -> None:
        """Make a function."""
        role = boto3.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument="{}")["Role"]["Arn"]
        boto3.client("lambda", region_name="us-east-1").create_function(
            FunctionName=name,
            Runtime="python3.11",
            Role=role,
            Handler="handler.handle",
            Code={"ZipFile": b"any"},
            Tags=tags,
        )

    def reap(self, *, is_dry: bool = False) -> Reaper:
        """Go through the account once."""
        reaper = Reaper(self.settings, now=NOW, is_dry=is_dry)
        reaper.run()
        return reaper

    def left(self) -> set[str]:
        """Return the names of endpoints, configurations and models."""
        found = {f"e {one['EndpointName']}" for one in self.aws.list_endpoints()["Endpoints"]}
        configs = self.aws.list_endpoint_configs()["EndpointConfigs"]
        found |= {f"c {one['EndpointConfigName']}" for one in configs}
        return found | {f"m {one['ModelName']}" for one in self.aws.list_models()["Models"]}


@pytest.fixture
def account(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    """Give an empty account."""
    extra = json.dumps({"region_name": "us-east-1"})
    connection = {"conn_type": "aws", "login": "a", "password": "b", "extra": extra}
    monkeypatch.setenv("AIRFLOW_CONN_AWS_DEFAULT", json.dumps(connection))
    with mock_aws():
        yield Account(settings)


def all_of(name: str) -> set[str]:
    return {f"e {name}", f"c {name}-v", f"m {name}-v"}


def kinds(reaper: Reaper) -> list[tuple[str, str, str]]:
    return [(found["kind"], found["name"], found["done"]) for found in reaper.reaped]


def test_what_is_over_goes_and_the_rest_stays(account: Account) -> None:
    account.deploy("musher-over", tags=account.over)
    account.deploy("musher-young", tags=account.young)
    account.deploy("musher-live", tags=account.live)
    account.deploy("musher-untagged", tags={})
    account.deploy("other-over", tags=account.over)
    reaper = account.reap()
    assert kinds(reaper) == [
        (inventory.ENDPOINT, "musher-over", REMOVED),
        (inventory.CONFIG, "musher-over-v", REMOVED),
        (inventory.MODEL, "musher-over-v", REMOVED),
    ]
    stay = ("musher-young", "musher-live", "musher-untagged", "other-over")
    assert account.left() == set().union(*map(all_of, stay))
    assert account.reap().reaped == []


def test_a_dry_run_names_the_same_and_changes_nothing(account: Account) -> None:
    account.deploy("musher-over", tags=account.over)
    reaper = account.reap(is_dry=True)
    assert [(kind, done) for kind, _, done in kinds(reaper)] == [
        (kind, WOULD) for kind in (inventory.ENDPOINT, inventory.CONFIG, inventory.MODEL)
    ]
    assert reaper.reaped[0]["usd_per_month"] == pytest.approx(2 * 0.115 * 730)
    assert "would be removed: endpoint musher-over" in write_table(reaper.reaped)
    assert account.left() == all_of("musher-over")


def test_what_the_live_endpoint_serves_or_can_go_back_to_stays(account: Account) -> None:
    """Even where a trial's versions serve on it, whose own time is over."""
    account.version("musher-first", tags=account.over)
    account.version("musher-second", tags=account.over, previous="musher-first")
    account.version("musher-unused", tags=account.over)
    serving = account.version("musher-third", tags=account.over, previous="musher-second")
    account.aws.create_endpoint(
        EndpointName="musher-live", EndpointConfigName=serving, Tags=as_list(account.live)
    )
    assert {name for _, name, _ in kinds(account.reap())} == {"musher-unused"}
    assert len(account.left()) == 1 + 3 + 3


def test_live_goes_once_a_person_has_given_it_a_time(account: Account) -> None:
    account.deploy("musher-live", tags={**account.live, EXPIRES_TAG: "2026-01-01T00:00:00Z"})
    account.reap()
    assert account.left() == set()


def test_scaling_and_alarm_of_an_endpoint_go_with_it(account: Account) -> None:
    account.deploy("musher-over", tags=account.over)
    alarms = boto3.client("cloudwatch", region_name="us-east-1")
    for name in ("musher-over-steps", "musher-others"):
        alarms.put_metric_alarm(
            AlarmName=name, EvaluationPeriods=1, ComparisonOperator="GreaterThanThreshold"
        )
    account.reap()
    assert account.scaling.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"] == []
    assert [one["AlarmName"] for one in alarms.describe_alarms()["MetricAlarms"]] == ["musher-others"]


def test_after_a_crash_between_two_removals_the_next_run_ends_the_same(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that is lost raises nothing that a removal's failure could be taken for."""
    for name in ("musher-a", "musher-b"):
        account.deploy(name, tags=account.over)
    with monkeypatch.context() as patch:
        patch.setattr(reap_plan, "remove_endpoint", lose_the_process)
        with pytest.raises(KeyboardInterrupt):
            account.reap()
    assert account.left() == all_of("musher-a") | all_of("musher-b")
    # As where the crash came after the endpoint's removal: stock moto refuses the missing target otherwise.
    account.aws.delete_endpoint(EndpointName="musher-a")
    account.scaling.register_scalable_target(**place("musher-b"), MinCapacity=1, MaxCapacity=2)
    account.reap()
    assert account.left() == set()


def lose_the_process(hook: Any, *, name: str, delay_s: float) -> bool:
    raise KeyboardInterrupt


def test_one_failure_stops_nothing_else_and_spares_what_the_endpoint_serves(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("musher-a", "musher-b"):
        account.deploy(name, tags=account.over)
    really = reap_plan.remove_endpoint

    def fail_for_a(hook: Any, *, name: str, delay_s: float) -> bool:
        if name == "musher-a":
            raise RuntimeError("AWS is tired")
        return really(hook, name=name, delay_s=delay_s)

    monkeypatch.setattr(reap_plan, "remove_endpoint", fail_for_a)
    reaper = account.reap()
    assert reaper.failures == ["endpoint musher-a: AWS is tired"]
    assert kinds(reaper)[:2] == [
        (inventory.ENDPOINT, "musher-a", FAILED),
        (inventory.ENDPOINT, "musher-b", REMOVED),
    ]
    assert account.left() == all_of("musher-a")


@pytest.mark.parametrize("is_dry", [True, False])
def test_a_function_that_goes_takes_nothing_from_the_endpoint_of_the_same_name(
    account: Account, monkeypatch: pytest.MonkeyPatch, is_dry: bool
) -> None:
    monkeypatch.setattr(inventory, "list_provisioned", lambda hook, *, name: {})  # moto has none
    account.version("musher-a-v", tags=account.over)
    account.aws.create_endpoint(EndpointName="musher-a", EndpointConfigName="musher-a-v")
    account.function("musher-a", tags=account.over)
    reaper = account.reap(is_dry=is_dry)
    assert [(kind, name) for kind, name, _ in kinds(reaper)] == [(inventory.FUNCTION, "musher-a")]
    assert account.left() == all_of("musher-a")


def test_a_list_that_fails_is_reported_and_the_other_kinds_are_done(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Models are judged by configurations: without these, none is removed."""
    account.deploy("musher-over", tags=account.over)

    def refuse(*_: Any, **__: Any) -> set[str]:
        raise RuntimeError("denied")

    monkeypatch.setattr(inventory, "models_in_use", refuse)
    reaper = account.reap()
    assert reaper.failures == ["models: not listed: denied"]
    assert account.left() == {"m musher-over-v"}


def test_tags_are_read_again_before_a_removal(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    account.deploy("musher-over", tags=account.over)
    monkeypatch.setattr(inventory, "read_tags", lambda hook, *, arn: account.young)
    reaper = account.reap()
    assert {done for _, _, done in kinds(reaper)} == {KEPT}
    assert account.left() == all_of("musher-over")
