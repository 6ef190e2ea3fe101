"""Airflow's public REST API, as a client of a running deployment uses it."""

import json
import urllib.error
import urllib.parse
import urllib.request
from typing import Any

TIMEOUT_S = 30.0


class ApiError(RuntimeError):
    """The API refused a call; the message holds its status and its words."""


class AirflowApi:
    """A logged-in client; its token is valid for a day (`[api_auth] jwt_expiration_time`)."""

    def __init__(self, url: str, *, user: str, password: str) -> None:
        self.url = url
        self._token = ""
        login = self._call("POST", "/auth/token", {"username": user, "password": password})
        self._token = str(login["access_token"])

    def get(self, path: str) -> Any:
        """Return the JSON of a resource below /api/v2."""
        return self._call("GET", f"/api/v2{path}")

    def unpause(self, dag: str) -> None:
        """Let the scheduler run a DAG."""
        self._call("PATCH", f"/api/v2/dags/{dag}", {"is_paused": False})

    def trigger(self, dag: str, *, conf: dict[str, Any]) -> str:
        """Start a run and return its id."""
        body = {"logical_date": None, "conf": conf}
        return str(self._call("POST", f"/api/v2/dags/{dag}/dagRuns", body)["dag_run_id"])

    def run_state(self, dag: str, run: str) -> str:
        """Return the state of a run: queued, running, success or failed."""
        return str(self.get(f"/dags/{dag}/dagRuns/{urllib.parse.quote(run, safe='')}")["state"])

    def tasks(self, dag: str, run: str) -> dict[str, dict[str, Any]]:
        """Return the task instances of a run by task id."""
        path = f"/dags/{dag}/dagRuns/{urllib.parse.quote(run, safe='')}/taskInstances?limit=100"
        return {item["task_id"]: item for item in self.get(path)["task_instances"]}

    def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        request = urllib.request.Request(  # noqa: S310 - an address of our own
            self.url + path, data=data, headers=headers, method=method
        )
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310
                return json.load(answer)
        except urllib.error.HTTPError as error:
            words = error.read().decode(errors="replace")
            raise ApiError(f"{method} {path} answered {error.code}: {words[:500]}") from error
