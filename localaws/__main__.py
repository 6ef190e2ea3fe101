"""The command line: `python -m localaws serve`."""

import argparse
import contextlib
import ipaddress
import logging
import os
import sys
from pathlib import Path
from typing import NoReturn

from localaws.errors import LocalAwsError


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(prog="localaws", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    serve = commands.add_parser("serve", help="serve the AWS API until SIGINT or SIGTERM")
    serve.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    serve.add_argument(
        "--port", type=int, default=4566, help="port; 0 takes a free one (default: %(default)s)"
    )
    serve.add_argument(
        "--data-dir", type=Path, help="folder for jobs and logs; default: a temporary one, removed"
    )
    serve.add_argument("--region", default="us-east-1", help="default region (default: %(default)s)")
    serve.add_argument("--speed", type=float, default=1.0, help="AWS seconds in one second here")
    serve.add_argument(
        "--public-url", help="address for clients on other hosts, such as http://localaws:4566"
    )
    serve.add_argument(
        "--tls", action="store_true", help="serve HTTPS, by an authority whose certificate is named at start"
    )
    serve.add_argument("--verbose", action="store_true", help="log each state change to stderr")
    serve.add_argument(
        "--allow-remote",
        action="store_true",
        help="allow an address beyond loopback: clients can run code here",
    )
    return parser


def check_arguments(parser: argparse.ArgumentParser, arguments: argparse.Namespace) -> None:
    """Refuse values that cannot work, naming the option."""
    if not 0 <= arguments.port <= 65535:
        parser.error(f"--port must be between 0 and 65535, not {arguments.port}")
    if arguments.speed <= 0:
        parser.error(f"--speed must be positive, not {arguments.speed}")
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


def main() -> int:
    """Run the command; returns the exit code."""
    parser = build_parser()
    arguments = parser.parse_args()
    check_arguments(parser, arguments)
    logging.basicConfig(
        level=logging.INFO if arguments.verbose else logging.WARNING,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        stream=sys.stderr,
    )
    import uvloop

    from localaws.server import ServeOptions, serve

    options = ServeOptions(
        host=arguments.host,
        port=arguments.port,
        data_dir=arguments.data_dir,
        region=arguments.region,
        speed=arguments.speed,
        public_url=arguments.public_url,
        tls=arguments.tls,
    )
    try:
        uvloop.run(serve(options))
    except LocalAwsError as error:
        print(f"localaws: {error}", file=sys.stderr)  # noqa: T201 - a command line's error
        return 1
    return 0


def leave(code: int) -> NoReturn:
    """End the process at once: taking all of moto apart takes longer than all else at the end."""
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):  # nobody reads it any more, or it is closed
            stream.flush()
    os._exit(code)


if __name__ == "__main__":
    leave(main())
