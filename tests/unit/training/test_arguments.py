"""Hyper-parameters are read as SageMaker sends them, and bad ones are refused by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from imgclf.arguments import parse_arguments
from imgclf.errors import ConfigError

CHANNELS = {
    f"SM_CHANNEL_{name.upper()}": f"/opt/ml/input/data/{name}"
    for name in ("train", "valid", "test", "manifest")
}


def test_sagemaker_variables_are_the_defaults() -> None:
    config = parse_arguments(
        [], {**CHANNELS, "SM_MODEL_DIR": "/opt/ml/model", "SM_OUTPUT_DATA_DIR": "/opt/ml/output/data"}
    )
    assert config.channels.train == Path("/opt/ml/input/data/train")
    assert config.channels.manifest == Path("/opt/ml/input/data/manifest")
    assert config.channels.weights is None
    assert (config.model_dir, config.output_dir) == (Path("/opt/ml/model"), Path("/opt/ml/output/data"))


def test_options_win_over_variables() -> None:
    assert parse_arguments(["--model_dir", "here"], {"SM_MODEL_DIR": "there"}).model_dir == Path("here")


def test_json_quoted_values_are_read() -> None:
    """SageMaker's tuner reports the best values with quotes: '"64"'."""
    config = parse_arguments(
        ["--batch_size", '"64"', "--learning_rate", '"0.01"', "--architecture", '"resnet18"'], {}
    )
    assert (config.recipe.batch_size, config.recipe.learning_rate, config.architecture) == (
        64,
        0.01,
        "resnet18",
    )


def test_data_replaces_the_channels(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text("{}")
    channels = parse_arguments(["--data", str(tmp_path)], CHANNELS).channels
    assert (channels.valid, channels.manifest) == (tmp_path / "valid", tmp_path / "manifest.json")
    (tmp_path / "manifest.json").unlink()
    assert parse_arguments(["--data", str(tmp_path)], CHANNELS).channels.manifest is None


@pytest.mark.parametrize(("text", "value"), [("true", True), ("False", False), ("1", True), ("no", False)])
def test_booleans_come_as_words(text: str, value: bool) -> None:
    assert parse_arguments(["--freeze_backbone", text], {}).freeze_backbone is value
    assert parse_arguments(["--freeze_backbone"], {}).freeze_backbone is True


def test_zero_is_a_value_where_it_means_none() -> None:
    words = ["--weight_decay", "0", "--label_smoothing", "0", "--warmup_share", "0", "--patience", "0"]
    recipe = parse_arguments(words, {}).recipe
    assert (recipe.weight_decay, recipe.label_smoothing, recipe.warmup_share, recipe.patience) == (
        0,
        0,
        0,
        0,
    )


def test_pretrained_weights_are_wanted_unless_nobody_publishes_them() -> None:
    weights = {"SM_CHANNEL_WEIGHTS": "/opt/ml/input/data/weights"}
    assert parse_arguments(["--architecture", "resnet50", "--image_size", "224"], {}).init == "pretrained"
    assert parse_arguments(["--architecture", "vit_b_16"], {}).init == "pretrained"
    assert parse_arguments(["--architecture", "small_cnn"], {}).init == "random"
    assert parse_arguments(["--architecture", "small_cnn"], weights).init == "pretrained"


def test_checkpoints_go_to_sagemakers_folder_where_the_job_has_one(tmp_path: Path) -> None:
    environ = {"SAGEMAKER_BASE_DIR": str(tmp_path)}
    assert parse_arguments([], environ).checkpoint_dir is None
    (tmp_path / "checkpoints").mkdir()
    assert parse_arguments([], environ).checkpoint_dir == tmp_path / "checkpoints"


@pytest.mark.parametrize(
    ("option", "value"),
    [
        *(("learning_rate", value) for value in ("0", "-0.1", "nan", "inf", "1.1", "fast")),
        *(("batch_size", value) for value in ("0", "-4", "1.5", "", "4097")),
        *(("epochs", value) for value in ("0", "1001")),
        *(("image_size", value) for value in ("7", "1025")),
        ("architecture", "vgg16"),
        *(("weight_decay", value) for value in ("-0.1", "2", "nan")),
        *(("label_smoothing", value) for value in ("-0.1", "0.51")),
        *(("micro_batch_size", value) for value in ("0", "1.5")),
        ("schedule", "linear"),
        ("class_weights", "maybe"),
        ("precision", "int8"),
        ("init", "imagenet"),
        ("patience", "-1"),
        ("finetune_epochs", "-1"),
        ("finetune_learning_rate", "0"),
        ("checkpoint_minutes", "0"),
        ("max_bad_images", "-1"),
        ("freeze_backbone", "maybe"),
        ("seed", "-1"),
        ("momentum", "0.9"),
    ],
)
def test_a_bad_value_is_refused_by_name(option: str, value: str) -> None:
    with pytest.raises(ConfigError, match=option) as raised:
        parse_arguments([f"--{option}={value}"], {})
    assert value in str(raised.value)
