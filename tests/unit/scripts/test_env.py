"""`make env`: what to source so that Airflow's own commands work by hand."""

from pathlib import Path

import pytest

from scripts import env
from scripts.env import check_answers
from scripts.local_stack import StackError, airflow_variables, aws_variables


def test_all_that_airflow_needs_is_there() -> None:
    names = {**airflow_variables(Path("/home/x")), **aws_variables("http://127.0.0.1:4566")}
    assert {
        "AIRFLOW_HOME",
        "AIRFLOW__CORE__DAGS_FOLDER",
        "AIRFLOW__CORE__PLUGINS_FOLDER",
        "AIRFLOW_CONN_AWS_DEFAULT",
        "MUSHER_ACCOUNT_ID",
    } <= set(names)


def test_links_lead_to_the_embedded_aws_s_own_page() -> None:
    assert aws_variables("http://127.0.0.1:1")["MUSHER_CONSOLE_URL"] == "http://127.0.0.1:1/_localaws/"


def test_without_an_embedded_aws_it_says_how_to_start_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(url: str, *, timeout: float) -> None:
        raise ConnectionRefusedError("Connection refused")

    monkeypatch.setattr(env.urllib.request, "urlopen", refuse)
    monkeypatch.setattr(env, "READY_S", 0.0)
    with pytest.raises(StackError, match=r"no embedded AWS answers at http://x .*-m localaws serve"):
        check_answers("http://x")
