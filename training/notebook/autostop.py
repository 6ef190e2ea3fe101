"""Stop this notebook instance once nobody has used it for a while; cron runs it every five minutes.

    python3 autostop.py --idle-minutes 60

In use is a kernel that is busy; else the last use of a kernel or a terminal counts, as Jupyter tells it.
Where Jupyter does not answer, what it told before counts, and at first the start of the instance, which
`on_start.sh` notes. The instance is stopped, not deleted, with the rights of its own role: what lies in
/home/ec2-user/SageMaker stays.

Standard library and boto3 only, for every Python from 3.9 on.
"""

from __future__ import annotations

import argparse
import json
import logging
import ssl
import sys
import time
import urllib.error
import urllib.request
from datetime import datetime
from pathlib import Path
from typing import Any

logger = logging.getLogger("autostop")

JUPYTER = "https://localhost:8443/api"
ANSWER_S = 20
"""How long Jupyter may take to answer: it is slow while a notebook of many megabytes is saved."""

METADATA = Path("/opt/ml/metadata/resource-metadata.json")
"""Where SageMaker says what this instance is called."""

LAST_USE = Path(__file__).with_name("last_use")
"""Seconds since 1970: the start of the instance, later the last use that Jupyter has told of."""

BUSY = "busy"


def ask_jupyter(what: str) -> list[dict[str, Any]]:
    """Return Jupyter's list of kernels or terminals; none where the server has no terminals."""
    # The certificate is the instance's own, for another name, and the request never leaves the machine.
    context = ssl._create_unverified_context()  # noqa: S323
    try:
        with urllib.request.urlopen(f"{JUPYTER}/{what}", timeout=ANSWER_S, context=context) as answer:  # noqa: S310
            found: list[dict[str, Any]] = json.load(answer)
    except urllib.error.HTTPError as error:
        if error.code == 404 and what == "terminals":
            return []
        raise
    return found


def find_last_use(
    kernels: list[dict[str, Any]], terminals: list[dict[str, Any]], *, now: float
) -> float | None:
    """Return when a kernel or terminal was last used, in seconds since 1970; None where there is neither."""
    if any(kernel.get("execution_state") == BUSY for kernel in kernels):
        return now
    times = [found["last_activity"] for found in (*kernels, *terminals) if found.get("last_activity")]
    return max(
        (datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() for text in times), default=None
    )


def read_last_use(*, now: float) -> float:
    """Return the last use that is noted; without a note the time counts from now, which is noted."""
    try:
        return float(LAST_USE.read_text())
    except (OSError, ValueError):
        write_last_use(now)
        return now


def write_last_use(moment: float) -> None:
    """Note a use, over the note before: where the disk is full, one that was emptied first would stay empty.

    What cannot be noted ends nothing: this look still knows it, and an idle instance must stop.
    """
    text = f"{moment:.3f}\n"
    try:
        with LAST_USE.open("r+" if LAST_USE.exists() else "w") as file:
            file.write(text)
            file.truncate()
    except OSError as error:
        logger.warning("the last use is not noted: %s", error)


def note_use(*, now: float) -> float:
    """Ask Jupyter, note what it tells, and return the last use in seconds since 1970."""
    noted = read_last_use(now=now)
    try:
        told = find_last_use(ask_jupyter("kernels"), ask_jupyter("terminals"), now=now)
    except Exception as error:  # noqa: BLE001  # whatever it is, an instance that nobody uses must stop
        logger.warning("Jupyter does not answer as it should: %s", error)
        return noted
    used_at = max(noted, told or 0.0)
    write_last_use(used_at)
    return used_at


def stop_instance() -> None:
    """Have SageMaker stop this instance, which it finds in the instance's metadata."""
    import boto3  # only where it is needed: it takes most of a second, every five minutes

    metadata = json.loads(METADATA.read_text())
    region = metadata["ResourceArn"].split(":")[3]
    client = boto3.client("sagemaker", region_name=region)
    client.stop_notebook_instance(NotebookInstanceName=metadata["ResourceName"])


def main(arguments: list[str] | None = None) -> int:
    """Look once; stop the instance where its time is over; return the exit code."""
    parser = argparse.ArgumentParser(prog="autostop", description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--idle-minutes", type=float, required=True, help="Minutes without use to stop after."
    )
    limit = parser.parse_args(arguments).idle_minutes
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    now = time.time()
    idle = (now - note_use(now=now)) / 60
    if idle < limit:
        logger.info("unused for %.0f of %g minutes", max(0.0, idle), limit)
        return 0
    logger.info("unused for %.0f minutes, more than %g: stopping the instance", idle, limit)
    try:
        stop_instance()
    except Exception as error:  # noqa: BLE001  # the next look tries again; this line is all that is seen of it
        logger.error("the instance cannot be stopped: %s", error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
