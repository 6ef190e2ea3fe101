"""Unmodified clients: the awscli and the Airflow provider's hook."""

import base64
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

AWS = Path(sys.executable).with_name("aws")
ECHO = "def handler(event, context):\n    print('seen', event)\n    return event\n"


def test_the_awscli_creates_and_invokes(functions: Any, tmp_path: Path) -> None:
    template = functions.create(ECHO)
    environment = os.environ | {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    command = [str(AWS), "--endpoint-url", functions.server.url, "--region", "us-east-1", "lambda", "invoke"]
    options = ["--function-name", template, "--payload", '{"a": 1}', "--log-type", "Tail"]
    done = subprocess.run(
        [*command, *options, str(tmp_path / "answer")],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert (said["StatusCode"], said["ExecutedVersion"]) == (200, "$LATEST")
    assert json.loads((tmp_path / "answer").read_text()) == {"a": 1}


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # raised inside Airflow while it is imported
def test_the_provider_hook_creates_and_invokes(
    functions: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path))
    connection = {
        "conn_type": "aws",
        "login": "test",
        "password": "test",
        "extra": {"endpoint_url": functions.server.url, "region_name": "us-east-1"},
    }
    monkeypatch.setenv("AIRFLOW_CONN_AWS_DEFAULT", json.dumps(connection))
    from airflow.providers.amazon.aws.hooks.lambda_function import LambdaHook

    hook, name = LambdaHook(aws_conn_id="aws_default"), f"hook-{os.getpid()}"
    hook.create_lambda(
        function_name=name,
        runtime="python3.11",
        role=functions.role,
        handler="app.handler",
        code={"ZipFile": functions.zip_of({"app.py": ECHO})},
        package_type="Zip",
        publish=True,
    )
    hook.conn.get_waiter("function_active_v2").wait(FunctionName=name)
    answer = hook.invoke_lambda(function_name=name, payload='{"a": 1}', log_type="Tail", qualifier="1")
    assert json.loads(answer["Payload"].read()) == {"a": 1}
    assert "seen {'a': 1}" in hook.encode_log_result(answer["LogResult"])
    assert base64.b64decode(answer["LogResult"]).endswith(b"\t\n")
