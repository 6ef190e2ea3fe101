"""Run a load test: `python -m musher.traffic --rate 50 --duration-s 60 sagemaker my-endpoint --body dog.jpg`.

Prints the result as one JSON object. Exit status: 0, also where requests failed (the result says so) or a
signal ended it early; 2 where it cannot run so.
"""

import json
import logging
import sys
from collections.abc import Sequence

from musher.errors import TrafficError
from musher.traffic.load_test import run
from musher.traffic.options import build_parser, make_origin, make_plan


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one load test; return the exit status."""
    options = build_parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO)
    try:
        result = run(make_plan(options), make_origin(options))
    except TrafficError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    text = json.dumps(result, allow_nan=False) + "\n"
    if options.output is None:
        sys.stdout.write(text)
    else:
        options.output.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
