"""Run moto's tests of services against a server that runs, and tell what differs from the list.

`python -m scripts.moto_suite http://127.0.0.1:4566 s3 iam`, beside `python -m localaws serve`.
Against moto's own server (`python -m moto.server -p 4566`) it tells which tests fail there too.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from scripts.moto_suite.adaptations import adapt
from scripts.moto_suite.differences import compare, read_differences
from scripts.moto_suite.sources import fetch_tests
from scripts.moto_suite.suite import run_service


def main() -> int:
    """Run the command; return the exit code, 1 where something differs."""
    parser = argparse.ArgumentParser(prog="moto_suite", description=__doc__)
    parser.add_argument("url", help="the server's address")
    parser.add_argument("services", nargs="+", help="names of moto's folders of tests, without test_")
    arguments = parser.parse_args()
    known, differs = read_differences(), False
    with tempfile.TemporaryDirectory(prefix="moto-suite-") as name:
        folder = Path(name)
        fetch_tests(folder)
        adapt(folder / "tests", url=arguments.url)
        for service in arguments.services:
            outcomes = run_service(service, folder=folder, url=arguments.url)
            found = compare(service, outcomes, known)
            differs = differs or bool(str(found))
            print(f"{service}: {len(outcomes)} tests\n{found}")
    return int(differs)


if __name__ == "__main__":
    sys.exit(main())
