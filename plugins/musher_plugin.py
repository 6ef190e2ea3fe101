"""Register Musher with Airflow: a tab with the report on each DAG run.

Airflow executes this file in each of its processes, so it imports nothing but the plugin's base class. Only
the API server builds the application behind the tab, at the first request.
"""

import asyncio
import importlib
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from airflow.plugins_manager import AirflowPlugin

PREFIX = "/musher"
"""Where the API server mounts the application."""


class LazyApp:
    """An ASGI application that is imported when it is first asked for something."""

    def __init__(self, module: str) -> None:
        """Name the module whose `app` answers."""
        self.module = module

    async def __call__(
        self,
        scope: MutableMapping[str, Any],
        receive: Callable[[], Awaitable[MutableMapping[str, Any]]],
        send: Callable[[MutableMapping[str, Any]], Awaitable[None]],
    ) -> None:
        """Import the application, not in the server's event loop, and hand the request on."""
        found = await asyncio.to_thread(importlib.import_module, self.module)
        await found.app(scope, receive, send)


class MusherPlugin(AirflowPlugin):
    """Add the tab "Report" to each DAG run.

    The address has no leading slash: the UI takes it relative to where Airflow is served.
    """

    name = "musher"
    fastapi_apps = [{"name": "musher", "url_prefix": PREFIX, "app": LazyApp("musher.web.app")}]  # noqa: RUF012 # Airflow's type
    external_views = [  # noqa: RUF012 # Airflow's type
        {
            "name": "Report",
            "href": f"{PREFIX.removeprefix('/')}/reports/{{DAG_ID}}/{{RUN_ID}}",
            "destination": "dag_run",
            "url_route": "musher-report",
        }
    ]
