"""A remedy's call as a line for a shell, by the AWS CLI's names."""

import json
import shlex
from collections.abc import Iterator
from typing import Any

from botocore import xform_name

from musher.iam.findings import Call

SERVICES = {"s3": "s3api"}
"""boto3's name of a service -> the AWS CLI's, where it is another one."""


def as_command(call: Call) -> str:
    """Return the command that makes a call: `aws iam detach-role-policy --role-name ...`."""
    words = ["aws", SERVICES.get(call.service, call.service), call.method.replace("_", "-")]
    for name, value in call.arguments.items():
        words += _option(xform_name(name, "-"), value)
    return shlex.join(words)


def _option(name: str, value: Any) -> Iterator[str]:
    if isinstance(value, bool):
        yield f"--{name}" if value else f"--no-{name}"
        return
    yield f"--{name}"
    yield value if isinstance(value, str) else json.dumps(value)
