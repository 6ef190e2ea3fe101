"""What the demo reads of the requests that arrived during an update."""

from pathlib import Path
from typing import Any

from musher.traffic.options import build_parser
from scripts.releases import count_during
from scripts.second_release import UPDATE_TASK, Moments
from scripts.traffic import LIVE_LINE, Sent, argv_of, environment
from tests.unit.musher.load_records import measure_all


def sent(measured: dict[str, Any]) -> Sent:
    return Sent(measured=measured, began_s=100.0)


def test_what_was_never_sent_counts_as_failed_and_what_the_end_cut_short_does_not() -> None:
    found = sent(measure_all([0.02] * 10, failures=["http_500", "unfinished"], dropped=2))
    assert (found.requests, found.failed) == (14, 3)
    assert sent(measure_all([0.02] * 10)).failed == 0


def test_requests_are_counted_in_the_time_of_the_update_alone() -> None:
    found = sent(measure_all([0.02] * 50, duration_s=10.0))
    assert found.count_between(102.0, 105.0) == 15
    assert found.count_between(102.5, 105.5) == 10, "windows count as a whole"
    assert found.count_between(120.0, 130.0) == 0
    times = iter([102.0, 105.0])
    moments = Moments(now=lambda: next(times))
    assert count_during(found, moments) == 0
    moments("starting", UPDATE_TASK)
    assert count_during(found, moments) == 0
    moments("end", UPDATE_TASK)
    assert count_during(found, moments) == 15


def test_the_generator_s_lines_are_told_without_its_own_time() -> None:
    match = LIVE_LINE.search("INFO:musher.traffic.load_test:9 of 1800 s: 5.0 requests a second, p99 21 ms")
    assert match is not None
    assert match[1] == "5.0 requests a second, p99 21 ms"


def test_the_generator_understands_the_command_line_that_scripts_and_benchmarks_give_it() -> None:
    load = ["--rate", "5", "--duration-s", "60"]
    argv = argv_of(load, endpoint="e", body=Path("b"), content_type="image/png", output=Path("o"))
    options = build_parser().parse_args(argv[argv.index("musher.traffic") + 1 :])
    assert (options.rate, options.duration_s, options.output) == (5.0, 60.0, Path("o"))
    assert (options.endpoint_name, options.body, options.content_type) == ("e", Path("b"), "image/png")


def test_the_generator_is_led_to_localaws() -> None:
    assert environment("http://127.0.0.1:1")["AWS_ENDPOINT_URL"] == "http://127.0.0.1:1"
