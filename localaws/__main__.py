"""The command line: `python -m localaws serve`."""

import argparse
import contextlib
import gc
import ipaddress
import logging
import os
import re
import sys
from pathlib import Path
from typing import NoReturn
from urllib.parse import urlsplit

import localaws
from localaws.clock import MAX_SPEED, MIN_SPEED
from localaws.errors import LocalAwsError

INTERRUPTED = 130
"""Exit code of a command that SIGINT ended before it served, as shells have it."""


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(prog="localaws", description=(localaws.__doc__ or "").partition("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    serve = commands.add_parser("serve", help="serve the AWS API until SIGINT or SIGTERM")
    serve.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    serve.add_argument(
        "--port", type=int, default=4566, help="port; 0 takes a free one (default: %(default)s)"
    )
    serve.add_argument(
        "--data-dir",
        type=Path,
        help="empty folder for jobs and objects while it runs; default: a temporary one, removed",
    )
    serve.add_argument("--region", default="us-east-1", help="default region (default: %(default)s)")
    serve.add_argument("--speed", type=float, default=1.0, help="AWS seconds in one second here")
    serve.add_argument(
        "--public-url", help="address for clients on other hosts, such as http://localaws:4566"
    )
    serve.add_argument(
        "--tls", action="store_true", help="serve HTTPS, by an authority whose certificate is named at start"
    )
    serve.add_argument("--faults", type=Path, help="JSON file of fault rules that hold from the start")
    serve.add_argument(
        "--api-limits", action="store_true", help="throttle requests at AWS's published rates of an account"
    )
    serve.add_argument(
        "--iam",
        choices=("off", "record", "enforce"),
        default="off",
        help="whether policies count: deny what they do not allow, or only record it (default: %(default)s)",
    )
    serve.add_argument(
        "--credentials-file",
        type=Path,
        help="with --iam enforce: where to write the key of the root",
    )
    serve.add_argument("--iam-record", type=Path, help="file of what principals ask for, a line of JSON each")
    serve.add_argument("--verbose", action="store_true", help="log each state change to stderr")
    serve.add_argument(
        "--allow-remote",
        action="store_true",
        help="allow an address beyond loopback: clients can run code here",
    )
    return parser


def is_region(text: str) -> bool:
    """Tell whether a region has the form of one of AWS's partitions."""
    from botocore.loaders import Loader

    partitions = Loader().load_data("partitions")["partitions"]
    return any(re.fullmatch(partition["regionRegex"], text) for partition in partitions)


def is_address(text: str) -> bool:
    """Tell whether a text is a URL of a host, without path or query."""
    try:
        parts = urlsplit(text)
        has_port = parts.port is None or parts.port > 0
    except ValueError:
        return False
    is_bare = parts.path in ("", "/") and not parts.query and not parts.fragment and not parts.username
    return parts.scheme in ("http", "https") and bool(parts.hostname) and has_port and is_bare


def check_arguments(parser: argparse.ArgumentParser, arguments: argparse.Namespace) -> None:
    """Refuse values that cannot work, naming the option."""
    if not 0 <= arguments.port <= 65535:
        parser.error(f"--port must be between 0 and 65535, not {arguments.port}")
    if not MIN_SPEED <= arguments.speed <= MAX_SPEED:
        parser.error(f"--speed must be between {MIN_SPEED} and {MAX_SPEED}, not {arguments.speed}")
    if not is_region(arguments.region):
        parser.error(f"--region must be a region of AWS, such as us-east-1, not {arguments.region!r}")
    if arguments.public_url is not None and not is_address(arguments.public_url):
        parser.error(
            "--public-url must be a scheme, a host and perhaps a port, such as http://localaws:4566, "
            f"not {arguments.public_url!r}"
        )
    check_permissions(parser, arguments)
    host = "127.0.0.1" if arguments.host == "localhost" else arguments.host
    try:
        loopback = ipaddress.IPv4Address(host).is_loopback
    except ValueError:
        parser.error(f"--host must be an IPv4 address or localhost, not {arguments.host!r}")
    if not loopback and not arguments.allow_remote:
        parser.error(
            f"--host {arguments.host} is reachable from other machines, and whoever reaches localaws "
            "can run code here; add --allow-remote if that is what you want"
        )
    arguments.host = host


def check_permissions(parser: argparse.ArgumentParser, arguments: argparse.Namespace) -> None:
    """Refuse options about permissions that do not go together."""
    if (arguments.iam == "enforce") != (arguments.credentials_file is not None):
        parser.error("--iam enforce and --credentials-file go together: without a key nobody could ask")
    if arguments.iam == "record" and arguments.iam_record is None:
        parser.error("--iam record needs --iam-record, the file to write to")
    if arguments.iam == "off" and arguments.iam_record is not None:
        parser.error("--iam-record needs --iam record or --iam enforce")


def main() -> int:
    """Run the command; returns the exit code."""
    gc.disable()  # what a start makes stays; looking through it again and again took a tenth of it
    parser = build_parser()
    arguments = parser.parse_args()
    check_arguments(parser, arguments)
    logging.basicConfig(
        level=logging.INFO if arguments.verbose else logging.WARNING,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        stream=sys.stderr,
    )
    try:
        run_server(arguments)
    except LocalAwsError as error:
        print(f"localaws: {error}", file=sys.stderr)  # noqa: T201 - a command line's error
        return 1
    except KeyboardInterrupt:  # before the server could take the signal
        return INTERRUPTED
    return 0


def run_server(arguments: argparse.Namespace) -> None:
    """Serve until a signal comes; raises LocalAwsError where that is not possible."""
    import uvloop

    from localaws.iam.enforcement.modes import Mode
    from localaws.server import ServeOptions, serve

    options = ServeOptions(
        host=arguments.host,
        port=arguments.port,
        data_dir=arguments.data_dir,
        region=arguments.region,
        speed=arguments.speed,
        public_url=arguments.public_url,
        tls=arguments.tls,
        faults=arguments.faults,
        api_limits=arguments.api_limits,
        iam=Mode(arguments.iam),
        credentials_file=arguments.credentials_file,
        iam_record=arguments.iam_record,
    )
    uvloop.run(serve(options))


def leave(code: int) -> NoReturn:
    """End the process at once: taking all of moto apart takes longer than all else at the end."""
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):  # nobody reads it any more, or it is closed
            stream.flush()
    os._exit(code)


if __name__ == "__main__":
    leave(main())
