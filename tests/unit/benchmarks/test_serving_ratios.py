"""A ratio compares turns of one round, with the best of the others by their median."""

from __future__ import annotations

from benchmarks.contestants import Turn
from benchmarks.serving import INT8, OURS, judge
from benchmarks.serving_ratios import compare, compare_cpu, find_best, rows_of


def turns(*rates: float, cpu_ms: float = 1.0) -> list[Turn]:
    return [Turn(rate=rate, cpu_ms=cpu_ms) for rate in rates]


FOUND = {"ours": turns(10, 100, 20), "steady": turns(5, 50, 10), "lucky once": turns(1, 1000, 2)}


def test_the_best_is_so_in_its_median_turn() -> None:
    assert find_best(FOUND, ["lucky once", "steady"]) == "steady"


def test_a_ratio_is_of_turns_that_met_the_same_machine() -> None:
    """The machine was ten times as fast in the second round: medians of each alone would say as much."""
    assert compare(FOUND, "ours", ["steady", "lucky once"]) == 2
    assert compare({"ours": turns(10, 90, 30), "other": turns(10, 30, 30)}, "ours", ["other"]) == 1


def test_there_is_no_ratio_to_what_took_no_part() -> None:
    assert compare(FOUND, "ours", ["missing"]) is None
    assert compare(FOUND, "missing", ["steady"]) is None
    assert compare_cpu({}, "ours", ["steady"]) is None


def test_less_of_the_processor_is_a_higher_ratio() -> None:
    found = {"ours": turns(1, 1, cpu_ms=0.1), "other": turns(1, 1, cpu_ms=0.4)}
    assert compare_cpu(found, "ours", ["other"]) == 4


def test_a_row_has_the_turn_in_the_middle_and_both_ends() -> None:
    assert rows_of({"ours": turns(10, 100, 20, cpu_ms=0.5), "nobody": []}) == [
        ("ours", "20.0", "10.0", "100.0", "0.500")
    ]


def test_each_claim_is_held_against_its_own_peers() -> None:
    noop = {OURS: turns(40), "fastapi": turns(10)}
    model = {
        OURS: turns(12),
        INT8: turns(30),
        "in process": turns(15),
        "fastapi, torch": turns(6),
        "bentoml, torch": turns(8),
        "fastapi, onnx": turns(10),
    }
    figures = judge(noop, model, ["fastapi", "bentoml", "torchserve"])
    assert figures["noop_ratio_best_peer"] == 4
    assert figures["model_ratio_torch_peers"] == 1.5
    assert figures["model_ratio_same_engine"] == 1.2
    assert figures["int8_ratio_best_peer"] == 3
    assert figures["of_inprocess"] == 0.8
    assert figures["peers"] == ["fastapi", "bentoml"]


def test_what_was_not_measured_is_null() -> None:
    figures = judge({}, {OURS: turns(1)}, ["fastapi"])
    assert {figures[name] for name in figures if name != "peers"} == {None}
    assert figures["peers"] == []
