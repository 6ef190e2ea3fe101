"""What the reaper finds beside jobs and models: machines, disks, logs, uploads, reports, lost scaling."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from moto import mock_aws

from musher import names
from musher.hooks import lost, machines, stored
from musher.hooks.ec2 import MusherEc2Hook
from musher.payloads.autoscaling import place
from musher.payloads.tags import as_list, live_tags, resource_tags
from musher.settings import Settings
from musher.stages.reap_plan import GONE, REMOVED, WOULD, Reaper

ROLE = "arn:aws:iam::123456789012:role/musher-notebook"
NOW = datetime.now(UTC) + timedelta(hours=30)
"""Moto says that everything was made now; runs count as over after 24 hours."""


class Account:
    """Makes what runs leave, and reaps it."""

    def __init__(self, settings: Settings) -> None:
        self.settings, self.bucket = settings, names.bucket(settings)
        for service in ("ec2", "s3", "logs", "sagemaker", "cloudwatch", "application-autoscaling"):
            setattr(self, service.split("-")[-1], boto3.client(service, region_name="us-east-1"))
        self.s3.create_bucket(Bucket=self.bucket)
        self.over = resource_tags(settings, slug="00000001", started_at=NOW - timedelta(hours=25))
        self.young = resource_tags(settings, slug="00000002", started_at=NOW - timedelta(hours=1))
        self.live = live_tags(settings, slug="00000003")

    ec2: Any
    s3: Any
    logs: Any
    sagemaker: Any
    autoscaling: Any
    cloudwatch: Any

    def reap(self, *, is_dry: bool = False, **changes: Any) -> dict[tuple[str, str], str]:
        """Go through the account once; return (kind, name) -> what was done."""
        reaper = Reaper(replace(self.settings, **changes), now=NOW, is_dry=is_dry)
        reaper.run()
        assert reaper.failures == []
        self.reaped = {found["name"]: found for found in reaper.reaped}
        return {(found["kind"], found["name"]): found["done"] for found in reaper.reaped}

    def start(self, *, tags: dict[str, str]) -> str:
        """Start an instance."""
        image = self.ec2.describe_images(Owners=["amazon"])["Images"][0]["ImageId"]
        answer = self.ec2.run_instances(
            ImageId=image,
            InstanceType="m5.xlarge",
            MinCount=1,
            MaxCount=1,
            TagSpecifications=[{"ResourceType": "instance", "Tags": as_list(tags)}] if tags else [],
        )
        return str(answer["Instances"][0]["InstanceId"])

    def state_of(self, instance: str) -> str:
        """Return an instance's state."""
        found = self.ec2.describe_instances(InstanceIds=[instance])
        return str(found["Reservations"][0]["Instances"][0]["State"]["Name"])

    def add_disk(self, *, tags: dict[str, str]) -> str:
        """Make a volume that belongs to nothing."""
        specification = [{"ResourceType": "volume", "Tags": as_list(tags)}] if tags else []
        made = self.ec2.create_volume(
            Size=100, AvailabilityZone="us-east-1a", VolumeType="gp3", TagSpecifications=specification
        )
        return str(made["VolumeId"])

    def add_notebook(self, name: str, *, tags: dict[str, str]) -> None:
        """Make a notebook instance that serves."""
        self.sagemaker.create_notebook_instance(
            NotebookInstanceName=name, InstanceType="ml.t3.medium", RoleArn=ROLE, Tags=as_list(tags)
        )

    def notebooks(self) -> set[str]:
        """Return the names of those that are there."""
        found = self.sagemaker.list_notebook_instances()["NotebookInstances"]
        return {one["NotebookInstanceName"] for one in found}


@pytest.fixture
def account(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    """Give an account with the project's bucket and nothing else."""
    extra = json.dumps({"region_name": "us-east-1"})
    connection = {"conn_type": "aws", "login": "a", "password": "b", "extra": extra}
    monkeypatch.setenv("AIRFLOW_CONN_AWS_DEFAULT", json.dumps(connection))
    # moto has no lifecycle configurations: tests/functional/musher asks localaws for them.
    monkeypatch.setattr(machines, "list_lifecycle_configs", lambda hook, *, prefix: ())
    with mock_aws():
        yield Account(settings)


def test_instances_and_volumes_whose_time_is_over_go(account: Account) -> None:
    over, young, strange = (account.start(tags=tags) for tags in (account.over, account.young, {}))
    disk, live_disk, others = (account.add_disk(tags=tags) for tags in (account.over, account.live, {}))
    assert account.reap(is_dry=True) == {
        (machines.INSTANCE, over): WOULD,
        (machines.VOLUME, disk): WOULD,
    }
    assert account.reaped[disk]["usd_per_month"] == pytest.approx(100 * 0.08)
    assert account.reaped[over]["usd_per_month"] == pytest.approx(0.192 * 730)
    assert account.state_of(over) == "running"
    assert set(account.reap().values()) == {REMOVED}
    assert (account.state_of(over), account.state_of(young), account.state_of(strange)) == (
        "terminated",
        "running",
        "running",
    )
    left = {one["VolumeId"] for one in account.ec2.describe_volumes()["Volumes"]}
    assert disk not in left
    assert {live_disk, others} <= left
    assert account.reap() == {}


def test_a_stopped_instance_goes_too_and_one_of_another_project_stays(account: Account) -> None:
    stopped = account.start(tags=account.over)
    account.ec2.stop_instances(InstanceIds=[stopped])
    others = account.start(tags={**account.over, "musher:project": "musher-two"})
    assert account.reap() == {(machines.INSTANCE, stopped): REMOVED}
    assert account.state_of(others) == "running"


def test_an_instance_that_ends_meanwhile_is_no_failure(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    over = account.start(tags=account.over)
    monkeypatch.setattr(MusherEc2Hook, "terminate", lambda self, instance_id: False)
    assert account.reap() == {(machines.INSTANCE, over): GONE}


def test_a_notebook_instance_is_stopped_and_deleted(account: Account) -> None:
    account.add_notebook("musher-notebook-over", tags=account.over)
    account.add_notebook("musher-notebook-young", tags=account.young)
    account.add_notebook("musher-notebook-untagged", tags={})
    account.add_notebook("others", tags=account.over)
    assert account.reap() == {(machines.NOTEBOOK, "musher-notebook-over"): REMOVED}
    assert account.notebooks() == {"musher-notebook-young", "musher-notebook-untagged", "others"}


def test_log_groups_of_runs_that_are_over_go(account: Account) -> None:
    groups = {
        "/aws/lambda/musher-00000001": account.over,
        "/aws/sagemaker/Endpoints/musher-00000001": account.over,
        "/aws/lambda/musher-classify": account.live,
        "/aws/lambda/musher-untagged": {},
        "/aws/lambda/musherly": account.over,
        "/aws/sagemaker/TrainingJobs": account.over,
    }
    for name, tags in groups.items():
        account.logs.create_log_group(logGroupName=name, **({"tags": tags} if tags else {}))
    found = account.reap()
    assert found == {(stored.LOG_GROUP, name): REMOVED for name in list(groups)[:2]}
    left = {one["logGroupName"] for one in account.logs.describe_log_groups()["logGroups"]}
    assert left == set(list(groups)[2:])


def test_uploads_that_nobody_finishes_are_aborted(account: Account) -> None:
    for key in ("musher/jobs/a/model.tar.gz", "others/file"):
        account.s3.create_multipart_upload(Bucket=account.bucket, Key=key)
    (found,) = account.reap(is_dry=True)
    assert found[0] == stored.UPLOAD
    assert found[1].startswith("musher/jobs/a/model.tar.gz?uploadId=")
    assert account.reap() == {found: REMOVED}
    left = account.s3.list_multipart_uploads(Bucket=account.bucket)["Uploads"]
    assert [one["Key"] for one in left] == ["others/file"]


def test_reports_stay_unless_they_have_an_end(account: Account) -> None:
    for key in ("aaaa/report.html", "aaaa/summary.json", "bbbb/report.html"):
        account.s3.put_object(Bucket=account.bucket, Key=f"musher/reports/{key}", Body=b"x" * 1000)
    account.s3.put_object(Bucket=account.bucket, Key="musher/jobs/a/model.tar.gz", Body=b"x")
    assert account.reap() == account.reap(report_days=30) == {}
    found = account.reap(report_days=1)
    assert found == {(stored.REPORT, f"musher/reports/{name}"): REMOVED for name in ("aaaa", "bbbb")}
    left = [one["Key"] for one in account.s3.list_objects_v2(Bucket=account.bucket)["Contents"]]
    assert left == ["musher/jobs/a/model.tar.gz"]


def test_an_object_that_cannot_be_deleted_is_named(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    class Client:
        def get_paginator(self, _: str) -> Any:
            return self

        def paginate(self, **_: Any) -> Any:
            return [{"Contents": [{"Key": "musher/reports/a/report.html"}]}]

        def delete_objects(self, **_: Any) -> Any:
            failed = {"Key": "musher/reports/a/report.html", "Code": "AccessDenied", "Message": "no"}
            return {"Errors": [failed]}

    with pytest.raises(
        Exception, match=r"1 objects stay, the first musher/reports/a/report.html: AccessDenied no"
    ):
        stored.delete_report(Client(), account.settings, "musher/reports/a")


def test_a_project_without_a_bucket_has_no_uploads(account: Account) -> None:
    account.s3.delete_bucket(Bucket=account.bucket)
    assert account.reap(report_days=1) == {}


LOST, SERVES, LIVE = "musher-0badcafe", "musher-5e12e500", "musher-live"


def scale(account: Account, *endpoints: str) -> None:
    """Make endpoints that scale."""
    model = {"VariantName": "AllTraffic", "ModelName": "m", "InitialInstanceCount": 1}
    account.sagemaker.create_model(ModelName="m", ExecutionRoleArn=ROLE)
    for name in endpoints:
        variant = {**model, "InstanceType": "ml.m5.large"}
        account.sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
        account.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
        account.autoscaling.register_scalable_target(**place(name), MinCapacity=1, MaxCapacity=2)


def put_alarms(account: Account, *alarms: str) -> None:
    """Make alarms of these names."""
    for name in alarms:
        account.cloudwatch.put_metric_alarm(
            AlarmName=name, EvaluationPeriods=1, ComparisonOperator="GreaterThanThreshold"
        )


def list_alarms(account: Account) -> set[str]:
    """Return the names of the alarms that are there."""
    return {one["AlarmName"] for one in account.cloudwatch.describe_alarms()["MetricAlarms"]}


def test_scaling_and_alarms_whose_endpoint_is_gone_end(account: Account) -> None:
    scale(account, LOST, SERVES, "others-lost")
    put_alarms(account, f"{LOST}-steps", f"{SERVES}-steps")
    for name in (LOST, "others-lost"):
        account.sagemaker.delete_endpoint(EndpointName=name)
    assert account.reap() == {(lost.SCALABLE_TARGET, LOST): REMOVED}
    targets = account.autoscaling.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"]
    assert {one["ResourceId"].split("/")[1] for one in targets} == {SERVES, "others-lost"}
    assert list_alarms(account) == {f"{SERVES}-steps"}


def test_scaling_and_alarms_of_a_project_whose_name_begins_like_this_one_stay(account: Account) -> None:
    others = ("musher-two-live", "musher-two-0badcafe")
    scale(account, *others)
    put_alarms(account, "musher-two-live-steps", "musher-two-live-errors", "musher-two-classify-errors")
    for name in others:
        account.sagemaker.delete_endpoint(EndpointName=name)
    assert account.reap() == {}
    assert account.reap(project="musher-two") == {  # the live endpoint's alarms go with its scaling
        **{(lost.SCALABLE_TARGET, name): REMOVED for name in others},
        (lost.ALARM, "musher-two-classify-errors"): REMOVED,
    }
    assert list_alarms(account) == set()


def test_alarms_whose_endpoint_or_function_is_gone_are_removed(account: Account) -> None:
    """Somebody has deleted both by hand, and ended the scaling."""
    scale(account, SERVES)
    gone = {
        f"{LOST}-steps",
        f"{LOST}-errors",
        "musher-live-errors",
        "musher-live-wake",
        "musher-classify-errors",
    }
    put_alarms(
        account, *gone, f"{SERVES}-wake", "musher-somebody-s", "musher-live-somebody-s", "others-live-errors"
    )
    assert account.reap(ttl_h=48) == {}
    assert account.reap(is_dry=True) == {(lost.ALARM, name): WOULD for name in gone}
    assert account.reap() == {(lost.ALARM, name): REMOVED for name in gone}
    assert account.reaped["musher-live-errors"]["usd_per_month"] == 0.1
    assert list_alarms(account) == {
        f"{SERVES}-wake",
        "musher-somebody-s",
        "musher-live-somebody-s",
        "others-live-errors",
    }
