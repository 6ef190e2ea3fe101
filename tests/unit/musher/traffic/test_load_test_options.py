"""The command line: each profile and target, and what is missing."""

import json
from pathlib import Path

import pytest

from musher.errors import TrafficError
from musher.traffic.__main__ import main
from musher.traffic.aws import AwsOrigin
from musher.traffic.load_test import find_warnings
from musher.traffic.options import build_parser, make_origin, make_plan
from musher.traffic.origins import HttpOrigin
from musher.traffic.profiles import Constant, Diurnal, Ramp, Spike
from musher.traffic.recorder import Recorder

HTTP = ["http", "http://127.0.0.1:9/"]


@pytest.mark.parametrize(
    ("words", "load"),
    [
        ("--rate 5 --duration-s 9", Constant(rate=5, duration_s=9)),
        ("--profile ramp --rate 5 --peak-rate 7 --duration-s 9", Ramp(rate=5, peak_rate=7, duration_s=9)),
        (
            "--profile spike --rate 5 --peak-rate 7 --peak-at-s 1 --peak-for-s 2 --duration-s 9",
            Spike(rate=5, peak_rate=7, peak_at_s=1, peak_for_s=2, duration_s=9),
        ),
        (
            "--profile diurnal --rate 5 --peak-rate 7 --duration-s 9 --period-s 3",
            Diurnal(rate=5, peak_rate=7, duration_s=9, period_s=3),
        ),
    ],
)
def test_each_profile_has_its_options(words: str, load: object) -> None:
    assert make_plan(build_parser().parse_args([*words.split(), *HTTP])).load == load


def test_bounds_and_spacing_are_taken_over() -> None:
    words = "--rate 1 --duration-s 1 --max-in-flight 7 --timeout-s 3 --spacing poisson --seed 4"
    plan = make_plan(build_parser().parse_args([*words.split(), *HTTP]))
    assert (plan.bounds.max_in_flight, plan.bounds.timeout_s, plan.spacing, plan.seed) == (7, 3, "poisson", 4)


@pytest.mark.parametrize(
    ("words", "missing"),
    [
        ("--duration-s 9", "--rate"),
        ("--rate 9", "--duration-s"),
        ("--profile ramp --rate 1 --duration-s 9", "--peak-rate"),
        ("--profile spike --rate 1 --peak-rate 2 --duration-s 9", "--peak-at-s"),
        ("--profile replay", "--trace"),
    ],
)
def test_a_missing_option_is_named(words: str, missing: str) -> None:
    with pytest.raises(TrafficError, match=missing):
        make_plan(build_parser().parse_args([*words.split(), *HTTP]))


def test_an_address_takes_headers_and_a_body(tmp_path: Path) -> None:
    body = tmp_path / "body"
    body.write_bytes(b"x")
    words = [*HTTP, "--method", "post", "--header", "A: b:c", "--body", str(body)]
    origin = make_origin(build_parser().parse_args(words))
    assert origin == HttpOrigin(url=HTTP[1], method="POST", headers={"A": "b:c"}, body=b"x")


def test_endpoints_and_functions_are_targets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    body = tmp_path / "body"
    body.write_bytes(b"{}")
    for words in ("sagemaker name --variant blue", "lambda name --qualifier live"):
        origin = make_origin(build_parser().parse_args([*words.split(), "--body", str(body)]))
        assert isinstance(origin, AwsOrigin)
        assert "name" in origin.describe()["url"]


def test_a_header_without_colon_and_a_missing_body_are_refused() -> None:
    with pytest.raises(TrafficError, match="no colon"):
        make_origin(build_parser().parse_args([*HTTP, "--header", "A"]))
    with pytest.raises(TrafficError, match="cannot be read"):
        make_origin(build_parser().parse_args([*HTTP, "--body", "/none/at/all"]))


def test_the_program_says_what_is_wrong_and_fails(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(HTTP) == 2
    assert "--rate is missing" in capsys.readouterr().err


def test_a_sound_load_test_warns_of_nothing() -> None:
    recorder = Recorder(duration_s=1)
    recorder.send(0.0, late_s=0.001, in_flight=1)
    assert find_warnings(recorder, is_complete=True) == []


def test_what_makes_percentiles_doubtful_is_said() -> None:
    recorder = Recorder(duration_s=1)
    recorder.send(0.0, late_s=0.5, in_flight=1)
    recorder.drop(0.1)
    text = json.dumps(find_warnings(recorder, is_complete=False))
    assert all(word in text for word in ("stopped before its end", "1 requests were due", "500 ms late"))
