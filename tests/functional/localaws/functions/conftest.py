"""Functions made of a few lines of Python, on a localaws of each runtime client."""

import base64
import io
import json
import os
import uuid
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    ],
}


def zip_of(files: dict[str, str], *, executable: str = "") -> bytes:
    """Return a zip archive, one file of which may be executed."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in files.items():
            info = zipfile.ZipInfo(name)
            info.external_attr = (0o100755 if name == executable else 0o100644) << 16
            archive.writestr(info, text)
    return buffer.getvalue()


@dataclass(frozen=True)
class Answer:
    """What Invoke answered."""

    status: int
    payload: bytes
    error: str | None
    version: str | None
    log: str
    request_id: str

    @property
    def json(self) -> Any:
        """The payload."""
        return json.loads(self.payload)


@dataclass
class Functions:
    """Makes functions on one localaws, and invokes them."""

    server: Any
    lam: Any = field(init=False)
    role: str = field(init=False)

    def __post_init__(self) -> None:
        self.lam = self.server.client("lambda")
        self.role = self.make_role(f"runner-{uuid.uuid4().hex[:8]}")

    def make_role(self, name: str, trust: dict[str, Any] | None = None) -> str:
        """Make a role that Lambda may assume; return its ARN."""
        document = json.dumps(trust or TRUST)
        iam = self.server.client("iam")
        return str(iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)["Role"]["Arn"])

    def create(self, source: str, *, wait: bool = True, **options: Any) -> str:
        """Create a function of the module `app`; return its name."""
        name = options.pop("FunctionName", f"fn-{uuid.uuid4().hex[:10]}")
        settings = {"Runtime": "python3.11", "Handler": "app.handler", "Role": self.role, "Timeout": 10}
        settings["Code"] = {"ZipFile": zip_of({"app.py": source})}
        self.lam.create_function(FunctionName=name, **(settings | options))
        if wait:
            self.lam.get_waiter("function_active_v2").wait(FunctionName=name)
        return str(name)

    def zip_of(self, files: dict[str, str], *, executable: str = "") -> bytes:
        """Return a zip archive, one file of which may be executed."""
        return zip_of(files, executable=executable)

    def update(self, name: str, source: str) -> None:
        """Replace the code and wait until it is in place."""
        self.lam.update_function_code(FunctionName=name, ZipFile=zip_of({"app.py": source}))
        self.lam.get_waiter("function_updated_v2").wait(FunctionName=name)

    def invoke(self, name: str, event: Any = None, **options: Any) -> Answer:
        """Invoke with the end of the log."""
        options = {"LogType": "Tail"} | options
        payload = {} if event is None else {"Payload": json.dumps(event)}
        answer = self.lam.invoke(FunctionName=name, **payload, **options)
        return Answer(
            status=answer["StatusCode"],
            payload=answer["Payload"].read(),
            error=answer.get("FunctionError"),
            version=answer.get("ExecutedVersion"),
            log=base64.b64decode(answer.get("LogResult", "")).decode(),
            request_id=answer["ResponseMetadata"]["RequestId"],
        )

    def is_alive(self, stream: str) -> bool:
        """Return whether the environment that writes a log stream is alive."""
        return self.server.pid_of(f"AWS_LAMBDA_LOG_STREAM_NAME={stream}") is not None

    def log_events(self, name: str) -> list[str]:
        """Return every event of the function's log group."""
        logs = self.server.client("logs")
        events = logs.filter_log_events(logGroupName=f"/aws/lambda/{name}")["events"]
        return [event["message"] for event in events]


@pytest.fixture(scope="session")
def make_zip() -> Callable[[dict[str, str]], bytes]:
    """Return a function that makes zip archives."""
    return zip_of


@pytest.fixture(scope="session")
def functions(localaws: Any) -> Functions:
    """Functions on the shared localaws (awslambdaric)."""
    return Functions(localaws)


@pytest.fixture(scope="session")
def start_client(start_server: Callable[..., Any]) -> Callable[[str], Any]:
    """Return a function that starts a localaws with one of the two runtime clients."""

    def start(client: str) -> Any:
        os.environ["LOCALAWS_FUNCTION_CLIENT"] = client
        try:
            return start_server()
        finally:
            del os.environ["LOCALAWS_FUNCTION_CLIENT"]

    return start


@pytest.fixture(scope="session", params=["awslambdaric", "python"])
def on_each_client(request: pytest.FixtureRequest, start_client: Callable[[str], Any]) -> Functions:
    """Functions on a localaws of each runtime client in turn."""
    return Functions(start_client(request.param))


@pytest.fixture(scope="session")
def fast_functions(fast_localaws: Any) -> Functions:
    """Functions on a localaws in which a second counts for 30."""
    return Functions(fast_localaws)


@pytest.fixture
def hasty_functions(start_server: Callable[..., Any]) -> Functions:
    """Functions on a localaws of its own, in which ten minutes last two seconds."""
    return Functions(start_server("--speed", "300"))


@pytest.fixture
def own_functions(start_server: Callable[..., Any]) -> Functions:
    """Functions on a localaws of its own, which a test may stop."""
    return Functions(start_server())
