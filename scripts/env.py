"""Print what to source so that Airflow's own commands work by hand on the embedded AWS: `make env`.

    .venv/bin/python -m localaws serve &
    source <(make -s env)
    airflow dags test operationalize_model
    airflow tasks test operationalize_model stage_dataset

Airflow's database, in var/dev, is migrated first, and the bootstrap stack is applied where it is missing.
Everything but the `export` lines goes to stderr.
"""

import argparse
import os
import shlex
import sys
import time
import urllib.request
from pathlib import Path

from botocore.exceptions import ClientError

from localaws.processes import Supervisor
from scripts.database import prepare_database
from scripts.local_stack import (
    BUCKET,
    ROOT,
    StackError,
    airflow_variables,
    apply_bootstrap,
    aws_variables,
    make_client,
)

FOLDER = ROOT / "var" / "dev"
ANSWER_S = 5.0
READY_S = 15.0
"""How long an embedded AWS that was started just before may take to answer."""
LOOK_S = 0.2


def check_answers(url: str) -> None:
    """Raise StackError where no embedded AWS answers at `url` within READY_S."""
    deadline = time.monotonic() + READY_S
    while True:
        try:
            urllib.request.urlopen(f"{url}/_localaws/health", timeout=ANSWER_S).close()  # noqa: S310 - our own
        except (OSError, ValueError) as error:
            if time.monotonic() < deadline:
                time.sleep(LOOK_S)
                continue
            raise StackError(
                f"no embedded AWS answers at {url} ({error}). Start it in another terminal: "
                ".venv/bin/python -m localaws serve"
            ) from error
        return


def apply_missing_stack(url: str) -> None:
    """Apply `infra/bootstrap.yaml` unless its bucket is there."""
    try:
        make_client("s3", url=url).head_bucket(Bucket=BUCKET)
    except ClientError:
        apply_bootstrap(url)


def prepare(url: str, *, home: Path) -> None:
    """Make database and stack ready."""
    check_answers(url)
    supervisor = Supervisor()
    try:
        prepare_database(supervisor, home=home, on_line=lambda line: print(line, file=sys.stderr))
    finally:
        supervisor.close()
    apply_missing_stack(url)


def render_exports(variables: dict[str, str]) -> str:
    """Return lines that a shell takes, whatever the values hold."""
    return "\n".join(f"export {name}={shlex.quote(value)}" for name, value in variables.items())


def main() -> int:
    """Prepare, print; returns the exit code."""
    parser = argparse.ArgumentParser(prog="env", description=__doc__)
    parser.add_argument(
        "--url", default="http://127.0.0.1:4566", help="the embedded AWS (default: %(default)s)"
    )
    parser.add_argument("--folder", type=Path, default=FOLDER, help="Airflow's home and database")
    arguments = parser.parse_args()
    home = arguments.folder.resolve() / "airflow"
    try:
        prepare(arguments.url, home=home)
    except StackError as error:
        print(f"env failed: {error}", file=sys.stderr)
        print("false")  # a shell that sources this does not see the exit code
        return 1
    path = f"{ROOT / '.venv' / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}"
    print(render_exports({"PATH": path, **airflow_variables(home), **aws_variables(arguments.url)}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
