"""Preflight: everything that would fail later is found together, and what cannot be looked at only warns."""

import dataclasses
import json
import logging
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from airflow.sdk.exceptions import AirflowFailException
from botocore.exceptions import ClientError
from moto import mock_aws

from musher.errors import PayloadError, SettingsError
from musher.payloads.builds import DOCKER_MANIFEST
from musher.payloads.tags import SHADOW_TAG, as_list
from musher.settings import Settings
from musher.stages import account_checks, preflight, run_checks
from musher.stages.checks import Check, describe_problems, describe_refusal, look_at_all
from musher.stages.run import Run
from musher.stages.run_checks import describe_waiting, list_uses
from tests.objections import objection
from tests.unit.musher.operators import fake_jobs

MakeRun = Callable[..., Run]
DATASET = {"images": {"train": 1000, "valid": 100, "test": 100}}
TRUST = '{"Statement": [{"Effect": "Allow", "Principal": {"Service": "%s"}, "Action": "sts:AssumeRole"}]}'
MANIFEST = json.dumps({"schemaVersion": 2, "mediaType": DOCKER_MANIFEST, "layers": []})
BUCKET = "musher-123456789012-us-east-1"


def find_problems(found: Run) -> list[str]:
    """Return what a run's Params and data alone give."""
    return look_at_all(run_checks.run_checks(found, dataset=DATASET))[0]


def refusal(code: str) -> ClientError:
    """Return AWS's answer to a look that it refuses."""
    return ClientError({"Error": {"Code": code, "Message": "no"}}, "ListServiceQuotas")


def test_a_run_with_the_forms_defaults_is_fine(form_run: MakeRun) -> None:
    assert find_problems(form_run()) == []


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"tuning_strategy": "in_job"}, "in_job makes its trials on a frozen backbone's features"),
        ({"tuning_strategy": "none", "batch_size": 4096}, "batch_size: 4096, but there are 1000 training"),
        ({"tuning_strategy": "none", "batch_size": 1}, "batch_size: 1, but 2 instances share each batch"),
        ({"batch_sizes": [1, 64]}, "batch_sizes: 1, but 2 instances share each batch"),
        ({"learning_rate_min": 0.1, "learning_rate_max": 0.01}, "learning_rate_min is 0.1 and learning_rate"),
        ({"tuning_strategy": "Grid", "tuning_trials": 1}, "A grid of 2 combinations needs as many trials"),
        ({"function_provisioned": 6}, "function_provisioned is 6, more than function_reserved, which is 5"),
        ({"precision": "fp16"}, "precision is fp16, which needs a GPU, and instance_type is ml.m5.xlarge"),
        (
            {"int8": True, "endpoint_instance_type": "ml.g5.xlarge"},
            "int8 is for CPUs, and endpoint_instance_type is ml.g5.xlarge",
        ),
        ({"use_spot": True, "max_runtime_s": 9000}, "max_wait_s is 7200. Choose max_runtime_s (9000) to"),
        ({"finetune_epochs": 2}, "Set freeze_backbone, or finetune_epochs to 0"),
        (
            {"comparison_percent": 51, "comparison_role": "challenger"},
            "comparison_percent is 51 and comparison_role is challenger, which answers 50 percent at most",
        ),
        ({"comparison_percent": 5, "lifetime": "trial"}, "comparison_percent is 5 and lifetime is trial"),
    ],
)
def test_contradictions_are_found(form_run: MakeRun, changes: dict[str, Any], reason: str) -> None:
    [problem] = find_problems(form_run(**changes))
    assert reason in problem


def test_all_findings_come_in_one_error(form_run: MakeRun, monkeypatch: pytest.MonkeyPatch) -> None:
    found = form_run(
        image_size=1, precision="fp16", finetune_epochs=2, batch_sizes=[1, 64, 2048], learning_rate_min=1.0
    )
    monkeypatch.setattr(preflight, "current_run", lambda: found)
    monkeypatch.setattr(run_checks, "account_checks", lambda settings, params: [])
    monkeypatch.setattr(run_checks, "other_kind", lambda run: [])
    with pytest.raises(AirflowFailException) as caught:
        preflight.preflight.function(DATASET)
    assert str(caught.value).startswith("Nothing was started, for 4 reasons:")
    lines = describe_problems(find_problems(found)).splitlines()
    assert [line[:3] for line in lines[1:]] == ["1. ", "2. ", "3. ", "4. "]
    for part in (
        "image_size is 1",
        "precision is fp16",
        "finetune_epochs is 2",
        "learning_rate_min is 1.0",
        "batch_sizes: 2048",
        "batch_sizes: 1,",
    ):
        assert part in "\n".join(lines)


def test_one_finding_needs_no_list() -> None:
    assert describe_problems(["a is 1. Set it to 2."]) == "Nothing was started: a is 1. Set it to 2."


def test_a_refused_look_warns_and_the_others_go_on() -> None:
    def refused() -> list[str]:
        raise refusal("AccessDeniedException")

    def wrong() -> list[str]:
        raise PayloadError("x is 1. Set it to 2.")

    checks = [
        Check(about="quotas", look=refused),
        Check(about="x", look=wrong),
        Check(about="y", look=lambda: ["y is 3. Set it to 4."]),
    ]
    problems, warnings = look_at_all(checks)
    assert problems == ["x is 1. Set it to 2.", "y is 3. Set it to 4."]
    assert len(warnings) == 1
    assert warnings == ["quotas (ListServiceQuotas: AccessDeniedException, no)"]


def test_weights_outside_the_known_buckets_are_refused_before_the_jobs_role_is(form_run: MakeRun) -> None:
    found = form_run(weights_uri="s3://theirs/resnet50.safetensors")
    [problem] = run_checks.foreign_weights(found)
    assert "weights_uri is s3://theirs/resnet50.safetensors" in problem
    assert "name theirs in MUSHER_SOURCE_BUCKETS and in the stack's parameter SourceBucketArns" in problem
    known = dataclasses.replace(found.settings, source_buckets=("theirs",))
    assert run_checks.foreign_weights(dataclasses.replace(found, settings=known)) == []


@pytest.mark.parametrize(
    ("given", "keys", "said"),
    [
        (None, [], None),
        ("test", [], None),
        ("s3://theirs/photos", [], "name theirs in MUSHER_SOURCE_BUCKETS"),
        ("s3://musher-123456789012-us-east-1/photos/", [], "there is no object whose address begins so"),
        ("s3://musher-123456789012-us-east-1/photos/", ["photos/a.jpg"], None),
    ],
)
def test_a_batch_of_nothing_or_of_what_the_job_may_not_read_is_refused(
    form_run: MakeRun, monkeypatch: pytest.MonkeyPatch, given: str | None, keys: list[str], said: str | None
) -> None:
    s3 = fake_jobs.FakeS3()
    s3.keys = keys
    monkeypatch.setattr(run_checks, "s3_hook", lambda settings: s3)
    found = run_checks.foreign_batch(form_run(batch_input=given))
    assert [said in problem for problem in found if said] == [True] * bool(said)
    assert len(found) == bool(said)


def test_a_run_that_may_start_gives_its_warnings_and_its_estimate(
    form_run: MakeRun, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refused() -> list[str]:
        raise refusal("UnknownOperationException")

    monkeypatch.setattr(preflight, "current_run", form_run)
    monkeypatch.setattr(run_checks, "account_checks", lambda settings, params: [("quotas", refused)])
    monkeypatch.setattr(run_checks, "other_kind", lambda run: [])
    with caplog.at_level(logging.INFO):
        result = preflight.preflight.function(DATASET)
    assert result["warnings"][0].startswith("quotas (")
    assert "train 2 x ml.m5.xlarge for 1.00 h at most: $0.46" in result["estimate"]
    assert "not checked: quotas" in caplog.text
    assert "instance_count is 2, for 1000 training images" in caplog.text


def test_what_is_paid_for_follows_the_params(form_run: MakeRun) -> None:
    frozen = form_run(freeze_backbone=True, tuning_strategy="in_job", use_spot=True, max_wait_s=7200)
    assert [(use.what, use.instances, use.max_s) for use in list_uses(frozen.params)] == [
        ("embed", 2, 7200.0),
        ("train", 2, 7200.0),
        ("tune", 1, 7200.0),
        ("endpoint", 3, None),
    ]
    trials = list_uses(form_run(tuning_trials=8).params)
    assert [(use.what, use.instances) for use in trials] == [("train", 2), ("tune", 8), ("endpoint", 3)]
    assert [use.what for use in list_uses(form_run(tuning_strategy="none").params)] == ["train", "endpoint"]


def serve(monkeypatch: pytest.MonkeyPatch, configs: dict[str, Any], **tags: str) -> SimpleNamespace:
    """Let a live endpoint serve the first of these configurations, with these tags; return its hook."""
    described = {name: {**config, "EndpointConfigArn": name} for name, config in configs.items()}
    page = {"Tags": as_list(tags)}
    hook = SimpleNamespace(
        find_endpoint=lambda name: {"EndpointConfigName": next(iter(configs))},
        find_endpoint_config=described.get,
        conn=SimpleNamespace(
            get_paginator=lambda operation: SimpleNamespace(paginate=lambda **request: [page])
        ),
    )
    monkeypatch.setattr(run_checks, "sagemaker_hook", lambda settings: hook)
    return hook


@pytest.mark.parametrize(
    ("changes", "problems"),
    [
        ({}, 0),
        ({"ProductionVariants": [{"ServerlessConfig": {"MaxConcurrency": 1}}]}, 1),
        ({"AsyncInferenceConfig": {"OutputConfig": {}}}, 1),
    ],
)
def test_a_shadow_beside_what_cannot_have_one_is_refused(
    form_run: MakeRun, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any], problems: int
) -> None:
    config = {"ProductionVariants": [{"InstanceType": "ml.m5.large"}], **changes}
    hook = serve(monkeypatch, {"c": config})
    found = find_problems(form_run(comparison_percent=5))
    assert len(found) == problems
    assert all("comparison_percent is 5, and musher-live can have no shadow" in text for text in found)
    hook.find_endpoint = lambda name: None
    [problem] = find_problems(form_run(comparison_percent=5, endpoint_instance_type="ml.inf1.xlarge"))
    assert "the new model can have no shadow: it has ml.inf1.xlarge" in problem


@pytest.mark.parametrize("role", ["shadow", "challenger"])
def test_what_another_run_compares_is_no_obstacle(
    form_run: MakeRun, monkeypatch: pytest.MonkeyPatch, role: str
) -> None:
    """It is gone when this run deploys, or ends then."""
    variant = {"InstanceType": "ml.m5.large"}
    both = {"ProductionVariants": [variant, variant], "ShadowProductionVariants": [variant]}
    configs = {"both": both, "c": {"ProductionVariants": [variant]}}
    serve(monkeypatch, configs, **{SHADOW_TAG: "c"})
    assert find_problems(form_run(comparison_percent=5, comparison_role=role)) == []


@pytest.mark.parametrize("role", ["shadow", "challenger"])
@pytest.mark.parametrize(("kind", "word"), [("serverless", "serverless"), ("async", "asynchronous")])
def test_another_kind_of_endpoint_has_nothing_beside_what_serves(
    form_run: MakeRun, monkeypatch: pytest.MonkeyPatch, role: str, kind: str, word: str
) -> None:
    serve(monkeypatch, {"c": {"ProductionVariants": [{"InstanceType": "ml.m5.large"}]}})
    run = form_run(comparison_percent=5, comparison_role=role, endpoint_kind=kind, load_test_s=0)
    assert any(f"the new model can have no {role}: it is {word}" in text for text in find_problems(run))


def test_a_shadow_is_paid_for_as_long_as_it_is_watched(form_run: MakeRun) -> None:
    uses = list_uses(form_run(comparison_percent=40, endpoint_instance_count=3).params)
    [shadow] = [use for use in uses if use.what == "shadow"]
    assert (shadow.instances, shadow.max_s, shadow.instance_type) == (2, 600.0, "ml.m5.large")


# ---- the account ------------------------------------------------------------------------------------------


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Any]]:
    """An account with nothing in it; every look goes there."""
    with mock_aws():
        session = boto3.Session("test", "test", region_name="us-east-1")
        monkeypatch.setattr(account_checks, "look_client", lambda settings, service: session.client(service))
        yield session.client


def make_role(iam: Any, name: str, service: str) -> None:
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST % service)


def test_missing_roles_are_named(aws: Callable[[str], Any], settings: Settings) -> None:
    [sagemaker, endpoint, function] = account_checks.check_roles(settings)
    assert sagemaker.startswith("The role arn:aws:iam::123456789012:role/musher-sagemaker does not exist.")
    assert endpoint.startswith("The role arn:aws:iam::123456789012:role/musher-endpoint does not exist.")
    assert "musher-lambda does not exist. Deploy infra/bootstrap.yaml" in function


def test_a_role_must_trust_its_service(aws: Callable[[str], Any], settings: Settings) -> None:
    make_role(aws("iam"), "musher-sagemaker", "sagemaker.amazonaws.com")
    make_role(aws("iam"), "musher-endpoint", "sagemaker.amazonaws.com")
    make_role(aws("iam"), "musher-lambda", "ec2.amazonaws.com")
    [problem] = account_checks.check_roles(settings)
    assert "musher-lambda does not trust lambda.amazonaws.com" in problem


class FakeIam:
    """IAM's simulation, with one decision."""

    def __init__(self, decision: str, missing: list[str]) -> None:
        self.result = {"EvalDecision": decision, "MissingContextValues": missing}

    def simulate_principal_policy(self, **request: Any) -> dict[str, Any]:
        assert request["PolicySourceArn"] == "arn:aws:iam::123456789012:role/airflow"
        assert request["ContextEntries"][0]["ContextKeyName"] == "iam:PassedToService"
        return {"EvaluationResults": [self.result]}


def look_as(
    monkeypatch: pytest.MonkeyPatch, caller: str, *, decision: str = "allowed", missing: tuple[str, ...] = ()
) -> None:
    """Let looks meet this caller and this decision."""
    clients = {
        "sts": SimpleNamespace(get_caller_identity=lambda: {"Arn": caller}),
        "iam": FakeIam(decision, list(missing)),
    }
    monkeypatch.setattr(account_checks, "look_client", lambda settings, service: clients[service])


SESSION = "arn:aws:sts::123456789012:assumed-role/airflow/worker"


def test_airflow_must_be_able_to_pass_the_roles(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    look_as(monkeypatch, SESSION)
    assert account_checks.check_passing(settings) == []
    look_as(monkeypatch, SESSION, decision="implicitDeny")
    [first, second, _] = account_checks.check_passing(settings)
    assert "role/airflow may not pass arn:aws:iam::123456789012:role/musher-sagemaker" in first
    assert "role/musher-airflow, or allow iam:PassRole" in first
    assert "may not pass arn:aws:iam::123456789012:role/musher-endpoint to sagemaker.amazonaws.com" in second


def test_a_decision_that_depends_on_more_is_none(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    look_as(monkeypatch, SESSION, decision="implicitDeny", missing=("aws:PrincipalOrgID",))
    assert account_checks.check_passing(settings) == []


def test_another_account_than_the_settings_is_found(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    look_as(monkeypatch, "arn:aws:iam::210987654321:user/me")
    [problem] = account_checks.check_passing(settings)
    assert "works as arn:aws:iam::210987654321:user/me, and MUSHER_ACCOUNT_ID is 123456789012" in problem


def test_the_bucket_must_exist_in_the_region(aws: Callable[[str], Any], settings: Settings) -> None:
    [problem] = account_checks.check_bucket(settings)
    assert f"The bucket {BUCKET} does not exist. Deploy" in problem
    aws("s3").create_bucket(Bucket=BUCKET)
    assert account_checks.check_bucket(settings) == []


class FakeS3:
    """A bucket that its owner lets everybody see."""

    def __init__(self, region: str) -> None:
        self.region = region

    def head_bucket(self, *, Bucket: str, ExpectedBucketOwner: str | None = None) -> dict[str, str]:  # noqa: N803
        if ExpectedBucketOwner:
            raise refusal("403")
        return {"BucketRegion": self.region}


@pytest.mark.parametrize(
    ("region", "flaw"),
    [
        ("eu-west-1", "is in eu-west-1, not in us-east-1"),
        ("us-east-1", "belongs to another account than 123"),
    ],
)
def test_somebody_elses_bucket_is_found(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, region: str, flaw: str
) -> None:
    monkeypatch.setattr(account_checks, "look_client", lambda settings, service: FakeS3(region))
    [problem] = account_checks.check_bucket(settings)
    assert flaw in problem


def test_without_image_and_build_project_both_ways_out_are_named(
    aws: Callable[[str], Any], settings: Settings
) -> None:
    [problem] = account_checks.check_image(settings)
    assert "There is no image 123456789012.dkr.ecr.us-east-1.amazonaws.com/musher-model:" in problem
    assert "Deploy infra/bootstrap.yaml" in problem
    assert "MUSHER_MODEL_IMAGE" in problem


def test_an_image_that_can_be_built_is_no_finding(aws: Callable[[str], Any], settings: Settings) -> None:
    aws("codebuild").create_project(
        name="musher-image",
        source={"type": "S3", "location": "b/k"},
        artifacts={"type": "NO_ARTIFACTS"},
        environment={"type": "LINUX_CONTAINER", "image": "i", "computeType": "BUILD_GENERAL1_SMALL"},
        serviceRole="arn:aws:iam::123456789012:role/musher-codebuild",
    )
    assert account_checks.check_image(settings) == []


def test_an_image_of_ones_own_must_be_in_the_registry(aws: Callable[[str], Any], settings: Settings) -> None:
    uri = "123456789012.dkr.ecr.us-east-1.amazonaws.com/mine:1"
    own = dataclasses.replace(settings, model_image=uri, training_image=uri)
    [problem] = account_checks.check_image(own)
    assert problem.startswith(f"MUSHER_MODEL_IMAGE is {uri}, which is not in the registry.")
    assert account_checks.check_training_image(own)[0].startswith("MUSHER_TRAINING_IMAGE is")
    ecr = aws("ecr")
    ecr.create_repository(repositoryName="mine")
    ecr.put_image(repositoryName="mine", imageManifest=MANIFEST, imageTag="1")
    assert account_checks.check_image(own) == account_checks.check_training_image(own) == []


def test_other_registries_are_not_asked(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(account_checks, "look_client", lambda *_: pytest.fail("asked"))
    own = dataclasses.replace(settings, model_image="registry.example.com/mine:1")
    assert account_checks.check_image(own) == account_checks.check_training_image(own) == []


def test_quotas_are_judged_by_the_runs_instances(
    form_run: MakeRun, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = {"ml.m5.xlarge for training job usage": 4.0, "ml.m5.large for endpoint usage": 0.0}
    monkeypatch.setattr(account_checks, "look_client", lambda settings, service: service)
    monkeypatch.setattr(account_checks, "read_quotas", lambda client, service, names: found)
    [problem] = account_checks.check_quotas(settings, form_run().params)
    assert "needs 1 x ml.m5.large" in problem
    assert "'ml.m5.large for endpoint usage' in us-east-1 is 0. Ask for more" in problem


def test_each_part_of_the_account_is_looked_at(settings: Settings, form_run: MakeRun) -> None:
    about = [name for name, _ in account_checks.account_checks(settings, form_run().params)]
    assert about == [
        "quotas",
        "concurrency",
        "roles",
        "passing roles",
        "bucket",
        "serving image",
        "training image",
    ]


class Denying:
    """S3 that denies every bucket."""

    def list_objects_v2(self, **_: Any) -> Any:
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "ListObjectsV2")


def test_a_denied_source_names_setting_and_parameter(settings: Settings) -> None:
    with pytest.raises(SettingsError) as caught:
        account_checks.refuse_denied_source(settings, source="s3://photos/dogs", s3=Denying())
    message = str(caught.value)
    assert message.startswith("source is s3://photos/dogs, and AWS denies it (AccessDenied).")
    assert "Name photos in MUSHER_SOURCE_BUCKETS and arn:aws:s3:::photos in the stack's parameter" in message


def test_a_named_source_that_is_denied_points_at_stack_key_and_policy(settings: Settings) -> None:
    known = dataclasses.replace(settings, source_buckets=("photos",))
    with pytest.raises(SettingsError, match=r"SourceBucketArns, too.*SourceKmsKeyArns.*its own policy"):
        account_checks.refuse_denied_source(known, source="s3://photos/dogs", s3=Denying())


@pytest.mark.parametrize(
    "source", ["digits", "/photos", "https://host/a.zip", f"s3://{BUCKET}/musher/datasets/a"]
)
def test_other_sources_are_not_asked_about(settings: Settings, source: str) -> None:
    assert objection(account_checks.refuse_denied_source, settings, source=source, s3=Denying()) is None


def test_an_answer_that_is_a_page_is_cut() -> None:
    error = ClientError({"Error": {"Code": "500", "Message": "<html>\n" + "x" * 9000}}, "ListServiceQuotas")
    assert len(describe_refusal(error)) < 200
    assert "\n" not in describe_refusal(error)


@pytest.mark.parametrize(
    ("params", "warns"),
    [
        ({}, True),
        ({"freeze_backbone": True}, False),
        ({"freeze_backbone": True, "finetune_epochs": 1}, True),
        ({"tuning_strategy": "Random"}, False),
        ({"micro_batch_size": 16}, False),
    ],
)
def test_instances_that_would_wait_for_each_other_are_told_of(params: dict[str, Any], warns: bool) -> None:
    usual = {"architecture": "resnet18", "instance_count": 2, "batch_size": 32, "micro_batch_size": 32}
    one_stage = {"tuning_strategy": "none", "freeze_backbone": False, "finetune_epochs": 0}
    found = describe_waiting({**usual, **one_stage, **params})
    assert (found is not None) == warns


@pytest.mark.parametrize(
    ("approval", "is_test", "problems"),
    [("human", True, 1), ("human", False, 0), ("automatic", True, 0)],
)
def test_a_person_is_not_waited_for_by_dags_test(
    form_run: MakeRun, approval: str, is_test: bool, problems: int
) -> None:
    found = find_problems(dataclasses.replace(form_run(approval=approval), is_test=is_test))
    assert len(found) == problems
    assert all("approval is human, and `airflow dags test` would wait for days" in text for text in found)
