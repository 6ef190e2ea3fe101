"""The client of Airflow's REST API: logs in, quotes run ids, and says what the API refused."""

import io
import json
import urllib.error
import urllib.request
from email.message import Message

import pytest

from scripts.airflow_api import AirflowApi, ApiError


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[urllib.request.Request]:
    """The requests that were made; each is answered as a deployment would."""
    requests: list[urllib.request.Request] = []
    answers = {
        "/auth/token": {"access_token": "a token"},
        "/api/v2/dags/d/dagRuns": {"dag_run_id": "manual__1+00:00"},
        "/api/v2/dags/d/dagRuns/manual__1%2B00%3A00": {"state": "running"},
        "/api/v2/dags/d": {"is_paused": False},
        "/api/v2/dags/d/dagRuns/r/taskInstances?limit=100": {
            "task_instances": [{"task_id": "a.b", "state": "success"}]
        },
    }

    def open_url(request: urllib.request.Request, timeout: float) -> io.BytesIO:
        requests.append(request)
        path = request.full_url.removeprefix("http://airflow")
        if path not in answers:
            body = io.BytesIO(b'{"detail": "no such DAG"}')
            raise urllib.error.HTTPError(request.full_url, 404, "Not Found", Message(), body)
        return io.BytesIO(json.dumps(answers[path]).encode())

    monkeypatch.setattr(urllib.request, "urlopen", open_url)
    return requests


def test_it_logs_in_and_shows_the_token_from_then_on(asked: list[urllib.request.Request]) -> None:
    AirflowApi("http://airflow", user="admin", password="p").unpause("d")
    login, patch = asked
    assert json.loads(login.data or b"") == {"username": "admin", "password": "p"}  # type: ignore[arg-type]
    assert login.get_header("Authorization") is None
    assert (patch.method, patch.get_header("Authorization")) == ("PATCH", "Bearer a token")


def test_a_run_is_triggered_and_asked_for_by_its_quoted_id(asked: list[urllib.request.Request]) -> None:
    api = AirflowApi("http://airflow", user="admin", password="p")
    run = api.trigger("d", conf={"epochs": 2})
    assert json.loads(asked[-1].data or b"") == {"logical_date": None, "conf": {"epochs": 2}}  # type: ignore[arg-type]
    assert api.run_state("d", run) == "running"


@pytest.mark.usefixtures("asked")
def test_tasks_come_by_their_id() -> None:
    api = AirflowApi("http://airflow", user="admin", password="p")
    assert api.tasks("d", "r") == {"a.b": {"task_id": "a.b", "state": "success"}}


@pytest.mark.usefixtures("asked")
def test_a_refusal_is_told_with_its_status_and_words() -> None:
    api = AirflowApi("http://airflow", user="admin", password="p")
    with pytest.raises(ApiError, match=r'^GET /api/v2/dags/x answered 404: \{"detail": "no such DAG"\}$'):
        api.get("/dags/x")
