"""Requests that botocore signs, before a step that knows a few operations; no server, no socket."""

import asyncio
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from moto import mock_aws
from moto.iam.models import IAMBackend, iam_backends
from moto.sts.models import sts_backends

from localaws.asgi import FORM, Message, Request
from localaws.faults.asked import Asked
from localaws.iam.enforcement.guard import Guard
from localaws.iam.enforcement.modes import Mode
from localaws.iam.enforcement.recorder import Recorder
from localaws.iam.enforcement.step import PermissionStep
from localaws.iam.needs.facts import RequestFacts
from localaws.iam.needs.need import Need, UnknownOperationError
from localaws.steps import Exchange

ACCOUNT = "123456789012"
HOST = "127.0.0.1:4566"
JOB = f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:training-job/job"
OBJECT = "arn:aws:s3:::photos/dogs/1.jpg"
TARGETS = {"sagemaker": "SageMaker", "logs": "Logs_20140328"}
RESOURCES = {
    "sagemaker:DescribeTrainingJob": JOB,
    "s3:GetObject": OBJECT,
    "s3:PutObject": OBJECT,
    "iam:GetRole": f"arn:aws:iam::{ACCOUNT}:role/trainer",
    "ec2:DescribeVpcs": "*",
    "sagemaker:InvokeEndpoint": f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:endpoint/dogs",
    "sts:AssumeRole": f"arn:aws:iam::{ACCOUNT}:role/trainer",
    "sns:Publish": f"arn:aws:sns:us-east-1:{ACCOUNT}:alerts",
    "lambda:ListFunctions": "*",
}
"""A small table of what operations need."""
POLICY_OF = {"s3": "arn:aws:s3:::photos", "sts": f"arn:aws:iam::{ACCOUNT}:role/trainer"}


async def find_needs(asked: Asked) -> tuple[Need, ...]:
    """Return what the few operations of the table need."""
    service, action = asked.call.service, asked.call.action
    if (service, action) == ("sts", "GetCallerIdentity"):
        return ()
    name = f"{service}:{action}"
    if name not in RESOURCES:
        raise UnknownOperationError(name)
    policy_of, resource = POLICY_OF.get(service), RESOURCES[name]
    facts = RequestFacts({}, asked=asked, resource=resource, account_id=ACCOUNT)
    need = Need(action=name, resource=resource, account_id=ACCOUNT, facts=facts, resource_policy_of=policy_of)
    return (need,)


def allow(*actions: str, **members: Any) -> dict[str, Any]:
    """Return a statement that allows actions."""
    return {"Effect": "Allow", "Action": list(actions), "Resource": "*", **members}


def document(*statements: Mapping[str, Any]) -> str:
    """Return a policy."""
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


class Answer:
    """What came back: a status, headers and a body."""

    def __init__(self, messages: list[Message]) -> None:
        self.status: int = messages[0]["status"]
        self.headers = {name.decode(): value.decode() for name, value in messages[0]["headers"]}
        self.body: bytes = messages[1]["body"]

    @property
    def text(self) -> str:
        """The body."""
        return self.body.decode()


class Account:
    """An account with users and roles, and a step that holds their requests against its policies."""

    def __init__(self, mode: Mode = Mode.ENFORCE, record: Path | None = None) -> None:
        self.recorder = Recorder(record) if record else None
        guard = Guard(mode, recorder=self.recorder)
        self.step = PermissionStep(guard, find_needs=find_needs, is_for_s3=lambda scope: True)
        self.passed = 0

    def close(self) -> None:
        """Close the record."""
        if self.recorder:
            self.recorder.close()

    @property
    def iam(self) -> IAMBackend:
        """moto's IAM."""
        return iam_backends[ACCOUNT]["aws"]

    def make_user(self, name: str, *statements: Mapping[str, Any]) -> Credentials:
        """Make a user with a key and an inline policy."""
        self.iam.create_user("us-east-1", name)
        if statements:
            self.iam.put_user_policy(name, "own", document(*statements))
        key = self.iam.create_access_key(name)
        return Credentials(key.access_key_id, key.secret_access_key)

    def make_role(self, name: str, *statements: Mapping[str, Any], **options: Any) -> None:
        """Make a role that the account's users may assume if their policies say so."""
        trusted = {
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
            "Action": "sts:AssumeRole",
        }
        given = {"permissions_boundary": None, "tags": [], **options}
        trust = document(given.pop("trust", trusted))
        self.iam.create_role(name, trust, "/", given["permissions_boundary"], "", given["tags"], "3600")
        if statements:
            self.iam.put_role_policy(name, "own", document(*statements))

    def assume(self, name: str, *, duration_s: int = 3600, **extras: Any) -> Credentials:
        """Open a session of a role."""
        session = sts_backends[ACCOUNT]["aws"].assume_role(
            region_name="us-east-1",
            role_session_name="work",
            role_arn=f"arn:aws:iam::{ACCOUNT}:role/{name}",
            policy="",
            duration=duration_s,
            external_id="",
        )
        for key, value in extras.items():
            setattr(session, key, value)
        return Credentials(session.access_key_id, session.secret_access_key, session.session_token)

    def send(self, request: Request, *, handler: Any = None) -> Answer:
        """Send a request through the step."""
        sent: list[Message] = []

        async def send(message: Message) -> None:
            sent.append(message)

        async def forward(exchange: Exchange) -> None:
            self.passed += 1
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b""})

        raw = [(name.encode(), value.encode()) for name, value in request.headers.items()]
        scope = {"headers": raw, "client": ("127.0.0.1", 5), "path": request.path}

        async def take() -> None:
            exchange = Exchange(request=request, scope=scope, send=send, handler=handler)
            await self.step(exchange, forward)

        asyncio.run(take())
        return Answer(sent)

    def ask(self, key: Credentials | None, name: str = "sagemaker:DescribeTrainingJob", **how: Any) -> Answer:
        """Send a request of an operation in its service's protocol."""
        return self.send(make_request(key, name, **how))


def make_request(key: Credentials | None, name: str, *, headers: Mapping[str, str] = {}) -> Request:
    """Return a request of an operation, signed with a key."""
    service, _, action = name.partition(":")
    method, path, body, kind = "POST", "/", b"", {}
    if service in TARGETS:
        body, kind = b"{}", {"x-amz-target": f"{TARGETS[service]}.{action}"}
    elif service == "s3":
        method, path = ("PUT", "/photos/dogs/1.jpg") if "Put" in action else ("GET", "/photos/dogs/1.jpg")
        body = b"woof" if "Put" in action else b""
    elif service == "lambda":
        method, path = "GET", "/2015-03-31/functions/"
    else:
        body, kind = urlencode({"Action": action}).encode(), {"content-type": FORM}
    return sign(key, service, method=method, path=path, body=body, headers={**kind, **headers})


def sign(
    key: Credentials | None,
    service: str,
    *,
    method: str = "POST",
    path: str = "/",
    body: bytes = b"",
    headers: Mapping[str, str] = {},
) -> Request:
    """Return a request as it arrives."""
    request = AWSRequest(method=method, url=f"http://{HOST}{path}", data=body, headers=dict(headers))
    if key is not None:
        signer: Any = S3SigV4Auth if service == "s3" else SigV4Auth
        signer(key, service, "us-east-1").add_auth(request)
    split = urlsplit(f"http://{HOST}{path}")

    async def receive() -> Message:
        return {"type": "http.request", "body": body}

    found = {name.lower(): str(value) for name, value in request.headers.items()} | {"host": HOST}
    return Request(method=method, path=split.path, query=split.query, headers=found, receive=receive)


@pytest.fixture
def account() -> Iterator[Account]:
    """An account whose policies count, on a moto of its own."""
    with mock_aws():
        yield Account()
