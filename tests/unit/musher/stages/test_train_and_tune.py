"""What embed, tune and train choose from a run's Params, and from each other's results."""

import io
import json
import struct
from collections.abc import Mapping
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from musher.errors import PayloadError
from musher.hooks.weights import Weights, find_weights
from musher.params import form as params
from musher.settings import Settings
from musher.stages import embed, job_plans, jobs, outputs, tune
from musher.stages.jobs import Code
from musher.stages.run import Run, whole_numbers

SECTIONS = (params.DATA, params.MODEL, params.TUNING, params.TRAINING, params.INSTANCES, params.DEPLOYMENT)
DEFAULTS = {name: param.value for section in SECTIONS for name, param in section.items()}
IMAGES = {name: f"s3://b/{name}/" for name in ("train", "valid", "test", "manifest")}
DATASET: Mapping[str, Any] = {
    **{f"{name}_uri": uri for name, uri in IMAGES.items()},
    "data_hash": "d" * 64,
    "images": {"train": 1000, "valid": 100, "test": 100},
}
FEATURES = {"model_uri": "s3://b/jobs/musher-embed-0/output/model/"}
CODE = Code(uri="s3://b/code", code_hash="c" * 64)
WEIGHTS = Weights(uri="s3://b/musher/weights/resnet50.safetensors", version="etag-1")
TUNING = {"best": {"hyperparameters": {"learning_rate": 0.02, "batch_size": 64}}}


@pytest.fixture
def weights(monkeypatch: pytest.MonkeyPatch) -> None:
    """Find the weights that a run names."""
    monkeypatch.setattr(jobs, "s3_hook", lambda settings: None)
    monkeypatch.setattr(
        jobs, "find_weights", lambda hook, uri, architecture: Weights(uri=uri, version="etag-1")
    )


def make_run(settings: Settings, **changes: Any) -> Run:
    """Return a run with changed Params."""
    return Run(
        settings=settings,
        dag_id="operationalize_model",
        run_id="manual__1",
        started_at=datetime(2026, 1, 1, tzinfo=UTC),
        params={**DEFAULTS, **changes},
    )


def test_training_takes_every_option_of_the_form(settings: Settings) -> None:
    run = make_run(settings, instance_count=3)
    plan = job_plans.plan_training(run, dataset=DATASET, features=None, tuning=None, code=CODE)
    assert plan.job_name == f"musher-train-{run.slug}"
    assert plan.hyperparameters == {**{name: DEFAULTS[name] for name in params.OPTIONS}, "init": "random"}
    assert plan.channels == IMAGES
    assert (plan.instance_type, plan.instance_count, plan.max_runtime_s) == ("ml.m5.xlarge", 3, 3600)
    assert (plan.program, plan.keeps_checkpoints, plan.max_wait_s) == ("train.py", True, None)
    assert {"Name", "Regex"} == set(plan.metric_definitions[0])


def test_the_best_trials_values_replace_the_forms(settings: Settings) -> None:
    plan = job_plans.plan_training(
        make_run(settings), dataset=DATASET, features=None, tuning=TUNING, code=CODE
    )
    assert (plan.hyperparameters["learning_rate"], plan.hyperparameters["batch_size"]) == (0.02, 64)
    assert plan.hyperparameters["epochs"] == DEFAULTS["epochs"]


def test_spot_capacity_bounds_the_wait(settings: Settings) -> None:
    run = make_run(settings, use_spot=True, max_wait_s=5000)
    assert (
        job_plans.plan_training(run, dataset=DATASET, features=None, tuning=None, code=CODE).max_wait_s
        == 5000
    )


def test_a_frozen_backbone_trains_on_features(settings: Settings, weights: None) -> None:
    run = make_run(settings, freeze_backbone=True, weights_uri=WEIGHTS.uri)
    plan = job_plans.plan_training(run, dataset=DATASET, features=FEATURES, tuning=None, code=CODE)
    assert plan.channels == {
        "manifest": "s3://b/manifest/",
        "weights": WEIGHTS.uri,
        "features": FEATURES["model_uri"],
    }
    assert plan.hyperparameters["init"] == "pretrained"


def test_two_phases_take_features_and_images(settings: Settings) -> None:
    run = make_run(settings, freeze_backbone=True, finetune_epochs=2)
    plan = job_plans.plan_training(run, dataset=DATASET, features=FEATURES, tuning=None, code=CODE)
    assert plan.channels == {**IMAGES, "features": FEATURES["model_uri"]}


def test_int8_takes_features_and_the_images_that_it_is_calibrated_on(settings: Settings) -> None:
    run = make_run(settings, freeze_backbone=True, int8=True)
    plan = job_plans.plan_training(run, dataset=DATASET, features=FEATURES, tuning=None, code=CODE)
    assert plan.channels == {**IMAGES, "features": FEATURES["model_uri"]}
    assert plan.hyperparameters["int8"] is True


def test_a_second_phase_without_a_frozen_first_one_is_refused(settings: Settings) -> None:
    run = make_run(settings, finetune_epochs=2)
    with pytest.raises(PayloadError, match=r"finetune_epochs is 2: .*Set freeze_backbone"):
        job_plans.plan_training(run, dataset=DATASET, features=None, tuning=None, code=CODE)


def test_missing_metric_definitions_name_the_setting(tmp_path: Any) -> None:
    settings = Settings(account_id="123456789012", training_dir=tmp_path)
    with pytest.raises(PayloadError, match=r"metric_definitions\.json cannot be read.*MUSHER_TRAINING_DIR"):
        jobs.load_metric_definitions(settings)


def test_features_are_computed_under_a_name_that_stands_for_them(settings: Settings) -> None:
    run = make_run(settings, architecture="resnet18", image_size=64, feature_views=2)
    plan = job_plans.plan_embedding(run, dataset=DATASET, code=CODE, weights=WEIGHTS)
    assert plan.job_name.startswith("musher-embed-")
    assert (plan.program, plan.is_compressed, plan.instance_count) == ("embed.py", False, 2)
    assert plan.channels == {**IMAGES, "weights": WEIGHTS.uri}
    again = make_run(settings, architecture="resnet18", image_size=64, feature_views=2, epochs=99)
    assert (
        job_plans.plan_embedding(again, dataset=DATASET, code=CODE, weights=WEIGHTS).job_name == plan.job_name
    )
    other = {**DATASET, "data_hash": "e" * 64}
    assert job_plans.plan_embedding(run, dataset=other, code=CODE, weights=WEIGHTS).job_name != plan.job_name


def test_nothing_is_embedded_where_the_backbone_is_trained(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    monkeypatch.setattr(embed, "current_run", lambda: make_run(settings))
    assert embed.request_features.function(DATASET) is None
    assert "freeze_backbone is off" in caplog.text


def test_trials_are_short_runs_of_the_same_script_that_save_nothing(settings: Settings) -> None:
    run = make_run(settings, tuning_epochs=2, tuning_trials=6, tuning_parallel=3, seed=7)
    plan = job_plans.plan_trials(run, dataset=DATASET, features=None, code=CODE)
    real = job_plans.plan_training(run, dataset=DATASET, features=None, tuning=None, code=CODE)
    assert plan.trial.hyperparameters == {**real.hyperparameters, "epochs": 2, "save_model": False}
    assert plan.trial.channels == real.channels
    assert (plan.trial.program, plan.trial.instance_count, plan.trial.keeps_checkpoints) == (
        "train.py",
        1,
        False,
    )
    assert (plan.strategy, plan.trials, plan.parallel, plan.seed) == ("Random", 6, 3, 7)
    assert plan.ranges == {
        "learning_rate": {
            "type": "continuous",
            "min": DEFAULTS["learning_rate_min"],
            "max": DEFAULTS["learning_rate_max"],
            "scale": "log",
        },
        "batch_size": {"type": "categorical", "values": DEFAULTS["batch_sizes"]},
    }


def test_trials_leave_the_second_phase_out(settings: Settings) -> None:
    """Nor do they save a model that int8 could be made of."""
    run = make_run(settings, freeze_backbone=True, finetune_epochs=2, int8=True)
    trial = job_plans.plan_trials(run, dataset=DATASET, features=FEATURES, code=CODE).trial
    assert (trial.hyperparameters["finetune_epochs"], trial.hyperparameters["int8"]) == (0, False)
    search = job_plans.plan_search(run, dataset=DATASET, features=FEATURES, code=CODE)
    assert (search.hyperparameters["finetune_epochs"], search.hyperparameters["int8"]) == (0, False)
    assert trial.channels == {"manifest": "s3://b/manifest/", "features": FEATURES["model_uri"]}


def test_a_batch_that_the_data_cannot_fill_is_refused_before_a_trial(settings: Settings) -> None:
    run = make_run(settings, batch_sizes=[64, 2048])
    with pytest.raises(PayloadError, match="batch_sizes: 2048, but there are 1000 training images"):
        job_plans.plan_trials(run, dataset=DATASET, features=None, code=CODE)


def test_a_search_gets_its_ranges_as_a_string_of_json(settings: Settings) -> None:
    """The container decodes each hyper-parameter once; an object would reach the script as `k=v,k=v`."""
    run = make_run(settings, freeze_backbone=True, batch_sizes=[32])
    plan = job_plans.plan_search(run, dataset=DATASET, features=FEATURES, code=CODE)
    assert plan.job_name == f"musher-search-{run.slug}"
    assert plan.program == "search.py"
    decoded = json.loads(str(plan.hyperparameters["ranges"]))
    assert isinstance(decoded, str)
    assert json.loads(decoded)["batch_size"] == {"type": "categorical", "values": [32]}
    assert not {"learning_rate", "batch_size"} & plan.hyperparameters.keys()  # the ranges say them
    assert (plan.hyperparameters["trials"], plan.hyperparameters["epochs"]) == (4, DEFAULTS["tuning_epochs"])
    assert plan.channels["features"] == FEATURES["model_uri"]


def test_fp16_is_taken_where_there_is_a_gpu(settings: Settings) -> None:
    run = make_run(settings, precision="fp16", instance_type="ml.g5.xlarge")
    assert jobs.training_options(run, None)["precision"] == "fp16"


def test_a_forms_whole_numbers_are_integers() -> None:
    given = {"epochs": 2.0, "batch_sizes": [32.0, 64], "learning_rate": 1.0, "source": "digits", "seed": 1}
    found = whole_numbers(given)
    assert found == given
    assert [type(found["epochs"]), type(found["batch_sizes"][0]), type(found["learning_rate"])] == [
        int,
        int,
        float,
    ]


@pytest.mark.parametrize(
    ("strategy", "idle"),
    [
        ("none", ["request_search", "request_trials"]),
        ("in_job", ["request_trials"]),
        ("Random", ["request_search"]),
        ("Hyperband", ["request_search"]),
    ],
)
def test_each_strategy_has_its_own_job(
    strategy: str,
    idle: list[str],
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """What returns no request skips its job alone, and stays green: nothing went wrong."""
    caplog.set_level("INFO")
    monkeypatch.setattr(tune, "current_run", lambda: make_run(settings, tuning_strategy=strategy))
    for name in idle:
        caplog.clear()
        assert getattr(tune, name).function(DATASET, FEATURES) is None
        assert f"tuning_strategy is {strategy}" in caplog.text


def test_the_trials_come_from_whichever_job_made_them(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = {
        "objective": "best:valid_loss",
        "best": {"trial": 1},
        "trials": [
            {"trial": 1, "status": "Completed", "hyperparameters": {"batch_size": 32}, "objective": 0.4}
        ],
    }
    search = {
        "job_name": "s",
        "output_uri": "s3://b/o",
        "seconds": 1.0,
        "billable_seconds": None,
        "instances": 1,
    }
    monkeypatch.setattr(tune, "current_run", lambda: make_run(settings))
    monkeypatch.setattr(outputs, "load_outputs", lambda settings, output_uri, names: [found])
    assert tune.gather_trials.function(None, TUNING) is TUNING
    read = tune.gather_trials.function(search, None)
    assert (read["strategy"], read["best"]["hyperparameters"]) == ("in_job", {"batch_size": 32})


class FakeS3:
    """A bucket with one object, or none."""

    def __init__(self, body: bytes | None) -> None:
        self.body = body

    def get_object(self, *, Bucket: str, Key: str, Range: str) -> dict[str, Any]:  # noqa: N803
        if self.body is None:
            raise ClientError({"Error": {"Code": "NoSuchKey", "Message": ""}}, "GetObject")
        first, last = Range.removeprefix("bytes=").split("-")
        return {"Body": io.BytesIO(self.body[int(first) : int(last) + 1]), "ETag": '"e1"'}


def look(body: bytes | None) -> Weights:
    """Look for weights in a bucket with this object."""
    hook: Any = SimpleNamespace(get_conn=lambda: FakeS3(body))
    return find_weights(hook, uri="s3://b/w.safetensors", architecture="resnet18")


def test_weights_are_looked_at_before_anything_is_paid_for() -> None:
    for header in (b'{"a":{}}', b'{"__metadata__":{"architecture":"resnet18"},"a":{}}'):
        body = struct.pack("<Q", len(header)) + header + b"the tensors"
        assert look(body) == Weights(uri="s3://b/w.safetensors", version="e1")


def test_weights_of_another_architecture_are_refused() -> None:
    header = b'{"__metadata__":{"architecture":"resnet50"},"a":{}}'
    with pytest.raises(PayloadError, match=r"weights of resnet50, and architecture is resnet18\. Set"):
        look(struct.pack("<Q", len(header)) + header)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (None, "cannot be read: NoSuchKey. Convert the weights with training/convert_weights.py"),
        (b"", "is no safetensors file"),
        (b"PK\x03\x04\x00\x00\x08\x08\x00", "is no safetensors file"),
        (struct.pack("<Q", 8) + b"[", "is no safetensors file"),
    ],
)
def test_weights_that_cannot_be_loaded_are_refused(body: bytes | None, message: str) -> None:
    with pytest.raises(PayloadError, match=f"weights_uri is s3://b/w.safetensors, which {message}"):
        look(body)
