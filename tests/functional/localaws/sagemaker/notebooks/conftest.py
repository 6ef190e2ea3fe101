"""Notebook instances, what they say, and cells that are run in them."""

import base64
import json
import ssl
import time
import uuid
from collections.abc import Callable, Generator
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
import websocket

from tests.namespaces import has_namespaces
from tests.sagemaker_jobs import read_stream, wait_until
from tests.sagemaker_role import ensure_role

GROUP = "/aws/sagemaker/NotebookInstances"
WAIT_S = 400.0
"""Real seconds: more than localaws waits for a server, so that its own reason is told first."""
CELL_S = 60.0


class Notebooks:
    """Create instances in one AWS, wait for them, and run cells in them."""

    def __init__(self, aws: Any) -> None:
        self.aws = aws
        self.sagemaker, self.logs, self.iam = (aws.client(name) for name in ("sagemaker", "logs", "iam"))
        self.role = ensure_role(self.iam, "notebook-tests")

    def configure(self, *, on_create: str = "", on_start: str = "") -> str:
        """Create a lifecycle configuration; return its name."""
        name = f"config-{uuid.uuid4().hex[:10]}"
        hooks = {
            hook: [{"Content": base64.b64encode(script.encode()).decode()}]
            for hook, script in (("OnCreate", on_create), ("OnStart", on_start))
            if script
        }
        self.sagemaker.create_notebook_instance_lifecycle_config(
            NotebookInstanceLifecycleConfigName=name, **hooks
        )
        return name

    def create(self, **more: Any) -> str:
        """Create an instance; return its name."""
        name = more.pop("name", f"notebook-{uuid.uuid4().hex[:10]}")
        request = {"InstanceType": "ml.t3.medium", "RoleArn": self.role} | more
        self.sagemaker.create_notebook_instance(NotebookInstanceName=name, **request)
        return name

    def describe(self, name: str) -> dict[str, Any]:
        """Describe an instance."""
        return dict(self.sagemaker.describe_notebook_instance(NotebookInstanceName=name))

    def wait(self, name: str, status: str) -> dict[str, Any]:
        """Wait for a status, or until it has failed; return the description."""
        wait_until(
            lambda: self.describe(name)["NotebookInstanceStatus"] in (status, "Failed"),
            timeout_s=WAIT_S,
            describe=lambda: self.tell(name),
        )
        found = self.describe(name)
        assert found["NotebookInstanceStatus"] == status, self.tell(name)
        return found

    def tell(self, name: str) -> tuple[Any, ...]:
        """Return what is known of an instance."""
        streams = ("LifecycleConfigOnCreate", "LifecycleConfigOnStart", "jupyter.log")
        return (self.describe(name), *(self.lines(name, stream) for stream in streams))

    def start(self, name: str) -> None:
        """Start an instance, and wait until it is in service."""
        self.sagemaker.start_notebook_instance(NotebookInstanceName=name)
        self.wait(name, "InService")

    def stop(self, name: str) -> None:
        """Stop an instance, and wait until it is off."""
        self.sagemaker.stop_notebook_instance(NotebookInstanceName=name)
        self.wait(name, "Stopped")

    def delete(self, name: str) -> None:
        """Delete an instance that is off, and wait until it is gone."""
        self.sagemaker.delete_notebook_instance(NotebookInstanceName=name)
        wait_until(lambda: name not in self.names(), timeout_s=WAIT_S, describe=lambda: self.describe(name))

    def names(self, **filters: Any) -> list[str]:
        """List instances, by their names."""
        pages = self.sagemaker.get_paginator("list_notebook_instances").paginate(**filters)
        return [item["NotebookInstanceName"] for page in pages for item in page["NotebookInstances"]]

    def lines(self, name: str, stream: str) -> list[str]:
        """Return a log stream of an instance."""
        return read_stream(self.logs, group=GROUP, prefix=f"{name}/{stream}")

    def url(self, name: str, **options: Any) -> str:
        """Return a presigned URL."""
        answer = self.sagemaker.create_presigned_notebook_instance_url(NotebookInstanceName=name, **options)
        return str(answer["AuthorizedUrl"])

    def enter(self, name: str) -> "Browser":
        """Enter an instance as a browser does."""
        return Browser(self.url(name))


class Browser:
    """A session with one instance's server."""

    def __init__(self, url: str) -> None:
        self.base = f"http://{urlsplit(url).netloc}"
        self.session = requests.Session()
        self.first = self.session.get(url, timeout=30)

    def get(self, path: str, **headers: str) -> requests.Response:
        """Get a path."""
        return self.session.get(self.base + path, headers=headers, timeout=30)

    def post(self, path: str, content: Any = None, **headers: str) -> requests.Response:
        """Post to a path, as a page of the server's does."""
        own = {"X-XSRFToken": self.session.cookies.get("_xsrf", "")} | headers
        return self.session.post(self.base + path, json=content, headers=own, timeout=30)

    def open_kernel(self, notebook: str = "work.ipynb", kernel: str = "conda_python3") -> str:
        """Start a session with a kernel; return the kernel's id."""
        content = {
            "path": notebook,
            "name": notebook,
            "type": "notebook",
            "kernel": {"name": kernel},
        }
        answer = self.post("/api/sessions", content)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["kernel"]["id"])

    def socket(self, path: str) -> websocket.WebSocket:
        """Open a websocket with the session's cookies."""
        cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in self.session.cookies)
        address = self.base.replace("http:", "ws:") + path
        return websocket.create_connection(address, cookie=cookies, origin=self.base, timeout=CELL_S)

    def run(self, kernel: str, code: str) -> str:
        """Run a cell; return what it printed, or the error's last line."""
        socket = self.socket(f"/api/kernels/{kernel}/channels")
        try:
            return ask(socket, code)
        finally:
            socket.close()


def ask(socket: websocket.WebSocket, code: str) -> str:
    """Send a cell to a kernel, and take its output until the kernel is idle again."""
    message_id = uuid.uuid4().hex
    header = {"msg_id": message_id, "username": "", "session": "s", "msg_type": "execute_request"}
    content = {"code": code, "silent": False, "store_history": False, "allow_stdin": False}
    message = {"header": header | {"version": "5.3"}, "parent_header": {}, "metadata": {}}
    socket.send(json.dumps(message | {"content": content, "channel": "shell"}))
    said, over = "", time.monotonic() + CELL_S
    while time.monotonic() < over:
        answer = json.loads(socket.recv())
        if answer["parent_header"].get("msg_id") != message_id:
            continue
        kind, found = answer["header"]["msg_type"], answer["content"]
        if kind == "stream":
            said += found["text"]
        elif kind == "error":
            said += f"{found['ename']}: {found['evalue']}"
        elif kind == "status" and found["execution_state"] == "idle":
            return said
    raise AssertionError(f"the kernel did not end: {said}")


def inside_url(browser: Browser) -> str:
    """Return the address of the server inside, as this machine sees it."""
    return f"https://{urlsplit(browser.base).hostname}:8443"


def trust_all() -> ssl.SSLContext:
    """Return a context that checks nothing."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


@pytest.fixture(scope="module")
def notebooks(fast_localaws: Any) -> Notebooks:
    """Return notebook instances where a second counts for thirty."""
    if not has_namespaces():
        pytest.skip("notebook instances need namespaces")
    return Notebooks(fast_localaws)


@pytest.fixture(scope="module")
def patient_notebooks(start_server: Callable[..., Any]) -> Notebooks:
    """Return notebook instances whose scripts have fifty seconds, for what imports packages in them."""
    if not has_namespaces():
        pytest.skip("notebook instances need namespaces")
    return Notebooks(start_server("--speed", "6"))


@pytest.fixture(scope="module")
def running(notebooks: Notebooks) -> Generator[str, None, None]:
    """Yield an instance in service, which is deleted at the end."""
    name = notebooks.create()
    notebooks.wait(name, "InService")
    yield name
    if notebooks.describe(name)["NotebookInstanceStatus"] == "InService":
        notebooks.stop(name)
    notebooks.delete(name)


@pytest.fixture
def notebooks_of() -> Callable[[Any], Notebooks]:
    """Return what makes notebook instances in any AWS."""
    return Notebooks
