"""Nothing of a processing job outlives localaws."""

import time
from pathlib import Path
from typing import Any

STOP_S = 30.0


def commands() -> str:
    """Return the command lines of all processes."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found.append(entry.read_text(errors="replace").replace("\0", " "))
        except OSError:
            continue
    return "\n".join(found)


def test_no_container_outlives_localaws(start_server: Any, processing_of: Any) -> None:
    server = start_server()
    processing = processing_of(server)
    request = processing.request()
    request["AppSpecification"]["ContainerEntrypoint"] = [
        "/bin/sh",
        "-c",
        "trap '' TERM; echo up; sleep 611.25 & sleep 612.25",
    ]
    processing.sagemaker.create_processing_job(**request)
    processing.wait_for_line(request["ProcessingJobName"], "up")
    assert "sleep 611.25" in commands()
    server.process.terminate()
    assert server.process.wait(timeout=STOP_S) == 0
    deadline = time.monotonic() + STOP_S
    while "sleep 611.25" in commands() or "sleep 612.25" in commands():
        assert time.monotonic() < deadline
        time.sleep(0.1)
