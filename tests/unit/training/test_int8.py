"""An int8 graph serves where it was held against the floats on validation images, and nowhere else."""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import train
from PIL import Image

from imgclf import int8
from imgclf.arguments import parse_arguments
from imgclf.distributed import World, joined_world
from imgclf.errors import ConfigError
from imgclf.images.data import Channels, Dataset
from imgclf.images.loading import load_dataset
from imgclf.int8 import Verdict, check_images, compare_classes, export_int8, nodes_to_keep, spread
from imgclf.jobs import make_job
from imgclf.model_card import INT8_FILE, read_model_folder
from imgclf.serving import runtimes
from imgclf.serving.runtimes import load_served_model

onnx = pytest.importorskip("onnx")

IMAGES = {"train": 24, "valid": 12, "test": 6}
WORDS = {"architecture": "small_cnn", "image_size": 8, "batch_size": 8, "epochs": 8, "learning_rate": 0.01}


def write_images(folder: Path) -> Path:
    """Write two classes that are easily told apart: noise that is dark, and noise that is bright."""
    rng = np.random.default_rng(0)
    for split, images in IMAGES.items():
        for number, base in enumerate((30, 150)):
            place = folder / split / f"{number}"
            place.mkdir(parents=True)
            for index in range(images):
                pixels = rng.integers(base, base + 80, (8, 8, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(place / f"{index}.png")
    return folder


def run(data: Path, folder: Path, **options: object) -> int:
    """Run train.py; its model lies in folder/model."""
    named = {**WORDS, "data": data, "model_dir": folder / "model", "output_dir": folder / "output", **options}
    (folder / "sm").mkdir(parents=True, exist_ok=True)
    words = [word for name, value in named.items() for word in (f"--{name}", str(value))]
    return train.main(words, {"SM_OUTPUT_DIR": str(folder / "sm")})


def card_of(folder: Path) -> Any:
    return json.loads((folder / "model" / "model_card.json").read_text())


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_images(tmp_path_factory.mktemp("shades"))


@pytest.fixture(scope="module")
def trained(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder whose model/ was trained with --int8."""
    folder = tmp_path_factory.mktemp("trained")
    assert run(data, folder, int8=True) == 0
    return folder


@pytest.fixture
def folder(trained: Path, tmp_path: Path) -> Path:
    """Return a copy of the model folder that a test may change."""
    return Path(shutil.copytree(trained / "model", tmp_path / "model"))


@pytest.fixture
def dataset(data: Path) -> Dataset:
    channels = Channels(**{name: data / name for name in IMAGES}, manifest=None, weights=None)
    with joined_world({}, timeout_s=5) as world:
        return load_dataset(channels, world)


@pytest.fixture(autouse=True)
def no_gpu(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(runtimes, "GPUS", tmp_path / "gpus")


@pytest.fixture
def export(folder: Path, dataset: Dataset) -> Callable[[], dict[str, Any]]:
    """Return an export of int8 beside the model of `folder` that is there already."""
    model = read_model_folder(folder)
    return lambda: export_int8(
        folder, onnx=model.card["onnx"], data=dataset, preset=model.preset, tell=lambda: None
    )


def test_the_card_says_how_int8_was_judged(trained: Path) -> None:
    facts = card_of(trained)["int8"]
    content = (trained / "model" / facts["file"]).read_bytes()
    assert facts["sha256"] == hashlib.sha256(content).hexdigest()
    assert (facts["weight_bits"], facts["calibration_images"], facts["valid_images"]) == (7, 48, 24)
    assert facts["fp32_accuracy"] >= 0.9  # it really learned
    assert facts["top1_loss_points"] <= facts["max_loss_points"] == 0.5
    assert facts["img_per_s"]["int8"] > 0


def test_serving_takes_the_int8_file_and_answers_as_the_floats_do(trained: Path, dataset: Dataset) -> None:
    model = load_served_model(trained / "model", {})
    assert model.runtime.name == "onnxruntime in int8"
    floats = runtimes.OnnxRuntime(replace(model.folder, card={**model.folder.card, "int8": {}}), 1)
    assert floats.name == "onnxruntime"
    split = dataset.splits["test"]
    pixels = np.stack([model.folder.preset.to_pixels(member.read()) for member in split.members])
    found, exact = model.runtime.predict(pixels), floats.predict(pixels)
    assert not np.array_equal(found, exact)
    assert np.allclose(found, exact, atol=0.1 * np.abs(exact).max())
    assert (found.argmax(axis=1) == split.labels).all()


def test_an_int8_file_that_is_not_the_cards_is_refused(folder: Path) -> None:
    with (folder / INT8_FILE).open("ab") as file:
        file.write(b" ")
    with pytest.raises(runtimes.ModelError, match=r"model\.int8\.onnx is not the file that the model card"):
        load_served_model(folder, {})


def test_weights_have_seven_bits_so_that_no_cpu_saturates(trained: Path) -> None:
    """255 x 64 x 2 fits in 16 bits with a sign, in which x86 without VNNI adds two products."""
    graph = onnx.load(trained / "model" / INT8_FILE).graph
    weights = [
        onnx.numpy_helper.to_array(item)
        for item in graph.initializer
        if item.data_type == onnx.TensorProto.INT8 and item.dims
    ]
    largest = [int(np.abs(array.astype(int)).max()) for array in weights if array.size > 8]
    assert largest
    assert max(largest) <= 64


def test_without_the_option_there_is_no_int8_file(data: Path, tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / INT8_FILE).write_bytes(b"of another model")
    assert run(data, tmp_path, epochs=1) == 0
    assert card_of(tmp_path)["int8"] == {}
    assert not (tmp_path / "model" / INT8_FILE).exists()
    assert load_served_model(tmp_path / "model", {}).runtime.name == "onnxruntime"


def test_int8_that_costs_too_much_is_refused_with_the_figure_and_the_floats_serve(
    folder: Path,
    export: Callable[[], dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Here it takes each class for the other one."""
    exact = (folder / "model.onnx").read_bytes()
    model = onnx.load_from_string(exact)
    model.graph.node.append(onnx.helper.make_node("Neg", ["logits"], ["negated"]))
    model.graph.output[0].name = "negated"
    monkeypatch.setattr(int8, "quantise", lambda path, batches: model.SerializeToString())
    facts = export()
    loss = facts["top1_loss_points"]
    assert loss >= 80
    assert facts["refused"] == (
        f"int8 costs {loss:.2f} points of top-1 accuracy ({facts['fp32_accuracy']:.4f} to "
        f"{facts['int8_accuracy']:.4f}) on the 24 validation images, more than 0.5"
    )
    assert "file" not in facts
    assert not (folder / INT8_FILE).exists()
    assert f"{facts['refused']}: floats will serve" in caplog.text
    path = folder / "model_card.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "int8": facts}))
    assert load_served_model(folder, {}).runtime.name == "onnxruntime"


def test_a_quantiser_that_fails_costs_no_model(
    folder: Path,
    export: Callable[[], dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime.quantization", None)
    assert "onnxruntime.quantization" in export()["failed"]
    assert not (folder / INT8_FILE).exists()
    assert "no model.int8.onnx, floats will serve" in caplog.text


def test_without_a_graph_there_is_nothing_to_quantise(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(train, "export_model", lambda *_, **__: {"failed": "OSError: no room"})
    assert run(data, tmp_path, epochs=1, int8=True) == 0
    assert card_of(tmp_path)["int8"] == {"failed": "ModelError: there is no model.onnx to quantise"}


@pytest.mark.parametrize("package", ["onnx", "onnxruntime", "sympy"])
def test_an_image_that_cannot_quantise_is_refused_before_training(
    data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    package: str,
) -> None:
    found = int8.importlib.util.find_spec
    monkeypatch.setattr(
        int8.importlib.util, "find_spec", lambda name, *rest: None if name == package else found(name, *rest)
    )
    assert run(data, tmp_path, int8=True) == 1
    assert f"int8 needs the package {package}, which this image lacks" in capsys.readouterr().err
    assert not (tmp_path / "output").exists()
    assert run(data, tmp_path, epochs=1, int8=True, save_model=False) == 0  # a trial makes none


def test_a_host_without_all_images_is_refused(dataset: Dataset) -> None:
    assert check_images(dataset) is dataset
    part = replace(dataset.splits["valid"], replica=None)
    with pytest.raises(ConfigError, match="all images of split 'valid', of which this host has a part"):
        check_images(replace(dataset, splits={**dataset.splits, "valid": part}))


def test_a_job_on_features_is_refused_before_training_where_it_lacks_the_images(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import embed

    words = ["--data", str(data), "--model_dir", str(tmp_path / "features"), "--image_size", "8"]
    assert embed.main(words, {"SM_OUTPUT_DIR": str(tmp_path)}) == 0
    options = {"features": tmp_path / "features", "freeze_backbone": True, "int8": True, "epochs": 1}
    assert run(data, tmp_path, **options) == 0
    assert {"file", "refused"} & card_of(tmp_path)["int8"].keys()
    channels = {name: data / name for name in ("valid", "test")}
    named = {**WORDS, **options, **channels, "model_dir": tmp_path / "other", "output_dir": tmp_path / "none"}
    words = [word for name, value in named.items() for word in (f"--{name}", str(value))]
    assert train.main(words, {"SM_OUTPUT_DIR": str(tmp_path)}) == 1
    assert "channel 'train' is missing" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()


def test_a_checkpoint_belongs_to_the_job_with_int8_and_without(data: Path) -> None:
    identities = []
    for wanted in ("true", "false"):
        words = ["--data", str(data), "--image_size", "8", "--batch_size", "8", "--int8", wanted]
        with joined_world({}, timeout_s=5) as world:
            identities.append(make_job(parse_arguments(words, {}), world).identity())
    assert identities[0] == identities[1]


@pytest.mark.parametrize(("total", "wanted", "places"), [(5, 256, [0, 1, 2, 3, 4]), (9, 3, [0, 4, 8])])
def test_calibration_images_are_spread_over_the_split(total: int, wanted: int, places: list[int]) -> None:
    assert spread(total, wanted).tolist() == places


def verdict(hits: int, of: int = 1000) -> Verdict:
    """Return the verdict where the floats are always right and int8 is `hits` times."""
    labels = np.arange(of) % 10
    integers = np.where(np.arange(of) < hits, labels, labels + 1)
    return compare_classes(labels, integers, labels, seconds=[2.0, 0.5])


def test_a_verdict_counts_what_int8_costs() -> None:
    found = verdict(980)
    assert (found.images, found.fp32_accuracy, found.int8_accuracy) == (1000, 1.0, 0.98)
    assert found.loss_points == pytest.approx(2.0)
    assert (found.argmax_agreement, found.fp32_img_per_s, found.int8_img_per_s) == (0.98, 500, 2000)


@pytest.mark.parametrize(("hits", "is_refused"), [(1000, False), (996, False), (994, True)])
def test_half_a_point_is_the_limit(
    export: Callable[[], dict[str, Any]], monkeypatch: pytest.MonkeyPatch, hits: int, is_refused: bool
) -> None:
    monkeypatch.setattr(int8, "quantise", lambda path, batches: b"graph")
    monkeypatch.setattr(int8, "judge_graphs", lambda *_: verdict(hits))
    facts = export()
    assert ("refused" in facts, "file" in facts) == (is_refused, not is_refused)


def test_calibration_takes_one_image_at_a_time() -> None:
    """It holds all activations of what it is given."""
    pixels = np.arange(5 * 3 * 2 * 2, dtype=np.uint8).reshape(5, 3, 2, 2)
    reader = int8._Reader(iter([pixels[:3], pixels[3:]]))
    given = []
    while (found := reader.get_next()) is not None:
        given.append(found["pixels"])
    assert [len(one) for one in given] == [1] * 5
    assert np.array_equal(np.concatenate(given), pixels)


def test_normalising_and_the_last_layer_stay_in_floats(trained: Path) -> None:
    """The names are those of torch's exporter: what PixelClassifier itself does has no prefix."""
    kept = nodes_to_keep(onnx.load(trained / "model" / "model.onnx").graph)
    assert [name.rsplit("/", 1)[1] for name in kept] == ["Cast", "Mul", "Sub", "Gemm"]
    assert kept[-1].startswith("/classifier/head/")


class Told(World):
    """Rank 0 of two, whose broadcasts are kept."""

    said: list[float] = []  # noqa: RUF012 - emptied by the test

    def broadcast(self, tensor: torch.Tensor) -> torch.Tensor:
        self.said.append(float(tensor))
        return tensor


@pytest.mark.parametrize("error", [None, RuntimeError("no room")])
def test_the_others_hear_that_rank_0_works_and_when_it_has_done(
    monkeypatch: pytest.MonkeyPatch, error: Exception | None
) -> None:
    world = Told(rank=0, size=2, local_rank=0, host="one", device=torch.device("cpu"))
    world.said.clear()
    monkeypatch.setattr("imgclf.distributed.TELL_S", 0)

    def work() -> Iterator[None]:
        with world.working_alone() as tell:
            tell()
            tell()
            if error:
                raise error
            yield

    if error:
        with pytest.raises(RuntimeError, match="no room"):
            next(work())
    else:
        list(work())
    assert world.said == [1, 1, 0]


def test_it_is_told_once_a_second_at_most() -> None:
    world = Told(rank=0, size=2, local_rank=0, host="one", device=torch.device("cpu"))
    world.said.clear()
    with world.working_alone() as tell:
        tell()
    assert world.said == [0]
