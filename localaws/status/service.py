"""The routes of the status page.

GET /_localaws/         the page; its fragment opens one thing, with its log while that grows: #job/NAME,
                        #endpoint/NAME, #function/NAME, #alarm/NAME, #log/GROUP, #log/GROUP/PREFIX,
                        each part percent-encoded
GET /_localaws/status   what it shows, as JSON
GET /_localaws/logs     ?group=...[&prefix=...][&account_id=...][&region=...]: the last lines of its streams
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import islice
from typing import Any
from urllib.parse import parse_qs

from localaws.asgi import Request, Response, Router, aws_error
from localaws.context import Context
from localaws.services import Describes
from localaws.status.log_lines import last_lines
from localaws.status.page import read_page

PATH = "/_localaws/"
MAX_ROWS = 200
"""Rows of one service in one section: of jobs, the newest."""
LOG_PARAMETERS = ("group", "prefix", "account_id", "region")
JSON_HEADERS = {"content-type": "application/json", "cache-control": "no-store"}


class StatusService:
    """Show what the other services say of themselves."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._page = read_page()

    def register(self, router: Router) -> None:
        """Add the routes."""
        router.add("GET", "/_localaws", self._redirect)
        router.add("GET", PATH, self._serve_page)
        router.add("GET", f"{PATH}status", self._serve_status)
        router.add("GET", f"{PATH}logs", self._serve_logs)

    async def stop(self) -> None:
        """Have nothing to end."""

    async def _redirect(self, request: Request) -> Response:
        return Response(status=308, headers={"location": PATH})

    async def _serve_page(self, request: Request) -> Response:
        return Response(body=self._page.body, headers=dict(self._page.headers))

    async def _serve_status(self, request: Request) -> Response:
        return Response(body=json.dumps(self.gather(), default=as_json).encode(), headers=dict(JSON_HEADERS))

    async def _serve_logs(self, request: Request) -> Response:
        asked = {name: values[0] for name, values in parse_qs(request.query).items()}
        if "group" not in asked:
            return aws_error(status=400, code="ValidationException", message="group must be given")
        lines = last_lines(**{name: asked.get(name, "") for name in LOG_PARAMETERS})
        return Response(body=json.dumps({"lines": lines}).encode(), headers=dict(JSON_HEADERS))

    def gather(self) -> dict[str, Any]:
        """Return what every service says of itself; sections of one name are joined, jobs newest first."""
        context = self._context
        sections: dict[str, list[Mapping[str, Any]]] = {}
        for service in context.services:
            if isinstance(service, Describes):
                for section, rows in service.describe().items():
                    sections.setdefault(section, []).extend(islice(rows, MAX_ROWS))
        sections["jobs"] = sorted(sections.get("jobs", ()), key=lambda job: job["created"], reverse=True)
        return {
            "now": context.clock.now(),
            "endpoint_url": context.endpoint_url,
            "region": context.region,
            "children": [{"name": child.name, "pid": child.pid} for child in context.supervisor.running()],
            "lines": [
                {"at": at, "group": group, "stream": stream, "message": message}
                for at, group, stream, message in list(context.recent_lines)
            ],
        } | sections


def as_json(value: object) -> str:
    """Return a time as ISO text; naive ones are UTC, as everywhere in moto."""
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).isoformat()
    return str(value)
