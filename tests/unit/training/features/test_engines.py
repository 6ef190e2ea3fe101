"""The engine is the fastest of those that compute what eager torch computes."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import nn

from imgclf.errors import ConfigError
from imgclf.features import engines
from imgclf.features.engines import EAGER, ENGINES, Engine, build_engine, choose_engine
from imgclf.networks.models import build_model

IMAGES = torch.randn(8, 3, 64, 64, generator=torch.Generator().manual_seed(1))


@pytest.fixture(scope="module")
def backbone() -> nn.Module:
    """Return a ResNet-18 whose batch normalisation has statistics worth folding."""
    torch.manual_seed(1)
    network = build_model(architecture="resnet18", classes=2, freeze_backbone=True).backbone.train()
    with torch.no_grad():
        network(IMAGES)
    return network.eval()


@pytest.mark.parametrize("name", ["channels_last", "onnxruntime"])
def test_an_engine_computes_what_eager_does(backbone: nn.Module, name: str) -> None:
    """Measured: 4e-7 of the largest feature; also for a batch of another size than it was built with."""
    before = copy.deepcopy(backbone.state_dict())
    choice = build_engine(name, backbone, IMAGES)
    assert choice.measurements[name].difference < 1e-5
    with torch.no_grad():
        truth = backbone(IMAGES[:3])
        assert torch.allclose(choice.run(IMAGES[:3]), truth, atol=1e-5 * float(truth.abs().max()))
    assert all(torch.equal(value, before[key]) for key, value in backbone.state_dict().items())


def test_bfloat16_stays_within_its_tolerance(backbone: nn.Module) -> None:
    """The GPU's engine, computed on a CPU."""
    with torch.no_grad():
        truth = backbone(IMAGES)
        found = engines.make_bf16(backbone, IMAGES)(IMAGES)
    assert found.dtype == torch.float32
    difference = float((found - truth).abs().max() / truth.abs().max())
    assert 1e-4 < difference < engines.BF16_ROUNDING


def test_the_compiled_engine_sees_batches_of_one_size(
    backbone: nn.Module, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a GPU each other size would compile for another half minute; no compiler is needed here."""
    sizes = []

    def compiled(run: engines.Run, *, dynamic: bool) -> engines.Run:
        return lambda batch: (sizes.append(len(batch)), run(batch))[1]

    monkeypatch.setattr(torch, "compile", compiled)
    with torch.no_grad():
        truth = engines.make_bf16(backbone, IMAGES)(IMAGES)
        found = engines.make_compiled_bf16(backbone, IMAGES[:3])(IMAGES)
    assert sizes == [3, 3, 3]
    assert torch.allclose(found, truth, atol=engines.BF16_ROUNDING * float(truth.abs().max()))


def test_an_engine_is_measured_as_the_pass_runs_it(backbone: nn.Module) -> None:
    """torch.compile keeps code for inference mode apart: a pass without it compiled everything again."""
    modes = []

    def make(network: nn.Module, _: torch.Tensor) -> engines.Run:
        def run(batch: torch.Tensor) -> torch.Tensor:
            modes.append((torch.is_grad_enabled(), torch.is_inference_mode_enabled()))
            return torch.as_tensor(network(batch))

        return run

    engine = Engine(name="observed", device="cpu", make=make, tolerance=0.0, setup_s=0.0)
    with torch.no_grad():
        truth = backbone(IMAGES)
    run, found = engines.measure(engine, backbone, IMAGES, truth)
    with torch.no_grad():  # as embedding.run_split
        run(IMAGES)
    assert found.difference == 0
    assert set(modes) == {(False, False)}


def test_a_short_pass_is_not_worth_a_measurement(backbone: nn.Module) -> None:
    choice = choose_engine(backbone, IMAGES, remaining=8)
    assert choice.name == EAGER
    assert list(choice.measurements) == [EAGER]


def test_no_images_need_no_engine(backbone: nn.Module) -> None:
    assert choose_engine(backbone, IMAGES[:0], remaining=0).name == EAGER


def fake(name: str, factor: float, *, tolerance: float = 1e-4, setup_s: float = 0.0) -> Engine:
    """Return an engine whose features are eager's times a factor."""

    def make(backbone: nn.Module, _: torch.Tensor) -> engines.Run:
        return lambda batch: factor * backbone(batch)

    return Engine(name=name, device="cpu", make=make, tolerance=tolerance, setup_s=setup_s)


def choose(
    monkeypatch: pytest.MonkeyPatch, rates: dict[str, float], *others: Engine, remaining: int = 1000
) -> engines.Choice:
    """Choose among eager and others that are said to run at these rates."""
    asked = iter(rates.values())
    monkeypatch.setattr(engines, "ENGINES", (ENGINES[0], *others))
    monkeypatch.setattr(engines, "_rate", lambda run, images: next(asked))
    return choose_engine(nn.Flatten(), IMAGES, remaining=remaining)


def test_the_fastest_engine_is_chosen_and_all_rates_are_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    rates = {EAGER: 10.0, "slow": 8.0, "fast": 30.0, "middling": 20.0}
    choice = choose(monkeypatch, rates, *(fake(name, 1.0) for name in list(rates)[1:]))
    assert choice.name == "fast"
    assert choice.describe()["measured"] == rates
    assert choice.describe()["tolerance"] == 1e-4


@pytest.mark.parametrize("factor", [1.01, float("nan")])
def test_a_fast_engine_that_computes_something_else_is_never_used(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, factor: float
) -> None:
    choice = choose(monkeypatch, {EAGER: 10.0, "wrong": 1000.0}, fake("wrong", factor))
    assert choice.name == EAGER
    assert "engine wrong differs from eager" in caplog.text
    assert "wrong" not in choice.measurements


def test_an_engine_that_fails_costs_its_set_up_and_no_more(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(backbone: nn.Module, images: torch.Tensor) -> engines.Run:
        raise RuntimeError("no compiler found")

    choice = choose(
        monkeypatch,
        {EAGER: 10.0},
        Engine(name="broken", device="cpu", make=broken, tolerance=1.0, setup_s=0.0),
    )
    assert choice.name == EAGER
    assert "engine broken cannot be used: RuntimeError: no compiler found" in caplog.text


@pytest.mark.parametrize(("remaining", "chosen"), [(100, EAGER), (10_000, "exported")])
def test_a_set_up_that_cannot_pay_for_itself_is_left_out(
    monkeypatch: pytest.MonkeyPatch, remaining: int, chosen: str
) -> None:
    """100 images at 10 images/s take 10 s, of which an engine of 3 times the speed saves 6.7 s."""
    exported = fake("exported", 1.0, setup_s=7.0)
    choice = choose(monkeypatch, {EAGER: 10.0, "exported": 25.0}, exported, remaining=remaining)
    assert choice.name == chosen


def test_an_engine_that_is_not_installed_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    absent = replace(fake("absent", 1.0), needs=("no_such_package",))
    assert choose(monkeypatch, {EAGER: 10.0}, absent).name == EAGER
    monkeypatch.setattr(engines, "ENGINES", (ENGINES[0], absent))
    with pytest.raises(ConfigError, match="engine 'absent' cannot run on cpu here: use auto or eager"):
        build_engine("absent", nn.Flatten(), IMAGES)


def test_a_named_engine_that_computes_something_else_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "ENGINES", (ENGINES[0], fake("wrong", 1.01)))
    with pytest.raises(ConfigError, match="engine 'wrong' differs from eager by"):
        build_engine("wrong", nn.Flatten(), IMAGES)


def test_each_device_has_an_engine_that_is_always_there() -> None:
    by_device: dict[str, Callable[..., engines.Run]] = {
        engine.device: engine.make for engine in reversed(ENGINES)
    }
    assert by_device == {"cpu": engines.make_eager, "cuda": engines.make_eager}
