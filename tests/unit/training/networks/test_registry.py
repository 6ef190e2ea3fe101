"""The records agree with what torchvision publishes."""

from __future__ import annotations

import ast
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from imgclf.errors import ConfigError
from imgclf.networks.architecture import MAX_IMAGE_SIZE, MIN_IMAGE_SIZE
from imgclf.networks.registry import ARCHITECTURES, find_architecture

PACKAGE = Path(__file__).resolve().parents[4] / "training" / "imgclf"
PUBLISHED = [name for name, record in ARCHITECTURES.items() if record.has_published_weights]


def test_every_record_is_found_by_its_name() -> None:
    assert {name: find_architecture(name).name for name in ARCHITECTURES} == {n: n for n in ARCHITECTURES}
    assert set(PUBLISHED) == set(ARCHITECTURES) - {"small_cnn"}
    with pytest.raises(ConfigError, match="'resnet99' is unknown: choose one of small_cnn, resnet18"):
        find_architecture("resnet99")


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_weights_exist_and_fit_without_their_last_layer(name: str) -> None:
    from torchvision.models import get_weight

    record = ARCHITECTURES[name]
    weights: Any = get_weight(str(record.weights))
    assert weights.url.startswith(f"https://download.pytorch.org/models/{name}")
    assert len(weights.meta["categories"]) == 1000
    assert weights.transforms().crop_size == [224]


@pytest.mark.parametrize("name", list(ARCHITECTURES))
def test_bounds_of_image_sizes_lie_within_the_forms(name: str) -> None:
    record = ARCHITECTURES[name]
    assert MIN_IMAGE_SIZE <= record.min_image_size <= MAX_IMAGE_SIZE
    assert record.min_image_size % record.image_size_step == 0
    record.check_image_size(224)


def test_the_nearest_size_that_fits_is_proposed() -> None:
    record = replace(ARCHITECTURES["vit_b_16"], min_image_size=32)
    with pytest.raises(ConfigError, match=r"choose 32$"):
        record.check_image_size(8)
    with pytest.raises(ConfigError, match=r"choose 240$"):
        record.check_image_size(239)


def test_dataclasses_of_networks_and_features_take_keywords_only() -> None:
    paths = [*(PACKAGE / "networks").rglob("*.py"), *(PACKAGE / "features").rglob("*.py")]
    paths += [PACKAGE / f"{name}.py" for name in ("arguments", "search_arguments", "artifacts", "presets")]
    decorators = [
        ast.unparse(decorator)
        for path in paths
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ClassDef)
        for decorator in node.decorator_list
    ]
    assert len(decorators) > 10
    assert {text for text in decorators if "kw_only=True" not in text} == set()
