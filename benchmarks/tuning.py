"""What 10 trials of 5 epochs on a frozen ResNet-50 cost, against the usual loop of torchvision.

Ours is search.py: the features once, then all trials on them; the seconds are those of the whole process,
start, imports and the choice of the engine included. The reference sends each photo through the backbone in
each epoch of each trial; two whole epochs of it are run and timed, the rest is extrapolated: seconds of an
epoch x epochs x trials, without its start. Ours runs between these two epochs, so that both sides meet the
same machine. Same photos, splits, trials, order of the photos and first head.
The backbone's weights are random, from a seed, with batch normalisation fitted to photos and quiet residual
branches: what a backbone has learned changes no time. MUSHER_PHOTOS names a zip of real photos; else they are
generated. On random features the generated photos can be learned, and the real ones cannot:
best_valid_accuracy tells whether same_answers compares more than chance.

ratio            reference seconds / our seconds
same_answers     share of validation photos that the best trials of both give the same class
same_best_trial  whether both call the same trial the best
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.photos import photo_folder
from benchmarks.tables import print_table

ROOT = Path(__file__).resolve().parents[1]
TRIALS, EPOCHS, WHOLE_EPOCHS = 10, 5, 2
IMAGE_SIZE, SEED = 224, 1
RANGES = {
    "learning_rate": {"type": "continuous", "min": 1e-4, "max": 3e-2, "scale": "log"},
    "batch_size": {"type": "categorical", "values": [32, 64, 128]},
}
CALIBRATION_PHOTOS = 32
BRANCH_SCALE = 0.2
"""Scale of each residual branch. At 1, as torchvision initialises it, 16 random blocks magnify rounding a
hundredfold (measured: 1e-5 of a feature, against 3e-7), and blur what tells photos apart."""
TIMEOUT_S = 3000
PAUSED, RESUMED = "paused", "resumed"


def make_weights(data: Path, folder: Path, *, image_size: int) -> None:
    """Write the backbone's and the first head's weights, as both sides will load them.

    Without statistics of its batch normalisation, a random ResNet's features grow from block to block.
    """
    import torch
    from safetensors.torch import save_file
    from torchvision.models.resnet import Bottleneck

    from imgclf.networks.models import build_model, preset_for

    preset = preset_for(architecture="resnet50", image_size=image_size)
    torch.manual_seed(SEED)
    classes = len([path for path in (data / "train").iterdir() if path.is_dir()])
    model = build_model(architecture="resnet50", classes=classes, freeze_backbone=True)
    photos = sorted((data / "train").rglob("*.jpg"))
    chosen = photos[:: max(1, len(photos) // CALIBRATION_PHOTOS)][:CALIBRATION_PHOTOS]
    pixels = torch.stack([torch.as_tensor(preset.to_pixels(path.read_bytes())) for path in chosen])
    for module in model.backbone.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = None  # the mean of all batches, not a moving one
        if isinstance(module, Bottleneck):
            torch.nn.init.constant_(module.bn3.weight, BRANCH_SCALE)
    with torch.no_grad():
        model.backbone.train()(preset.normalise(pixels))
    for name, part in (("backbone", model.backbone), ("head", model.head)):
        (folder / name).mkdir()
        save_file(part.state_dict(), folder / name / f"{name}.safetensors")


def run_ours(data: Path, folder: Path, *, image_size: int) -> None:
    """Do what search.py does, and write the best trial's answers."""
    from search import search

    from imgclf.distributed import joined_world
    from imgclf.learning.evaluation import predict_split
    from imgclf.process import log_to_stdout, run_script
    from imgclf.search_arguments import parse_search_arguments

    log_to_stdout()
    options = {
        "data": data,
        "weights": folder / "backbone",
        "output_dir": folder / "ours",
        "image_size": image_size,
        "architecture": "resnet50",
        "trials": TRIALS,
        "epochs": EPOCHS,
        "seed": SEED,
        "ranges": json.dumps(RANGES),
    }
    words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    config = parse_search_arguments(words, os.environ)

    def work() -> None:
        with joined_world(os.environ, timeout_s=60) as world:
            found = search(config, world)
            setup = found.setup
            valid = predict_split(found.best.head, setup.inputs["valid"], world, classes=setup.classes)
        answers = {"answers": valid.logits.argmax(dim=1).tolist(), "labels": valid.labels.tolist()}
        (folder / "ours" / "answers.json").write_text(json.dumps(answers))

    if run_script(work, os.environ):
        raise SystemExit("the search failed")


def run_theirs(data: Path, folder: Path, *, image_size: int) -> None:
    """Run the reference on the trials that ours drew, and write its answers."""
    from benchmarks.tuning_reference import Reference, run_reference
    from imgclf.learning.trials import draw_trials, parse_ranges

    def pause(epoch: int) -> None:
        """Wait after the first epoch until ours has run."""
        if epoch == 1:
            (folder / PAUSED).touch()
            wait_for(folder / RESUMED)

    reference = Reference(
        data,
        folder / "backbone" / "backbone.safetensors",
        folder / "head" / "head.safetensors",
        image_size=image_size,
        seed=SEED,
    )
    ranges = parse_ranges(json.dumps(RANGES))
    trials = draw_trials(ranges, strategy="random", trials=TRIALS, seed=SEED)
    result = run_reference(reference, trials, epochs=EPOCHS, whole_epochs=WHOLE_EPOCHS, after_epoch=pause)
    (folder / "theirs.json").write_text(json.dumps(result))


@contextmanager
def started_role(
    role: str, data: Path, folder: Path, *, image_size: int
) -> Iterator[subprocess.Popen[bytes]]:
    """Start one side in a process of its own; end it with the block."""
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), str(ROOT / "training")])
    command = [sys.executable, "-m", "benchmarks.tuning", "--role", role]
    options = ["--data", str(data), "--folder", str(folder), "--image_size", str(image_size)]
    with (folder / f"{role}.log").open("wb") as log:
        process = subprocess.Popen(
            [*command, *options], cwd=ROOT, env=environ, stdout=log, stderr=subprocess.STDOUT
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def finish(role: str, process: subprocess.Popen[bytes], folder: Path) -> None:
    """Wait for one side; show its log where it failed."""
    if process.wait(TIMEOUT_S):
        raise SystemExit(f"{role} failed:\n{(folder / f'{role}.log').read_text()[-3000:]}")


def run_role(role: str, data: Path, folder: Path, *, image_size: int) -> float:
    """Run one side in a process of its own and return its seconds, from start to end."""
    started = time.perf_counter()
    with started_role(role, data, folder, image_size=image_size) as process:
        finish(role, process, folder)
        return time.perf_counter() - started


def wait_for(path: Path, process: subprocess.Popen[bytes] | None = None) -> None:
    """Wait until a file is there, or the process that should write it has ended."""
    deadline = time.monotonic() + TIMEOUT_S
    while not path.exists() and (process is None or process.poll() is None):
        if time.monotonic() > deadline:
            raise SystemExit(f"{path.name} did not come within {TIMEOUT_S} s")
        time.sleep(0.05)


def run_both(data: Path, folder: Path, *, image_size: int) -> float:
    """Run ours between the reference's two whole epochs; return our seconds."""
    with started_role("theirs", data, folder, image_size=image_size) as theirs:
        wait_for(folder / PAUSED, theirs)
        if theirs.poll() is not None:
            finish("theirs", theirs, folder)
        ours_s = run_role("ours", data, folder, image_size=image_size)
        (folder / RESUMED).touch()
        finish("theirs", theirs, folder)
    return ours_s


def compare(folder: Path, *, ours_s: float) -> dict[str, Any]:
    """Put both sides' results beside each other."""
    record = json.loads((folder / "ours" / "trials.json").read_text())
    answers = json.loads((folder / "ours" / "answers.json").read_text())["answers"]
    theirs = json.loads((folder / "theirs.json").read_text())
    losses = [trial["valid_loss"] for trial in theirs["trials"]]
    best = losses.index(min(losses))
    same = [a == b for a, b in zip(answers, theirs["trials"][best]["answers"], strict=True)]
    epoch_s = sum(theirs["epoch_s"]) / len(theirs["epoch_s"])
    objectives = [entry["objective"] for entry in record["trials"]]
    return {
        "ratio": round(epoch_s * EPOCHS * TRIALS / ours_s, 1),
        "same_answers": round(sum(same) / len(same), 4),
        "same_best_trial": record["best"]["trial"] == best + 1,
        "best_valid_accuracy": round(record["best"]["valid_accuracy"], 4),
        "ours_s": round(ours_s, 1),
        "reference_s": round(epoch_s * EPOCHS * TRIALS, 1),
        "reference_epochs_run": WHOLE_EPOCHS,
        "reference_epoch_s": [round(seconds, 1) for seconds in theirs["epoch_s"]],
        "loss_difference": max(abs(a - b) for a, b in zip(objectives, losses, strict=True)),
        "feature_difference": theirs["feature_difference"],
        "engine": record["features"]["engine"]["name"],
        "engine_img_per_s": record["features"]["engine"]["measured"],
        "features_s": record["seconds"]["features"],
        "trials_s": record["seconds"]["trials"],
    }


def report(result: dict[str, Any], images: dict[str, int], photos: str, *, image_size: int) -> None:
    """Print the table, what was extrapolated, and the JSON line."""
    searched = images["train"] + images["valid"]
    rates = [f"{searched / result[name]:.1f}" for name in ("features_s",)]
    epoch_s = result["reference_s"] / EPOCHS / TRIALS
    print_table(
        ["", "photos/s of a pass", "seconds of a pass", "passes", "seconds in all"],
        [
            [
                "torchvision loop",
                f"{searched / epoch_s:.1f}",
                f"{epoch_s:.1f}",
                EPOCHS * TRIALS,
                result["reference_s"],
            ],
            [f"search.py ({result['engine']})", *rates, f"{result['features_s']:.1f}", 1, result["ours_s"]],
        ],
    )
    print(
        f"{TRIALS} trials x {EPOCHS} epochs on {images['train']} training and {images['valid']} validation "
        f"photos ({photos}) at {image_size} px. The torchvision loop's total is extrapolated from the "
        f"{WHOLE_EPOCHS} whole epochs that were run. All trials on features took {result['trials_s']} s."
    )
    print(json.dumps({**result, "images": images, "photos": photos, "image_size": image_size}))


def main() -> None:
    """Run both sides and print what they cost, or one side in its own process."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--role", choices=("weights", "ours", "theirs"), help=argparse.SUPPRESS)
    parser.add_argument("--data", type=Path, help="folder of photos, instead of MUSHER_PHOTOS")
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--image_size", type=int, default=IMAGE_SIZE)
    options = parser.parse_args()
    if options.role:
        roles = {"weights": make_weights, "ours": run_ours, "theirs": run_theirs}
        roles[options.role](options.data, options.folder, image_size=options.image_size)
        return
    with tempfile.TemporaryDirectory(prefix="musher-tuning-") as scratch:
        folder = Path(scratch)
        data, photos = (options.data, "photos") if options.data else photo_folder(folder / "photos")
        images = {split: sum(1 for _ in (data / split).rglob("*.jpg")) for split in ("train", "valid")}
        run_role("weights", data, folder, image_size=options.image_size)
        ours_s = run_both(data, folder, image_size=options.image_size)
        report(compare(folder, ours_s=ours_s), images, photos, image_size=options.image_size)


if __name__ == "__main__":
    main()
