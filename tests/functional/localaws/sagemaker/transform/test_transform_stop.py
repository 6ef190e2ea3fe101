"""A transform job does not keep localaws from stopping."""

import time
from typing import Any

STOP_S = 30.0


def test_localaws_stops_while_a_model_thinks(start_server: Any, transforms_of: Any) -> None:
    server = start_server()
    transforms = transforms_of(server)
    transforms.put({"a.csv": b"one", "b.csv": b"slow"})
    transforms.create()
    deadline = time.monotonic() + 60
    while not transforms.outputs():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    server.process.terminate()
    assert server.process.wait(timeout=STOP_S) == 0
