"""Jobs of one and two real processes: the same curve, disjoint data, one model, honest failures."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from safetensors.numpy import load_file

from imgclf.learning.metrics import metric_definitions

StartHosts = Callable[..., list[Any]]

OPTIONS = {
    "architecture": "small_cnn",
    "image_size": 16,
    "learning_rate": 0.01,
    "batch_size": 64,
    "epochs": 6,
}
LOSS_TOLERANCE = 1e-4
"""Largest difference between any step's losses on one and two hosts: rounding only (measured: 3e-7)."""


@pytest.fixture(scope="module")
def one_host(start_hosts: StartHosts, digits: Path) -> Any:
    """Train on one host."""
    [host] = start_hosts(1, data=digits, **OPTIONS)
    assert host.wait() == 0, host.log
    return host


@pytest.fixture(scope="module")
def two_hosts(start_hosts: StartHosts, digits: Path) -> list[Any]:
    """Train the same on two hosts, of which the second waits while the first makes an int8 file."""
    hosts = start_hosts(2, data=digits, int8=True, **OPTIONS)
    for host in hosts:
        assert host.wait(300) == 0, host.log
    return hosts


def losses(host: Any) -> list[float]:
    epochs = host.read("output/data/history.json")["epochs"]
    return [loss for epoch in epochs for loss in epoch["step_losses"]]


def test_two_hosts_have_the_loss_curve_of_one(one_host: Any, two_hosts: list[Any]) -> None:
    single, double = losses(one_host), losses(two_hosts[0])
    assert len(single) == len(double) > 100
    assert max(abs(a - b) for a, b in zip(single, double, strict=True)) < LOSS_TOLERANCE
    assert single[-1] < single[0] / 5


def test_two_hosts_make_the_weights_of_one(one_host: Any, two_hosts: list[Any]) -> None:
    single, double = (load_file(host.folder / "model/model.safetensors") for host in (one_host, two_hosts[0]))
    assert max(abs(single[name] - double[name]).max() for name in single) < 1e-2


def test_both_hosts_saw_disjoint_data_and_together_all_of_it(one_host: Any, two_hosts: list[Any]) -> None:
    """Digests of disjoint sets add up to the digest of their union."""
    [whole] = one_host.read("output/data/history.json")["hosts"]
    first, second = two_hosts[0].read("output/data/history.json")["hosts"]
    assert [first["host"], second["host"]] == ["algo-1", "algo-2"]
    assert first["images"] + second["images"] == whole["images"]
    assert abs(first["images"] - second["images"]) <= 1
    assert (int(first["digest"], 16) + int(second["digest"], 16)) % 2**256 == int(whole["digest"], 16)


def test_the_model_of_two_hosts_recognises_digits(two_hosts: list[Any]) -> None:
    evaluation = two_hosts[0].read("output/data/evaluation.json")
    assert evaluation["accuracy"] >= 0.95
    assert sum(map(sum, evaluation["confusion_matrix"])) == evaluation["images"]


def test_int8_of_two_hosts_was_judged_by_all_validation_images_and_serves(
    two_hosts: list[Any], digits: Path, start_server: Callable[..., Any], tmp_path: Path
) -> None:
    folder = two_hosts[0].folder / "model"
    card = two_hosts[0].read("model/model_card.json")
    images = sorted((digits / "valid").glob("*/*"))
    assert card["int8"]["valid_images"] == len(images)
    assert card["int8"]["top1_loss_points"] <= 0.5, card["int8"]
    server = start_server(folder, tmp_path / "log")
    assert "by onnxruntime in int8 on" in (tmp_path / "log").read_text()
    few = images[::10]
    answers = [server.invoke(path.read_bytes(), "image/png")[1][0] for path in few]
    named = [card_class(folder, answer) for answer in answers]
    assert sum(path.parent.name == name for path, name in zip(few, named, strict=True)) >= 0.85 * len(few)
    assert server.stop() == 0


def card_class(folder: Path, logits: list[float]) -> str:
    """Return the class of the highest logit."""
    classes = json.loads((folder / "labels.json").read_text())["classes"]
    return str(classes[logits.index(max(logits))])


def test_only_the_first_host_writes(two_hosts: list[Any]) -> None:
    assert not (two_hosts[1].folder / "model").exists()
    assert not (two_hosts[1].folder / "output/data").exists()
    assert two_hosts[0].read("model/model_card.json")["world_size"] == 2


def test_sagemakers_regexes_find_every_metric_in_the_first_hosts_log_only(two_hosts: list[Any]) -> None:
    for item in metric_definitions():
        found = re.findall(item["Regex"], two_hosts[0].log)
        assert len(found) == (1 if item["Name"].startswith(("best:", "test:")) else OPTIONS["epochs"])
        assert re.findall(item["Regex"], two_hosts[1].log) == []
    evaluation = two_hosts[0].read("output/data/evaluation.json")
    assert f"test:accuracy={evaluation['accuracy']:.6f}" in two_hosts[0].log


@pytest.mark.parametrize("victim", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_a_killed_host_fails_the_other_in_seconds(start_hosts: StartHosts, digits: Path, victim: int) -> None:
    hosts = start_hosts(2, data=digits, **{**OPTIONS, "epochs": 1000})
    hosts[0].wait_for("epoch 1:")
    hosts[victim].process.kill()
    survivor = hosts[1 - victim]
    assert survivor.wait(15) == 1
    assert "another process of this job ended" in survivor.failure
    assert "it was killed or its machine stopped" in survivor.failure


@pytest.mark.parametrize("culprit", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_the_other_host_learns_why_one_failed(
    start_hosts: StartHosts, digits: Path, tmp_path: Path, culprit: int
) -> None:
    """The first two images of class 0 belong to different hosts; one of them is cut in half."""
    data = tmp_path / "digits"
    shutil.copytree(digits, data)
    image = sorted((data / "train" / "0").iterdir())[culprit]
    image.write_bytes(image.read_bytes()[:70])
    hosts = start_hosts(2, data=data, **OPTIONS)
    assert [host.wait() for host in hosts] == [1, 1]
    assert hosts[culprit].failure.startswith(f"train/0/{image.name}: unreadable image")
    assert f"rank {culprit} on algo-{culprit + 1}: train/0/{image.name}" in hosts[1 - culprit].failure


def test_a_host_that_never_comes_is_waited_for_a_bounded_time(start_hosts: StartHosts, digits: Path) -> None:
    [alone] = start_hosts(2, only="algo-1", data=digits, peer_timeout_s=2, **OPTIONS)
    assert alone.wait(30) == 1
    assert "waited up to 2 s for 2 processes" in alone.failure


def test_a_value_refused_on_all_hosts_ends_them_with_the_same_reason(
    start_hosts: StartHosts, digits: Path
) -> None:
    hosts = start_hosts(2, data=digits, **{**OPTIONS, "batch_size": 2000})
    assert [host.wait() for host in hosts] == [1, 1]
    assert any("batch_size 2000 is larger than the" in host.failure for host in hosts)
    assert all("batch_size 2000" in host.failure for host in hosts)


@pytest.mark.slow
def test_three_hosts_have_the_loss_curve_of_one(start_hosts: StartHosts, digits: Path, one_host: Any) -> None:
    """Batches of 64 images: no host has a third of any of them."""
    hosts = start_hosts(3, data=digits, **OPTIONS)
    assert [host.wait() for host in hosts] == [0, 0, 0], hosts[0].log
    single, triple = losses(one_host), losses(hosts[0])
    assert max(abs(a - b) for a, b in zip(single, triple, strict=True)) < LOSS_TOLERANCE
    images = [host["images"] for host in hosts[0].read("output/data/history.json")["hosts"]]
    assert len(images) == 3
    assert sum(images) == one_host.read("output/data/history.json")["hosts"][0]["images"]


def test_hosts_without_an_image_in_a_batch_take_part(start_hosts: StartHosts, digits: Path) -> None:
    """Batches of 2 images, computed one by one: in many steps one of the two hosts has none."""
    options = {**OPTIONS, "batch_size": 2, "micro_batch_size": 1, "epochs": 1, "image_size": 8}
    runs = [start_hosts(count, data=digits, **options, save_model=False) for count in (1, 2)]
    assert [host.wait() for hosts in runs for host in hosts] == [0, 0, 0], runs[1][0].log
    single, double = (losses(hosts[0]) for hosts in runs)
    assert max(abs(a - b) for a, b in zip(single, double, strict=True)) < 1e-3


@pytest.mark.parametrize("count", [2, pytest.param(3, marks=pytest.mark.slow)])
def test_batch_normalisation_by_parts_is_the_same_on_any_number_of_hosts(
    start_hosts: StartHosts, few_digits: Path, count: int
) -> None:
    """150 images in batches of 48 make 3 parts of 16, and a last step of 6 images one part: a host has none.

    Normalised by host, the losses would differ from the first step; the validation loss uses the running
    statistics.
    """
    options = {**OPTIONS, "architecture": "resnet18", "image_size": 32, "init": "random", "epochs": 2}
    options |= {"batch_size": 48, "micro_batch_size": 16}
    options["learning_rate"] = 1e-5  # at a high one, rounding alone parts the curves within 20 steps
    runs = [start_hosts(hosts, data=few_digits, **options, save_model=False) for hosts in (1, count)]
    assert [host.wait() for hosts in runs for host in hosts] == [0] * (1 + count), runs[1][0].log
    single, many = (losses(hosts[0]) for hosts in runs)
    assert abs(single[0] - many[0]) < 1e-5
    assert max(abs(a - b) for a, b in zip(single, many, strict=True)) < 1e-3
    one, other = (hosts[0].read("output/data/history.json") for hosts in runs)
    for here, there in zip(one["epochs"], other["epochs"], strict=True):
        assert here["valid_loss"] == pytest.approx(there["valid_loss"], abs=1e-3)
    assert sum(host["images"] for host in other["hosts"]) == one["hosts"][0]["images"] == 150
    assert sum(int(host["digest"], 16) for host in other["hosts"]) % 2**256 == int(
        one["hosts"][0]["digest"], 16
    )
    if count == 2:
        assert (
            "batch_size 48 makes 3 parts of micro_batch_size 16, for 2 processes: some wait" in runs[1][0].log
        )


@pytest.mark.parametrize("count", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_a_job_that_sigterm_ended_continues_to_the_same_model(
    start_hosts: StartHosts, digits: Path, tmp_path: Path, count: int, one_host: Any
) -> None:
    """SIGTERM goes to the last host only; all stop together, and together they start again."""
    options = {**OPTIONS, "data": digits, "checkpoint_dir": tmp_path / "checkpoints"}
    hosts = start_hosts(count, **options)
    hosts[0].wait_for("epoch 1:")
    hosts[-1].process.terminate()
    assert [host.wait(30) for host in hosts] == [143] * count, hosts[0].log
    assert "stopped: SIGTERM ended the training in epoch" in hosts[0].log
    assert not (hosts[0].folder / "output/failure").exists()
    again = start_hosts(count, **options)
    assert [host.wait() for host in again] == [0] * count, again[0].log
    assert "continued from epoch" in again[0].log
    weights = [load_file(host.folder / "model/model.safetensors") for host in (one_host, again[0])]
    assert max(abs(weights[0][name] - weights[1][name]).max() for name in weights[0]) < (
        1e-2 if count > 1 else 1e-12
    )
    expected = [losses(one_host), losses(again[0])]
    assert max(abs(a - b) for a, b in zip(*expected, strict=True)) < LOSS_TOLERANCE
