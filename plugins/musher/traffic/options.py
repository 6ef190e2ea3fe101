"""The command line of a load test: from words to a plan and an origin."""

import argparse
from pathlib import Path
from typing import Any

from musher.errors import TrafficError
from musher.traffic.aws import AwsOrigin, endpoint_call, function_call
from musher.traffic.driver import Bounds
from musher.traffic.load_test import Plan
from musher.traffic.origins import HttpOrigin, Origin
from musher.traffic.profiles import Constant, Diurnal, Profile, Ramp, Spike
from musher.traffic.traces import ArrivalsTrace, read_trace

PROFILES = ("constant", "ramp", "spike", "diurnal", "replay")


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of `python -m musher.traffic`."""
    parser = argparse.ArgumentParser(
        prog="python -m musher.traffic", description="Send a known load; measure it."
    )
    add_load(parser.add_argument_group("load"))
    add_bounds(parser.add_argument_group("bounds"))
    parser.add_argument("--output", type=Path, help="file of the JSON result; standard output if absent")
    targets = parser.add_subparsers(dest="target", required=True)
    http = targets.add_parser("http", help="an address")
    http.add_argument("url")
    http.add_argument("--method", default="GET")
    http.add_argument("--header", action="append", default=[], metavar="NAME:VALUE")
    http.add_argument("--body", type=Path, help="file that is sent")
    endpoint = targets.add_parser("sagemaker", help="a SageMaker endpoint")
    endpoint.add_argument("endpoint_name")
    endpoint.add_argument("--body", type=Path, required=True, help="file that is sent")
    endpoint.add_argument("--content-type", default="image/jpeg")
    endpoint.add_argument("--variant")
    function = targets.add_parser("lambda", help="a Lambda function")
    function.add_argument("function_name")
    function.add_argument("--body", type=Path, required=True, help="file with the event")
    function.add_argument("--qualifier", help="version or alias")
    return parser


def add_load(group: "argparse._ArgumentGroup") -> None:
    """Add what says how many requests are due when."""
    group.add_argument("--profile", choices=PROFILES, default="constant")
    group.add_argument("--rate", type=float, help="requests per second; at the start of a ramp or wave")
    group.add_argument("--peak-rate", type=float, help="the end of a ramp, the peak of a spike or wave")
    group.add_argument("--duration-s", type=float)
    group.add_argument("--peak-at-s", type=float, help="begin of a spike")
    group.add_argument("--peak-for-s", type=float, help="length of a spike")
    group.add_argument("--period-s", type=float, default=86_400.0, help="length of one wave")
    group.add_argument("--trace", type=Path, help="CSV file to replay: second,requests or offset_s")
    group.add_argument("--spacing", choices=("even", "poisson"), default="even")
    group.add_argument("--seed", type=int, default=0)


def add_bounds(group: "argparse._ArgumentGroup") -> None:
    """Add what a load test holds at most."""
    group.add_argument("--max-in-flight", type=int, default=Bounds.max_in_flight)
    group.add_argument("--timeout-s", type=float, default=Bounds.timeout_s)


def make_plan(options: argparse.Namespace) -> Plan:
    """Return what to send; raises TrafficError naming the option that is missing."""
    return Plan(
        load=make_load(options),
        spacing=options.spacing,
        seed=options.seed,
        bounds=Bounds(max_in_flight=options.max_in_flight, timeout_s=options.timeout_s),
    )


def make_load(options: argparse.Namespace) -> Profile | ArrivalsTrace:
    """Return the profile or the trace."""
    if options.profile == "replay":
        return read_trace(_given(options, "trace"))
    rate, duration_s = _given(options, "rate"), _given(options, "duration_s")
    if options.profile == "constant":
        return Constant(rate=rate, duration_s=duration_s)
    peak_rate = _given(options, "peak_rate")
    if options.profile == "ramp":
        return Ramp(rate=rate, peak_rate=peak_rate, duration_s=duration_s)
    if options.profile == "diurnal":
        return Diurnal(rate=rate, peak_rate=peak_rate, duration_s=duration_s, period_s=options.period_s)
    return Spike(
        rate=rate,
        peak_rate=peak_rate,
        peak_at_s=_given(options, "peak_at_s"),
        peak_for_s=_given(options, "peak_for_s"),
        duration_s=duration_s,
    )


def make_origin(options: argparse.Namespace) -> Origin:
    """Return where the requests come from."""
    body = _read_body(options.body)
    if options.target == "http":
        headers = dict(_split_header(text) for text in options.header)
        return HttpOrigin(url=options.url, method=options.method.upper(), headers=headers, body=body)
    if options.target == "lambda":
        return AwsOrigin(function_call(options.function_name, body=body, qualifier=options.qualifier))
    return AwsOrigin(
        endpoint_call(
            options.endpoint_name, body=body, content_type=options.content_type, variant=options.variant
        )
    )


def _given(options: argparse.Namespace, name: str) -> Any:
    value = getattr(options, name)
    if value is None:
        option = "--" + name.replace("_", "-")
        raise TrafficError(f"{option} is missing. The profile {options.profile} needs it.")
    return value


def _read_body(path: Path | None) -> bytes:
    if path is None:
        return b""
    try:
        return path.read_bytes()
    except OSError as error:
        raise TrafficError(f"The body {path} cannot be read: {error.strerror}. Name a file.") from None


def _split_header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon or not name.strip():
        raise TrafficError(f"--header {text!r} has no colon. Write it as NAME:VALUE.")
    return name.strip(), value.strip()
