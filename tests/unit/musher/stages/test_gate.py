"""The gate and the registry's version of a model, on a registry in memory."""

import json
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException

from musher.hooks import releases
from musher.settings import Settings
from musher.stages import deploy, gate, jobs, judgement, register
from musher.stages.champion import recipe_of
from tests.unit.musher.operators.fakes import refuse
from tests.unit.musher.stages.test_stages import make_run

GROUP = "musher"
DATASET: Any = {"data_hash": "d1", **{f"{name}_uri": f"s3://b/{name}" for name in ("train", "valid", "test")}}
DATASET["manifest_uri"] = "s3://b/manifest"
OWN = {
    "accuracy": 0.91,
    "images": 100,
    "calibrated_ece": 0.02,
    "classes": ["cat", "dog"],
    "per_class_recall": [0.9, 0.9],
}
PARAMS = {
    "lifetime": "live",
    "endpoint_kind": "realtime",
    "endpoint_instance_type": "ml.m5.large",
    "instance_type": "ml.m5.xlarge",
    "max_runtime_s": 600,
    "use_spot": False,
    "max_bad_images": 0,
    "min_accuracy": 0.9,
    "min_class_recall": 0,
    "max_calibration_error": 1,
    "max_accuracy_drop": 0.02,
    "approval": "automatic",
}


class FakeRegistry:
    """SageMaker as far as registry and gate call it."""

    def __init__(self) -> None:
        self.groups: list[str] = []
        self.packages: dict[str, dict[str, Any]] = {}
        self.configs: dict[str, dict[str, str]] = {}
        """Tags by name of the configuration."""
        self.live: str | None = None
        self.conn = self

    def describe_model_package_group(self, *, ModelPackageGroupName: str) -> None:  # noqa: N803
        if ModelPackageGroupName not in self.groups:
            raise refuse("ValidationException", "DescribeModelPackageGroup")

    def create_model_package_group(self, *, ModelPackageGroupName: str, **_: Any) -> None:  # noqa: N803
        self.groups.append(ModelPackageGroupName)

    def create_model_package(self, **request: Any) -> dict[str, str]:
        assert request["ModelPackageGroupName"] in self.groups
        version = len(self.packages) + 1
        arn = f"arn:package/{version}"
        self.packages[arn] = {**request, "ModelPackageArn": arn, "ModelPackageVersion": version}
        return {"ModelPackageArn": arn}

    def describe_model_package(self, *, ModelPackageName: str) -> dict[str, Any]:  # noqa: N803
        return self.packages[ModelPackageName]

    def list_model_packages(self, **_: Any) -> dict[str, Any]:
        return {"ModelPackageSummaryList": [{"ModelPackageArn": arn} for arn in reversed(self.packages)]}

    def update_model_package(self, *, ModelPackageArn: str, **changes: str) -> None:  # noqa: N803
        self.packages[ModelPackageArn] |= changes

    def find_package(self, name: str) -> dict[str, Any] | None:
        return self.packages.get(name)

    def find_endpoint(self, name: str) -> dict[str, str] | None:
        return self.live and {"EndpointConfigName": self.live, "EndpointStatus": "InService"}  # type: ignore[return-value]

    def find_endpoint_config(self, name: str) -> dict[str, str] | None:
        return {"EndpointConfigArn": name} if name in self.configs else None

    def get_paginator(self, operation: str) -> Any:
        def pages(*, ResourceArn: str) -> list[Any]:  # noqa: N803
            tags = self.configs[ResourceArn]
            return [{"Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}]

        return SimpleNamespace(paginate=pages)


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> FakeRegistry:
    made = FakeRegistry()
    for module in (gate, judgement, register, deploy):
        monkeypatch.setattr(module, "sagemaker_hook", lambda settings: made)
    return made


@pytest.fixture
def evaluations(monkeypatch: pytest.MonkeyPatch) -> dict[str, Mapping[str, Any]]:
    """evaluation.json by the output that holds it."""
    held: dict[str, Mapping[str, Any]] = {"s3://b/own": OWN}
    monkeypatch.setattr(judgement, "load_outputs", lambda settings, output_uri, names: [held[output_uri]])
    monkeypatch.setattr(judgement, "s3_hook", lambda settings: None)
    manifest = json.dumps({"classes": OWN["classes"]}).encode()
    monkeypatch.setattr(judgement, "download", lambda hook, uri: {DATASET["manifest_uri"]: manifest}[uri])
    return held


@pytest.fixture
def as_run(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that lets the stages be in a run with changed Params."""

    def make(**changes: Any) -> None:
        run = make_run(settings, **{**PARAMS, **changes})
        for module in (gate, register, deploy):
            monkeypatch.setattr(module, "current_run", lambda: run)

    make()
    return make


def registered(model_uri: str = "s3://b/own.tar.gz", output_uri: str = "s3://b/own") -> Any:
    """Register a model, and return its version."""
    evaluation: Any = {"job_name": "job", "output_uri": output_uri, "model_uri": model_uri, "accuracy": 0.91}
    return register.register_model.function(evaluation, {"uri": "serve:1"}, DATASET)


def serve(aws: FakeRegistry, *, data_hash: str = "d1", accuracy: float = 0.92) -> None:
    """Let a model be live that was trained on some data."""
    known = {"data-hash": data_hash, "output-uri": "s3://b/live"}
    containers = [{"ModelDataUrl": "s3://b/live.tar.gz"}]
    aws.packages["arn:package/1"] = {
        "ModelPackageArn": "arn:package/1",
        "CustomerMetadataProperties": known,
        "InferenceSpecification": {"Containers": containers},
    }
    aws.configs["musher-c"] = {"musher:package": "arn:package/1"}
    aws.live = "musher-c"


def test_a_version_says_what_it_was_made_from_and_waits_for_a_verdict(aws: FakeRegistry, as_run: Any) -> None:
    found = registered()
    package = aws.packages[found["package_arn"]]
    assert found["version"] == 1
    assert package["ModelApprovalStatus"] == "PendingManualApproval"
    assert package["CustomerMetadataProperties"] | {"run": "r"} == {
        "run": "r",
        "training-job": "job",
        "data-hash": "d1",
        "output-uri": "s3://b/own",
        "test-accuracy": "0.91",
        "recipe": recipe_of(PARAMS),
    }


def test_a_retry_makes_no_second_version_and_another_model_does(aws: FakeRegistry, as_run: Any) -> None:
    assert [registered()["version"] for _ in range(2)] == [1, 1]
    assert registered("s3://b/other.tar.gz")["version"] == 2


def test_the_first_model_is_held_against_the_minimums_and_approved(
    aws: FakeRegistry, as_run: Any, evaluations: Any
) -> None:
    model = registered()
    search = gate.find_champion.function(DATASET, model)
    assert search == {"found": None}
    assert gate.request_score.function(DATASET, search) is None
    verdict = gate.judge.function({"output_uri": "s3://b/own"}, model, search, None)
    assert (verdict["accuracy"], verdict["champion"]) == (0.91, None)
    assert aws.packages[model["package_arn"]]["ModelApprovalStatus"] == "Approved"


def test_the_live_model_s_own_figures_count_where_the_data_are_the_same(
    aws: FakeRegistry, as_run: Any, evaluations: Any
) -> None:
    serve(aws)
    evaluations["s3://b/live"] = {**OWN, "accuracy": 0.92}
    model = registered()
    search = gate.find_champion.function(DATASET, model)
    assert search["found"]["is_same_data"]
    assert gate.request_score.function(DATASET, search) is None
    verdict = gate.judge.function({"output_uri": "s3://b/own"}, model, search, None)
    assert (verdict["champion"], verdict["champion_accuracy"]) == ("musher-c", 0.92)


def test_a_live_model_of_other_data_is_scored_on_these_by_a_job(
    aws: FakeRegistry, as_run: Any, evaluations: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve(aws, data_hash="d0")
    evaluations["s3://b/live"] = OWN
    evaluations["s3://b/scored"] = {**OWN, "accuracy": 0.95}
    monkeypatch.setattr(jobs, "upload_code", lambda run: SimpleNamespace(uri="s3://b/code"))
    model = registered()
    search = gate.find_champion.function(DATASET, model)
    request = gate.request_score.function(DATASET, search)
    sources = {item["ChannelName"]: item["DataSource"] for item in request["InputDataConfig"]}
    assert sources["champion"]["S3DataSource"]["S3Uri"] == "s3://b/live.tar.gz"
    assert request["HyperParameters"]["sagemaker_program"] == "evaluate.py"
    with pytest.raises(AirflowFailException, match=r"is 0\.0400 below the live model's 0\.9500"):
        gate.judge.function({"output_uri": "s3://b/own"}, model, search, {"output_uri": "s3://b/scored"})
    package = aws.packages[model["package_arn"]]
    assert package["ModelApprovalStatus"] == "Rejected"
    assert "below the live model's 0.9500" in package["ApprovalDescription"]


def test_a_live_model_of_other_classes_is_not_scored_and_the_new_one_is_refused(
    aws: FakeRegistry, as_run: Any, evaluations: Any
) -> None:
    serve(aws, data_hash="d0")
    evaluations["s3://b/live"] = {**OWN, "classes": ["cat", "dog", "owl"]}
    model = registered()
    champion = gate.find_champion.function(DATASET, model)
    assert gate.request_score.function(DATASET, champion) is None
    with pytest.raises(AirflowFailException, match="its 2 classes are not the live model's 3"):
        gate.judge.function({"output_uri": "s3://b/own"}, model, champion, None)
    assert aws.packages[model["package_arn"]]["ModelApprovalStatus"] == "Rejected"


def test_a_live_version_that_lost_its_metadata_is_named(aws: FakeRegistry, as_run: Any) -> None:
    serve(aws)
    del aws.packages["arn:package/1"]["CustomerMetadataProperties"]
    with pytest.raises(
        AirflowFailException, match=r"arn:package/1, .* lost its metadata data-hash, output-uri"
    ):
        gate.find_champion.function(DATASET, registered("s3://b/new.tar.gz"))


def test_a_person_s_approval_is_asked_for_where_nothing_is_missed(
    aws: FakeRegistry, as_run: Any, evaluations: Any
) -> None:
    as_run(approval="human")
    model = registered()
    gate.judge.function({"output_uri": "s3://b/own"}, model, {"found": None}, None)
    package = aws.packages[model["package_arn"]]
    assert package["ModelApprovalStatus"] == "PendingManualApproval"
    assert package["ApprovalDescription"] == "Waits for a person's approval: held against the minimums"


def test_what_misses_something_is_rejected_without_asking_anybody(
    aws: FakeRegistry, as_run: Any, evaluations: Any
) -> None:
    as_run(approval="human", min_accuracy=0.95)
    model = registered()
    with pytest.raises(AirflowFailException, match=r"min_accuracy is 0\.95"):
        gate.judge.function({"output_uri": "s3://b/own"}, model, {"found": None}, None)
    assert aws.packages[model["package_arn"]]["ModelApprovalStatus"] == "Rejected"


def test_a_trial_is_not_held_against_the_live_model(aws: FakeRegistry, as_run: Any) -> None:
    serve(aws)
    as_run(lifetime="trial")
    assert gate.find_champion.function(DATASET, registered()) == {"found": None}


def test_a_live_model_that_the_registry_does_not_know_is_no_champion(aws: FakeRegistry, as_run: Any) -> None:
    serve(aws)
    aws.configs["musher-c"] = {}
    assert gate.find_champion.function(DATASET, registered()) == {"found": None}


@pytest.mark.parametrize("status", ["PendingManualApproval", "Rejected"])
def test_what_is_not_approved_is_not_deployed(aws: FakeRegistry, as_run: Any, status: str) -> None:
    arn = registered()["package_arn"]
    aws.packages[arn]["ModelApprovalStatus"] = status
    verdict: Any = {"package_arn": arn, "model_uri": "s3://b/own.tar.gz"}
    with pytest.raises(AirflowFailException, match=f"{arn} is {status}, not Approved: it is not deployed"):
        deploy.request_endpoint.function(verdict, {"uri": "serve:1"})
    aws.packages.clear()
    with pytest.raises(AirflowFailException, match=f"{arn} is gone"):
        deploy.request_endpoint.function(verdict, {"uri": "serve:1"})


def test_an_endpoint_without_a_known_predecessor_has_none(aws: FakeRegistry) -> None:
    aws.live = "made-by-hand"
    endpoint = releases.read_endpoint(aws, name="musher-live")  # type: ignore[arg-type]
    assert endpoint
    assert (endpoint.config_name, endpoint.previous) == ("made-by-hand", None)
