"""Features are named by what they are computed from."""

import dataclasses

import pytest

from musher.payloads.features import RANDOM, FeaturesKey, features_id

KEY = FeaturesKey(
    data_hash="d" * 64,
    weights="etag-1",
    architecture="resnet50",
    image_size=224,
    views=1,
    seed=1,
    code_hash="c" * 64,
)


def test_the_same_parts_give_the_same_id() -> None:
    found = features_id(KEY)
    assert len(found) == 16
    assert int(found, 16) >= 0
    assert found == features_id(dataclasses.replace(KEY))


@pytest.mark.parametrize(
    "change",
    [
        {"data_hash": "e" * 64},
        {"weights": "etag-2"},
        {"weights": RANDOM},
        {"architecture": "resnet18"},
        {"image_size": 64},
        {"views": 2},
        {"code_hash": "0" * 64},
    ],
    ids=lambda change: next(iter(change)),
)
def test_any_other_part_gives_another_id(change: dict[str, object]) -> None:
    assert features_id(dataclasses.replace(KEY, **change)) != features_id(KEY)  # type: ignore[arg-type]  # one field


def test_the_seed_counts_for_random_weights_only() -> None:
    given, drawn = KEY, dataclasses.replace(KEY, weights=RANDOM)
    assert features_id(dataclasses.replace(given, seed=2)) == features_id(given)
    assert features_id(dataclasses.replace(drawn, seed=2)) != features_id(drawn)
