"""`make up` and ports of 127.0.0.1 that others have."""

import socket

import pytest

from scripts.local_stack import StackError
from scripts.up import check_port
from tests.objections import objection


def test_a_free_port_is_free_and_0_is_any() -> None:
    assert objection(check_port, 0, option="make up UI_PORT", use="Airflow's UI") is None


def test_a_port_that_is_taken_is_named_with_the_way_out() -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen()
        port = sock.getsockname()[1]
        with pytest.raises(StackError) as failure:
            check_port(port, option="make up UI_PORT", use="Airflow's UI")
    assert f"Airflow's UI cannot listen on 127.0.0.1:{port}" in str(failure.value)
    assert "make up UI_PORT=PORT" in str(failure.value)
