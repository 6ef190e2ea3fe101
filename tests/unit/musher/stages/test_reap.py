"""What the reaper lists, spares, removes and reports, against moto's AWS in this process."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import boto3
import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError
from moto import mock_aws
from moto.core.responses import ActionResult, EmptyResult
from moto.sagemaker.exceptions import AWSValidationException
from moto.sagemaker.models import SageMakerModelBackend, sagemaker_backends
from moto.sagemaker.responses import SageMakerResponse

from musher import names
from musher.hooks import endpoints, inventory, machines
from musher.payloads.autoscaling import place
from musher.payloads.tags import EXPIRES_TAG, PREVIOUS_TAG, PROJECT_TAG, as_list, live_tags, resource_tags
from musher.settings import Settings
from musher.stages import reap_plan
from musher.stages.reap_plan import FAILED, GONE, KEPT, REMOVED, WOULD, Reaper, write_table

NOW = datetime(2026, 1, 2, 12, tzinfo=UTC)
ROLE = "arn:aws:iam::123456789012:role/musher-sagemaker"
MACHINE: Any = {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1}


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

    def train(self, name: str, *, tags: dict[str, str], tuning_job: str | None = None) -> None:
        """Make a training job that runs, of a tuning job where one is named."""
        self.aws.create_training_job(
            TrainingJobName=name,
            AlgorithmSpecification={"TrainingImage": "image", "TrainingInputMode": "File"},
            RoleArn=ROLE,
            OutputDataConfig={"S3OutputPath": "s3://bucket/key"},
            ResourceConfig=MACHINE,
            StoppingCondition={"MaxRuntimeInSeconds": 100},
            Tags=as_list(tags),
        )
        job = self.backend.training_jobs[name]
        job.training_job_status = "InProgress"
        if tuning_job:
            arn = job.arn.replace(f"training-job/{name}", f"hyper-parameter-tuning-job/{tuning_job}")
            vars(job)["tuning_job_arn"] = arn

    def classify(self, name: str, *, model: str, tags: dict[str, str]) -> None:
        """Make a transform job that runs."""
        self.aws.create_transform_job(
            TransformJobName=name,
            ModelName=model,
            TransformInput={"DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://b/in"}}},
            TransformOutput={"S3OutputPath": "s3://b/out"},
            TransformResources={"InstanceType": "ml.m5.large", "InstanceCount": 1},
            Tags=as_list(tags),
        )
        self.backend.transform_jobs[name].transform_job_status = "InProgress"

    @property
    def backend(self) -> SageMakerModelBackend:
        """Return moto's own side: its jobs end at once."""
        return sagemaker_backends[self.settings.account_id]["us-east-1"]

    def running(self) -> set[str]:
        """Return the names of the training jobs that run."""
        jobs = self.aws.list_training_jobs(StatusEquals="InProgress")["TrainingJobSummaries"]
        return {job["TrainingJobName"] for job in jobs}

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
    # moto has no lifecycle configurations: tests/functional/musher asks localaws for them.
    monkeypatch.setattr(machines, "list_lifecycle_configs", lambda hook, *, prefix: ())
    with mock_aws():
        boto3.client("s3", region_name="us-east-1").create_bucket(Bucket=names.bucket(settings))
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


def test_a_dry_run_names_the_same_and_changes_nothing(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    account.deploy("musher-over", tags=account.over)
    really, calls = BaseClient._make_api_call, set[str]()

    def call(self: Any, name: str, arguments: Any) -> Any:
        calls.add(name)
        return really(self, name, arguments)

    with monkeypatch.context() as patch:
        patch.setattr(BaseClient, "_make_api_call", call)
        reaper = account.reap(is_dry=True)
    assert {name for name in calls if not name.startswith(("List", "Describe", "Get"))} == set()
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


def test_scaling_and_alarms_of_an_endpoint_go_with_it(account: Account) -> None:
    account.deploy("musher-over", tags=account.over)
    alarms = boto3.client("cloudwatch", region_name="us-east-1")
    for name in ("musher-over-steps", "musher-over-wake", "musher-others"):
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


def test_a_list_that_breaks_off_hides_nothing_that_it_has_named(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    account.deploy("musher-over", tags=account.over)
    really = inventory.list_endpoints

    def break_off(hook: Any, *, prefix: str) -> Iterator[inventory.Listed]:
        yield from really(hook, prefix=prefix)
        raise RuntimeError("throttled")

    monkeypatch.setattr(inventory, "list_endpoints", break_off)
    reaper = account.reap()
    assert reaper.failures == ["endpoints: not listed to the end: throttled"]
    assert account.left() == set()


def test_a_kind_of_jobs_that_cannot_be_listed_hides_no_other(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are listed one after another, by a right each."""
    monkeypatch.setattr(SageMakerResponse, "list_training_jobs", refuse_to_list)
    account.aws.create_model(ModelName="musher-a", ExecutionRoleArn=ROLE, Tags=as_list(account.over))
    account.classify("musher-batch", model="musher-a", tags=account.over)
    reaper = account.reap(is_dry=True)
    assert [found[:40] for found in reaper.failures] == ["training jobs: not listed to the end: An"]
    assert (inventory.TRANSFORM, "musher-batch", WOULD) in kinds(reaper)


def refuse_to_list(self: Any) -> ActionResult:
    """Answer as AWS does where a right is missing."""
    raise AWSValidationException("not authorized to perform: sagemaker:ListTrainingJobs")


def test_tags_are_read_again_before_a_removal(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    account.deploy("musher-over", tags=account.over)
    really, seen = inventory.read_tags, set[str]()

    def read(hook: Any, *, arn: str) -> dict[str, str] | None:
        if arn in seen:
            return account.young
        seen.add(arn)
        return really(hook, arn=arn)

    monkeypatch.setattr(inventory, "read_tags", read)
    reaper = account.reap()
    assert kinds(reaper) == [(inventory.ENDPOINT, "musher-over", KEPT)]
    assert account.left() == all_of("musher-over")


def refuse_tags_of(name: str, monkeypatch: pytest.MonkeyPatch, *, code: str, after: int = 0) -> None:
    """Let ListTags fail for the resources whose ARN ends so, once it has answered so many times."""
    really, answers = endpoints.tags_of, count()

    def read(hook: Any, *, arn: str) -> dict[str, str]:
        if arn.endswith(f"/{name}") and next(answers) >= after:
            raise ClientError({"Error": {"Code": code, "Message": "no"}}, "ListTags")
        return really(hook, arn=arn)

    monkeypatch.setattr(endpoints, "tags_of", read)


def test_one_endpoint_that_cannot_be_read_hides_no_other(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("musher-a", "musher-b"):
        account.deploy(name, tags=account.over)
    refuse_tags_of("musher-a", monkeypatch, code="AccessDeniedException")
    reaper = account.reap()
    assert [found[:40] for found in reaper.failures] == ["endpoint musher-a: not looked at: An err"]
    assert account.left() == all_of("musher-a")


def test_nothing_of_another_account_goes_though_its_project_has_the_same_name(account: Account) -> None:
    account.deploy("musher-a", tags=account.over)
    account.settings = replace(account.settings, account_id="210987654321")
    reaper = account.reap()
    assert reaper.failures[0] == (
        "endpoints: not listed: The connection aws_default leads to account 123456789012, and "
        "MUSHER_ACCOUNT_ID is 210987654321. Correct one of them."
    )
    assert len(reaper.failures) == 3
    assert account.left() == all_of("musher-a")


def test_an_endpoint_that_is_busy_keeps_no_other_waiting(account: Account) -> None:
    for name in ("musher-a", "musher-b"):
        account.deploy(name, tags=account.over)
    account.backend.endpoints["musher-a"].endpoint_status = "Updating"
    found = kinds(account.reap(is_dry=True))
    assert [name for kind, name, _ in found if kind == inventory.ENDPOINT] == ["musher-b", "musher-a"]


@pytest.mark.parametrize(("answered", "done"), [(0, []), (1, [(inventory.ENDPOINT, "musher-a", GONE)])])
def test_what_vanishes_meanwhile_is_no_failure_and_not_said_to_be_removed(
    account: Account, monkeypatch: pytest.MonkeyPatch, answered: int, done: list[tuple[str, str, str]]
) -> None:
    account.deploy("musher-a", tags=account.over)
    account.deploy("musher-b", tags=account.over)
    refuse_tags_of("musher-a", monkeypatch, code="ValidationException", after=answered)
    reaper = account.reap()
    assert [found for found in kinds(reaper) if found[1] == "musher-a"] == done
    assert reaper.failures == []
    assert "e musher-b" not in account.left()


def stop_training_job(self: Any) -> ActionResult:
    """Do what moto lacks."""
    self.sagemaker_backend.training_jobs[self._get_param("TrainingJobName")].training_job_status = "Stopped"
    return EmptyResult()


def refuse_to_stop(self: Any) -> ActionResult:
    """Answer as AWS does for a job that has ended."""
    raise AWSValidationException("The request was rejected because the training job is Completed.")


def test_a_job_is_stopped_alone_whatever_the_names_of_others(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SageMakerResponse, "stop_training_job", stop_training_job, raising=False)
    other = {**account.over, PROJECT_TAG: "other"}
    account.train("musher-x", tags=account.over)
    account.train("musher-x-2", tags=account.young)
    account.train("musher-x-3", tags=other)
    account.train("musher-x-4", tags={})
    assert kinds(account.reap()) == [(inventory.TRAINING, "musher-x", REMOVED)]
    assert account.running() == {"musher-x-2", "musher-x-3", "musher-x-4"}


def test_a_job_that_has_ended_meanwhile_is_not_said_to_be_stopped(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SageMakerResponse, "stop_training_job", refuse_to_stop, raising=False)
    account.train("musher-x", tags=account.over)
    reaper = account.reap()
    assert (kinds(reaper), reaper.failures) == ([(inventory.TRAINING, "musher-x", GONE)], [])


def test_a_trial_is_counted_and_stopped_with_its_tuning_job(account: Account) -> None:
    account.train("musher-t-00000001-001-0a1b2c3d", tags=account.over, tuning_job="musher-t-00000001")
    assert account.reap().reaped == []
    assert account.running() == {"musher-t-00000001-001-0a1b2c3d"}


def test_a_model_stays_while_a_younger_job_classifies_with_it(account: Account) -> None:
    """As where a run that is begun again adopts the model of the first time."""
    for name in ("musher-a", "musher-b"):
        account.aws.create_model(ModelName=name, ExecutionRoleArn=ROLE, Tags=as_list(account.over))
    account.classify("musher-batch", model="musher-a", tags=account.young)
    assert kinds(account.reap()) == [(inventory.MODEL, "musher-b", REMOVED)]
