"""Features on a GPU: each engine is near eager, embed.py writes them, train.py and search.py use them."""

from __future__ import annotations

from collections.abc import Callable

import embed
import pytest
import search
import torch
import train
from torch import nn

from imgclf.features.engines import EAGER, ENGINES, MEASURED_IMAGES, build_engine
from imgclf.networks.models import build_model
from tests.functional.training.test_feature_jobs import RANGES, read_split
from tests.gpu.conftest import RESNET, Outcome, Runner

MODEL = {name: RESNET[name] for name in ("architecture", "init", "image_size")}
SEARCH = {"ranges": RANGES, "trials": 3, "epochs": 4, "batch_size": 16}
QUICK = {"cuda": "bf16", "cpu": "channels_last"}
"""The engine beside eager that needs no compiler."""


@pytest.fixture(scope="module")
def backbone(device: torch.device) -> nn.Module:
    """Return a ResNet-18 whose batch normalisation has seen images."""
    torch.manual_seed(1)
    network = build_model(architecture="resnet18", classes=2, freeze_backbone=True).backbone.train()
    with torch.no_grad():
        network(torch.randn(16, 3, 64, 64))
    return network.eval().to(device).to(memory_format=torch.channels_last)


@pytest.fixture(scope="module")
def embedded(jobs: Runner) -> Outcome:
    """Compute the photos' features, two views of each training photo, by eager torch."""
    return jobs.run(embed.main, **MODEL, engine=EAGER, views=2)


@pytest.mark.timeout(240)  # a compiler's first run
@pytest.mark.parametrize("name", ["bf16", "compiled_bf16", "channels_last", "onnxruntime"])
def test_an_engine_stays_within_its_tolerance(
    device: torch.device, backbone: nn.Module, at_most: Callable[..., None], name: str
) -> None:
    """Also for fewer and more images than it was built with, and without compiling a second time."""
    found = [one for one in ENGINES if (one.name, one.device) == (name, device.type) and one.is_installed]
    if not found:
        pytest.skip(f"{name} is no engine of a {device.type} here")
    torch._dynamo.reset()
    torch._dynamo.utils.counters.clear()
    images = torch.randn(MEASURED_IMAGES[device.type], 3, 64, 64, device=device)
    with torch.no_grad():
        choice = build_engine(name, backbone, images)
        at_most(choice.measurements[name].difference, found[0].tolerance, "difference from eager")
        compiled = torch._dynamo.utils.counters["stats"]["unique_graphs"]
        for count in (3, len(images), len(images) + 5):
            batch = torch.randn(count, 3, 64, 64, device=device)
            truth, ours = backbone(batch), choice.run(batch)
            difference = float((ours - truth).abs().max() / truth.abs().max())
            at_most(difference, found[0].tolerance, f"difference for {count} images")
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] == compiled
    assert compiled == (1 if "compiled" in name else 0)


def test_embed_writes_each_engines_features(
    jobs: Runner, device: torch.device, embedded: Outcome, at_most: Callable[..., None]
) -> None:
    name = QUICK[device.type]
    quick = jobs.run(embed.main, **MODEL, engine=name, views=2)
    engine = quick.read("model/features.json")["engine"]
    assert (engine["name"], embedded.read("model/features.json")["engine"]["name"]) == (name, EAGER)
    for split, images, views in (("train", 96, 2), ("valid", 24, 1), ("test", 16, 1)):
        truth, ours = (read_split(job.folder / "model", split) for job in (embedded, quick))
        assert ours["features"].shape == truth["features"].shape == (images, views, 512)
        assert (ours["labels"] == truth["labels"]).all()
        difference = abs(ours["features"] - truth["features"]).max() / abs(truth["features"]).max()
        at_most(float(difference), engine["tolerance"], f"difference of {split}")


def test_a_search_over_the_features_finds_what_train_makes_of_them(
    jobs: Runner, embedded: Outcome, at_most: Callable[..., None]
) -> None:
    features = embedded.folder / "model"
    record = jobs.run(search.main, features=features, **SEARCH, **MODEL).read("output/trials.json")
    assert [trial["status"] for trial in record["trials"]] == ["Completed"] * 3
    best = record["best"]
    chosen = {"epochs": 4, "batch_size": 16, "freeze_backbone": True, **best["hyperparameters"]}
    epochs = jobs.run(train.main, features=features, **chosen, **MODEL).read("output/history.json")["epochs"]
    loss = min(epoch["valid_loss"] for epoch in epochs)
    at_most(abs(loss - best["objective"]), 1e-5, "loss of train against search")


def test_a_search_computes_the_features_that_it_is_not_given(jobs: Runner) -> None:
    record = jobs.run(search.main, **SEARCH, **MODEL).read("output/trials.json")
    assert [trial["status"] for trial in record["trials"]] == ["Completed"] * 3
    assert record["features"]["engine"]["name"] == EAGER  # a short pass measures no other
