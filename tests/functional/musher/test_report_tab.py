"""The tab "Report" in Airflow's own API server: who may see it, what it shows, and what an attacker gets."""

import json
from collections.abc import Callable, Generator
from typing import Any
from urllib.parse import quote

import pytest

from tests.isolated_airflow import isolate_airflow

isolate_airflow()

DAG, OTHER = "operationalize_model", "secret_dag"
RUN = "manual__2026-01-01T00:00:00+00:00"
ACCOUNT, REGION = "210987654321", "us-east-1"
BUCKET = f"musher-{ACCOUNT}-{REGION}"
EVIL = "<h1>cats & dogs</h1><script>alert(1)</script>"

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # of Airflow's server and its libraries
    pytest.mark.filterwarnings("ignore::UserWarning"),
]


def report_path(dag_id: str, run_id: str, name: str = "") -> str:
    """Return the address that the UI makes of the tab's href."""
    return f"/musher/reports/{quote(dag_id, safe='')}/{quote(run_id, safe='')}{name}"


def connection_at(url: str) -> str:
    """Return an Airflow connection to an AWS at this address, as its variable holds it."""
    extra = {"endpoint_url": url, "region_name": REGION}
    return json.dumps({"conn_type": "aws", "login": "test", "password": "test", "extra": extra})


@pytest.fixture(scope="module")
def environment(localaws: Any) -> Generator[None, None, None]:
    """Point the API server at the project of these tests."""
    values = {
        "AIRFLOW_CONN_AWS_DEFAULT": connection_at(localaws.url),
        "MUSHER_ACCOUNT_ID": ACCOUNT,
        "MUSHER_REGION": REGION,
        "_AIRFLOW_PROCESS_CONTEXT": "server",
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in values.items():
            patch.setenv(name, value)
        yield


@pytest.fixture(scope="module")
def server(environment: None) -> Generator[Any, None, None]:
    """Yield a client of Airflow's whole API server, with a database of its own and Musher's plugin."""
    from airflow.api_fastapi.app import create_app
    from airflow.utils.db import initdb
    from fastapi.testclient import TestClient

    initdb()
    with TestClient(create_app("core"), base_url="http://127.0.0.1:8080") as client:
        yield client


@pytest.fixture(scope="module")
def runs(server: Any) -> None:
    """Store a run of two DAGs."""
    from airflow.models.dag import DagModel
    from airflow.models.dagbundle import DagBundleModel
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session
    from airflow.utils.state import DagRunState
    from airflow.utils.types import DagRunType

    with create_session() as session:
        session.add(DagBundleModel(name="tests"))
        session.flush()
        for dag_id, state in ((DAG, DagRunState.SUCCESS), (OTHER, DagRunState.RUNNING)):
            session.add(DagModel(dag_id=dag_id, bundle_name="tests"))
            run = DagRun(dag_id=dag_id, run_id=RUN, run_type=DagRunType.MANUAL, state=state)
            session.add(run)


@pytest.fixture(scope="module")
def bucket(localaws: Any) -> Any:
    """Create the project's bucket with the report of one run; return the S3 client."""
    from musher import names
    from musher.settings import Settings

    s3 = localaws.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    prefix = names.report_prefix(Settings(account_id=ACCOUNT), dag_id=DAG, run_id=RUN)
    summary = json.dumps({"dag_id": DAG, "run_id": RUN, "accuracy": 0.97})
    s3.put_object(Bucket=BUCKET, Key=f"{prefix}/summary.json", Body=summary)
    s3.put_object(Bucket=BUCKET, Key=f"{prefix}/report.html", Body=f"<!doctype html>{EVIL}".encode())
    return s3


@pytest.fixture
def token(server: Any) -> Callable[[str | None], dict[str, str]]:
    """Return a way to make the headers of a user with a role of Airflow's simple auth manager."""
    from airflow.api_fastapi.app import get_auth_manager
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser

    def make(role: str | None) -> dict[str, str]:
        user = SimpleAuthManagerUser(username="someone", role=role)
        return {"Authorization": f"Bearer {get_auth_manager().generate_jwt(user)}"}

    return make


@pytest.fixture
def viewer(token: Any, runs: None, bucket: Any) -> dict[str, str]:
    """Return the headers of a user who may read every DAG."""
    return dict(token("viewer"))


def test_a_user_who_may_read_the_dag_sees_the_report_as_it_was_written(server: Any, viewer: Any) -> None:
    answer = server.get(report_path(DAG, RUN), headers=viewer)
    assert answer.status_code == 200, answer.text
    assert answer.text == f"<!doctype html>{EVIL}"
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    numbers = server.get(report_path(DAG, RUN, "/summary.json"), headers=viewer)
    assert numbers.json()["accuracy"] == 0.97


def test_the_ui_s_cookie_is_as_good_as_a_token(server: Any, viewer: Any) -> None:
    cookie = {"Cookie": f"_token={viewer['Authorization'].removeprefix('Bearer ')}"}
    assert server.get(report_path(DAG, RUN), headers=cookie).status_code == 200


def test_whatever_a_report_holds_runs_nothing_and_loads_nothing(server: Any, viewer: Any) -> None:
    for path in (report_path(DAG, RUN), report_path(DAG, "none"), "/musher/", report_path(DAG, RUN, "/x")):
        headers = server.get(path, headers=viewer).headers
        policy = headers["content-security-policy"].split("; ")
        assert {"default-src 'none'", "frame-ancestors 'self'", "form-action 'none'"} <= set(policy)
        assert not any("script" in part or "same-origin" in part for part in policy)
        assert policy[-1] == "sandbox allow-popups allow-popups-to-escape-sandbox"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "private, no-store"


def test_who_is_not_logged_in_sees_nothing(server: Any, viewer: Any) -> None:
    for path in (report_path(DAG, RUN), report_path(DAG, RUN, "/summary.json"), report_path(OTHER, "x")):
        answer = server.get(path)
        assert answer.status_code == 401, path
        assert "0.97" not in answer.text
    forged = server.get(report_path(DAG, RUN), headers={"Authorization": "Bearer a.b.c"})
    assert forged.status_code == 403
    assert server.get(report_path(DAG, RUN), headers={"Cookie": "_token=a.b.c"}).status_code == 403


def test_a_user_without_a_role_sees_nothing(server: Any, viewer: Any, token: Any) -> None:
    answer = server.get(report_path(DAG, RUN), headers=token(None))
    assert answer.status_code == 403
    assert "You may not see the runs of this DAG" in answer.text


def test_a_user_of_one_dag_does_not_see_another_s(
    server: Any, viewer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow.api_fastapi.app import get_auth_manager

    asked: list[Any] = []

    def only_other(*, method: str, access_entity: Any, details: Any, user: Any) -> bool:
        asked.append((method, access_entity.name, details.id))
        return bool(details.id == OTHER)

    monkeypatch.setattr(get_auth_manager(), "is_authorized_dag", only_other)
    assert server.get(report_path(DAG, RUN), headers=viewer).status_code == 403
    assert server.get(report_path(DAG, RUN) + f"?dag_id={OTHER}", headers=viewer).status_code == 403
    assert server.get(report_path(OTHER, RUN), headers=viewer).status_code == 404
    assert asked == [("GET", "RUN", DAG), ("GET", "RUN", DAG), ("GET", "RUN", OTHER)]


def test_a_run_whose_key_holds_another_s_report_does_not_get_it(
    server: Any, viewer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reports can be copied within the bucket; what is found in it says whose it is."""
    from musher import names
    from musher.settings import Settings

    copied = names.report_prefix(Settings(account_id=ACCOUNT), dag_id=DAG, run_id=RUN)
    monkeypatch.setattr(names, "report_prefix", lambda *_, **__: copied)
    answer = server.get(report_path(OTHER, RUN), headers=viewer)
    assert answer.status_code == 404
    assert "another run" in answer.text
    assert "cats" not in answer.text


@pytest.mark.parametrize(
    "path",
    [
        "/musher/reports/..%2f..%2fetc/passwd",
        f"/musher/reports/{DAG}/..%2f..%2f..%2fetc%2fpasswd",
        f"/musher/reports/{DAG}/%2e%2e",
        f"/musher/reports/{DAG}/{'a' * 3000}",
        f"/musher/reports/{DAG}/%00",
        f"/musher/reports/{DAG}/%27%20OR%201=1--",
        f"/musher/reports/{DAG}/",
        "/musher/openapi.json",
        "/musher/docs",
    ],
)
def test_paths_lead_nowhere_but_to_runs(server: Any, viewer: Any, path: str) -> None:
    answer = server.get(path, headers=viewer, follow_redirects=False)
    assert answer.status_code in (404, 307), answer.text
    assert "root:" not in answer.text
    if answer.status_code == 307:
        assert answer.headers["location"].startswith("http://127.0.0.1:8080/musher/")


def test_ids_are_shown_as_text(server: Any, viewer: Any) -> None:
    answer = server.get(report_path(DAG, "<script>alert(1)<"), headers=viewer)
    assert answer.status_code == 404
    assert "<script>" not in answer.text
    assert "&lt;script&gt;" in answer.text


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_nothing_can_be_changed(server: Any, viewer: Any, method: str) -> None:
    assert server.request(method, report_path(DAG, RUN), headers=viewer).status_code == 405


def test_a_run_without_a_report_says_why(server: Any, viewer: Any) -> None:
    answer = server.get(report_path(OTHER, RUN), headers=viewer)
    assert answer.status_code == 404
    assert "The run is under way. The report is written at its end" in answer.text
    unknown = server.get(report_path(DAG, "other"), headers=viewer)
    assert "Airflow has no run" in unknown.text


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"MUSHER_PROJECT": "other"}, "There is no bucket other-"),
        ({"MUSHER_ACCOUNT_ID": "12"}, "MUSHER_ACCOUNT_ID is"),
        ({"MUSHER_AWS_CONN_ID": "aws_nowhere"}, "Airflow has no connection"),
        ({"endpoint": "http://127.0.0.1:9"}, "cannot be read: Could not connect"),
    ],
)
def test_a_bucket_that_cannot_be_read_is_a_page_with_the_remedy(
    server: Any, viewer: Any, monkeypatch: pytest.MonkeyPatch, change: dict[str, str], reason: str
) -> None:
    for name, value in change.items():
        if name == "endpoint":
            name, value = "AIRFLOW_CONN_AWS_DEFAULT", connection_at(value)
        monkeypatch.setenv(name, value)
    answer = server.get(report_path(DAG, RUN), headers=viewer)
    assert answer.status_code == 502
    assert reason in answer.text


def test_the_connection_may_come_from_airflow_s_database(
    server: Any, viewer: Any, monkeypatch: pytest.MonkeyPatch, localaws: Any
) -> None:
    from airflow.models.connection import Connection
    from airflow.utils.session import create_session

    extra = {"endpoint_url": localaws.url, "region_name": REGION}
    with create_session() as session:
        session.add(Connection("aws_stored", "aws", login="test", password="test", extra=extra))
    monkeypatch.setenv("MUSHER_AWS_CONN_ID", "aws_stored")
    assert server.get(report_path(DAG, RUN), headers=viewer).status_code == 200


def test_the_tab_leads_to_the_application(server: Any, token: Any) -> None:
    plugins = server.get("/api/v2/plugins", headers=token("admin")).json()["plugins"]
    [musher] = [plugin for plugin in plugins if plugin["name"] == "musher"]
    [view] = musher["external_views"]
    assert (view["name"], view["destination"]) == ("Report", "dag_run")
    href = view["href"].replace("{DAG_ID}", quote(DAG)).replace("{RUN_ID}", quote(RUN, safe=""))
    assert f"/{href}" == report_path(DAG, RUN)
    assert server.get("/api/v2/plugins/importErrors", headers=token("admin")).json()["import_errors"] == []
