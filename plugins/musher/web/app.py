"""The application behind the tab "Report", mounted in Airflow's API server by musher_plugin.py.

Airflow does not authenticate what plugins mount. Each route here asks for Airflow's own user, by bearer token
or by the UI's cookie, and for the permission to read the runs of the DAG in question. Nothing is changed by
any request, so a forged one gains nothing.
"""

import logging
from typing import Any

from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
from airflow.api_fastapi.core_api.security import requires_access_dag
from airflow.models.dagrun import DagRun
from airflow.utils.session import create_session
from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response
from sqlalchemy import select

from musher.errors import MusherError
from musher.settings import Settings
from musher.web.pages import HEADERS, explain_missing, render_message
from musher.web.store import Report, ReportMissingError, read_report

logger = logging.getLogger(__name__)

TITLES = {
    401: "Log in to Airflow first",
    403: "You may not see the runs of this DAG",
    404: "There is no report",
    405: "Reports are only read",
    502: "The report cannot be read",
}

app = FastAPI(title="Musher", docs_url=None, redoc_url=None, openapi_url=None)
may_read_runs = Depends(requires_access_dag(method="GET", access_entity=DagAccessEntity.RUN))


@app.middleware("http")
async def add_headers(request: Request, call_next: Any) -> Any:
    """Send every answer, errors too, with the headers that tie it down."""
    try:
        answer = await call_next(request)
    except Exception:  # an answer without these headers would be worse than a short one
        logger.exception("%s could not be answered", request.url.path)
        answer = Response("This page could not be made. See the API server's log.", status_code=500)
    answer.headers.update(HEADERS)
    return answer


@app.exception_handler(404)
@app.exception_handler(405)
@app.exception_handler(HTTPException)
async def show_error(request: Request, error: HTTPException) -> Response:
    """Answer with a page that a person in the UI understands; with JSON where numbers were asked for."""
    if request.url.path.endswith("/summary.json"):
        return JSONResponse({"detail": error.detail}, status_code=error.status_code, headers=error.headers)
    page = render_message(title=TITLES.get(error.status_code, "Something is wrong"), text=str(error.detail))
    return HTMLResponse(page, status_code=error.status_code, headers=error.headers)


@app.get("/reports/{dag_id}/{run_id}", dependencies=[may_read_runs])
def show_report(dag_id: str, run_id: str) -> HTMLResponse:
    """Return a run's report, as its last stage wrote it."""
    return HTMLResponse(find_report(dag_id, run_id).page)


@app.get("/reports/{dag_id}/{run_id}/summary.json", dependencies=[may_read_runs])
def show_summary(dag_id: str, run_id: str) -> JSONResponse:
    """Return a run's numbers."""
    return JSONResponse(find_report(dag_id, run_id).summary)


def find_report(dag_id: str, run_id: str) -> Report:
    """Return the report of a run that Airflow knows; HTTPException with the reason where there is none."""
    state = read_state(dag_id, run_id)
    if state is None:
        raise HTTPException(404, f"Airflow has no run {run_id!r} of a DAG {dag_id!r}.")
    try:
        return read_report(Settings.from_env(), dag_id=dag_id, run_id=run_id)
    except ReportMissingError as error:
        raise HTTPException(404, f"{explain_missing(state)} ({error})") from error
    except MusherError as error:
        logger.warning("report of %s %s: %s", dag_id, run_id, error)
        raise HTTPException(502, str(error)) from error


def read_state(dag_id: str, run_id: str) -> str | None:
    """Return the state of a run, or None; the database is let go before S3, which may be slow, is asked."""
    with create_session(scoped=False) as session:
        state = session.scalar(select(DagRun.state).where(DagRun.dag_id == dag_id, DagRun.run_id == run_id))
    return None if state is None else str(state)
