"""embed.py and search.py as real processes on one and two hosts: a tiny ResNet-18 at 64 px."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file

from benchmarks.generated_photos import write_photos

StartHosts = Callable[..., list[Any]]

MODEL = {"architecture": "resnet18", "image_size": 64, "init": "random", "seed": 3}
RANGES = json.dumps({"learning_rate": {"type": "continuous", "min": 1e-3, "max": 3e-2, "scale": "log"}})
SEARCH = {"script": "search.py", "ranges": RANGES, "trials": 3, "epochs": 4, "batch_size": 16}
ROUNDING = 1e-5
"""Largest difference of features and losses between runs whose sums are ordered differently."""


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write photos of 6 classes: 72 / 18 / 12; an odd number of one class belongs to each host."""
    folder = tmp_path_factory.mktemp("photos")
    return write_photos(folder=folder, classes=6, train=12, valid=3, test=2, side=80)


def finish(hosts: list[Any]) -> list[Any]:
    """Wait for the hosts of a job; all must succeed."""
    for host in hosts:
        assert host.wait() == 0, host.log
    return hosts


@pytest.fixture(scope="module")
def embedded(start_hosts: StartHosts, photos: Path) -> Any:
    """Compute the features on one host."""
    [host] = finish(start_hosts(1, script="embed.py", data=photos, engine="eager", views=2, **MODEL))
    return host


@pytest.fixture(scope="module")
def searched(start_hosts: StartHosts, embedded: Any) -> Any:
    """Search over the features on one host."""
    [host] = finish(start_hosts(1, features=embedded.folder / "model", **SEARCH, **MODEL))
    return host


def read_split(folder: Path, split: str) -> dict[str, Any]:
    """Return a split's tensors of all shards in a folder, in the order of the positions."""
    parts = [load_file(path) for path in sorted(folder.glob(f"{split}-*.safetensors"))]
    whole = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    order = whole["positions"].argsort()
    return {name: values[order] for name, values in whole.items()}


def merged(hosts: list[Any], target: Path) -> Path:
    """Put the files of all hosts' model folders into one, as S3 has them after the job."""
    target.mkdir()
    for host in hosts:
        for path in (host.folder / "model").iterdir():
            assert not (target / path.name).exists()
            (target / path.name).write_bytes(path.read_bytes())
    return target


def test_two_hosts_share_the_images_and_make_the_features_of_one(
    start_hosts: StartHosts, photos: Path, embedded: Any, tmp_path: Path
) -> None:
    hosts = finish(start_hosts(2, script="embed.py", data=photos, engine="eager", views=2, **MODEL))
    assert [(host.folder / "model" / "features.json").is_file() for host in hosts] == [True, False]
    halves = [read_split(host.folder / "model", "train")["positions"].tolist() for host in hosts]
    assert sorted(halves[0] + halves[1]) == list(range(72))
    assert len(halves[0]) == len(halves[1]) == 36
    folder = merged(hosts, tmp_path / "merged")
    for split, images, views in (("train", 72, 2), ("valid", 18, 1), ("test", 12, 1)):
        one, two = read_split(embedded.folder / "model", split), read_split(folder, split)
        assert one["features"].shape == two["features"].shape == (images, views, 512)
        assert (one["labels"] == two["labels"]).all()
        assert np.abs(one["features"] - two["features"]).max() < ROUNDING * np.abs(one["features"]).max()
    manifests = [
        json.loads((root / "features.json").read_text()) for root in (embedded.folder / "model", folder)
    ]
    for manifest in manifests:
        del manifest["engine"], manifest["splits"]
    assert manifests[0] == manifests[1]


def test_onnx_runtime_makes_the_features_that_eager_makes(
    start_hosts: StartHosts, photos: Path, embedded: Any
) -> None:
    [host] = finish(start_hosts(1, script="embed.py", data=photos, engine="onnxruntime", views=2, **MODEL))
    assert host.read("model/features.json")["engine"]["name"] == "onnxruntime"
    eager, ours = (read_split(job.folder / "model", "train")["features"] for job in (embedded, host))
    assert np.abs(eager - ours).max() < 1e-4 * np.abs(eager).max()


def test_a_search_over_the_features_finds_what_train_makes_of_them(
    start_hosts: StartHosts, embedded: Any, searched: Any
) -> None:
    record = searched.read("output/data/trials.json")
    assert [trial["status"] for trial in record["trials"]] == ["Completed"] * 3
    best = record["best"]
    assert f"best:valid_loss={best['objective']:.6f}" in searched.log
    options = {"epochs": 4, "batch_size": 16, "freeze_backbone": "true", **best["hyperparameters"], **MODEL}
    [trained] = finish(start_hosts(1, features=embedded.folder / "model", **options))
    epochs = trained.read("output/data/history.json")["epochs"]
    assert min(epoch["valid_loss"] for epoch in epochs) == pytest.approx(best["objective"], abs=1e-6)
    assert trained.read("model/model_card.json")["backbone"]["features"]["name"] == "eager"


def test_two_hosts_search_as_one_does(start_hosts: StartHosts, embedded: Any, searched: Any) -> None:
    hosts = finish(start_hosts(2, features=embedded.folder / "model", **SEARCH, **MODEL))
    single, double = (host.read("output/data/trials.json") for host in (searched, hosts[0]))
    assert single["best"]["trial"] == double["best"]["trial"]
    for a, b in zip(single["trials"], double["trials"], strict=True):
        assert a["hyperparameters"] == b["hyperparameters"]
        assert a["objective"] == pytest.approx(b["objective"], abs=1e-4)
    assert not (hosts[1].folder / "output/data").exists()


def test_features_of_another_seed_fail_every_host_with_the_reason(
    start_hosts: StartHosts, embedded: Any
) -> None:
    options = {**SEARCH, **MODEL, "seed": 4}
    hosts = start_hosts(2, features=embedded.folder / "model", **options)
    assert [host.wait() for host in hosts] == [1, 1]
    assert all("these feature shards are from another backbone" in host.failure for host in hosts)
