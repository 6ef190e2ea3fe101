"""localaws as a server: moto's services, identity, ports and signals."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

ROOT = Path(__file__).parents[3]
TIMEOUT_S = 30


def test_objects_keep_their_bytes_names_and_metadata(localaws: Any) -> None:
    s3 = localaws.client("s3")
    s3.create_bucket(Bucket="server-test")
    key, body = "a folder/größe+1 %2F.bin", os.urandom(3_000_000)
    s3.put_object(Bucket="server-test", Key=key, Body=body, Metadata={"with_underscore": "1"})
    answer = s3.get_object(Bucket="server-test", Key=key)
    assert answer["Body"].read() == body
    assert answer["Metadata"] == {"with_underscore": "1"}
    assert s3.head_object(Bucket="server-test", Key=key)["ContentLength"] == len(body)
    assert s3.list_objects_v2(Bucket="server-test")["Contents"][0]["Key"] == key


def test_a_presigned_url_serves_the_object_to_a_plain_client(localaws: Any) -> None:
    s3 = localaws.client("s3")
    s3.create_bucket(Bucket="presigned-test")
    s3.put_object(Bucket="presigned-test", Key="a.jpg", Body=b"bytes", ContentType="image/jpeg")
    url = s3.generate_presigned_url("get_object", Params={"Bucket": "presigned-test", "Key": "a.jpg"})
    with urllib.request.urlopen(url, timeout=TIMEOUT_S) as answer:
        assert answer.read() == b"bytes"
        assert answer.headers["Content-Type"] == "image/jpeg"


def test_the_awscli_works_unchanged(localaws: Any) -> None:
    program = str(Path(sys.executable).with_name("aws"))
    environment = {
        "PATH": os.environ["PATH"],
        "AWS_ENDPOINT_URL": localaws.url,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    done = subprocess.run(
        [program, "sts", "get-caller-identity"],
        env=environment,
        capture_output=True,
        timeout=TIMEOUT_S,
        check=True,
    )
    assert json.loads(done.stdout)["Account"] == "123456789012"


def test_credentials_are_served_only_to_the_holder_of_a_grant(localaws: Any) -> None:
    request = urllib.request.Request(
        f"{localaws.url}/_localaws/credentials/00ff", headers={"Authorization": "guess"}
    )
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=TIMEOUT_S)
    assert refused.value.code == 403
    refused.value.close()


def test_an_unknown_action_is_an_aws_error_and_the_server_lives_on(localaws: Any) -> None:
    request = urllib.request.Request(
        localaws.url,
        data=b"{}",
        headers={
            "X-Amz-Target": "SageMaker.NoSuchAction",
            "Authorization": "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/sagemaker/aws4_request",
        },
    )
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=TIMEOUT_S)
    assert 400 <= refused.value.code <= 501
    refused.value.close()
    assert localaws.client("sts").get_caller_identity()["Account"] == "123456789012"


def test_a_port_in_use_is_named_with_the_option_that_changes_it() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = subprocess.run(
            [sys.executable, "-m", "localaws", "serve", "--port", str(port)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
        )
    assert done.returncode == 1
    assert f"127.0.0.1:{port}" in done.stderr
    assert "--port" in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_it_cleanly_with_one_line_of_output(number: signal.Signals) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "localaws", "serve", "--port", "0"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    ready = process.stdout.readline()
    process.send_signal(number)
    out, err = process.communicate(timeout=TIMEOUT_S)
    assert ready.startswith("localaws ready http://127.0.0.1:")
    assert (process.returncode, out, err) == (0, "", "")
    with (
        pytest.raises(OSError, match="refused"),
        socket.create_connection(("127.0.0.1", int(ready.rsplit(":", 1)[1])), timeout=5),
    ):
        pass


def test_an_interrupt_before_it_serves_is_no_traceback() -> None:
    """Importing moto takes a second or more, in which a user may think better of it."""
    process = subprocess.Popen(
        [sys.executable, "-X", "importtime", "-m", "localaws", "serve", "--port", "0"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    for line in process.stderr:
        if line.rstrip().endswith("| uvloop"):  # main has begun, and nothing of moto is there yet
            break
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=TIMEOUT_S)
    assert (process.returncode, out) == (130, "")
    assert "Traceback" not in err


def refused(*options: str) -> tuple[int, str, str]:
    """Run a localaws that cannot start; return its exit code and what it wrote."""
    done = subprocess.run(
        [sys.executable, "-m", "localaws", "serve", "--port", "0", *options],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
    )
    return done.returncode, done.stdout, done.stderr


def test_a_folder_that_cannot_be_used_is_one_sentence() -> None:
    code, out, err = refused("--data-dir", "/proc/nope")
    assert (code, out, err) == (
        1,
        "",
        "localaws: cannot use --data-dir /proc/nope: No such file or directory\n",
    )


def test_two_live_side_by_side_but_not_in_one_folder(start_server: Any, tmp_path: Path) -> None:
    """What one that was killed has left in its folder does not stand in the next one's way."""
    first = start_server("--data-dir", str(tmp_path))
    first.client("s3").create_bucket(Bucket="first")
    first.client("s3").put_object(Bucket="first", Key="large", Body=bytes(300_000))
    code, out, err = refused("--data-dir", str(tmp_path))
    assert (code, out) == (1, "")
    assert err.startswith(
        f"localaws: --data-dir {tmp_path} belongs to a localaws that runs: stop it, or name"
    )
    first.process.kill()
    first.process.wait(timeout=TIMEOUT_S)
    second, third = start_server("--data-dir", str(tmp_path)), start_server()
    for server in (second, third):
        server.client("s3").create_bucket(Bucket="first")
    third.client("s3").put_object(Bucket="first", Key="k", Body=b"")
    assert second.client("s3").list_objects_v2(Bucket="first")["KeyCount"] == 0
    assert [path for path in (tmp_path / "s3").rglob("*") if path.is_file()] == []


def test_a_killed_localaws_leaves_no_folder(tmp_path: Path) -> None:
    environment = dict(os.environ) | {"TMPDIR": str(tmp_path)}
    process = subprocess.Popen(
        [sys.executable, "-m", "localaws", "serve", "--port", "0"],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    process.stdout.readline()
    assert len(list(tmp_path.glob("localaws-*"))) == 1
    process.kill()
    process.wait(timeout=TIMEOUT_S)
    process.stdout.close()
    deadline = time.monotonic() + TIMEOUT_S
    while list(tmp_path.iterdir()) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("service", "operation", "arguments", "named"),
    [
        pytest.param(
            "service-quotas",
            "list_service_quota_increase_requests_in_template",
            {},
            "servicequotas:ListServiceQuotaIncreaseRequestsInTemplate",
            id="an action that moto lacks",
        ),
        pytest.param(
            "lambda",
            "list_capacity_providers",
            {},
            "lambda:ListCapacityProviders",
            id="a path that moto lacks",
        ),
        pytest.param("iam", "list_service_specific_credentials", {}, "iam:", id="a form"),
        pytest.param("ec2", "describe_trunk_interface_associations", {}, "ec2:", id="a form of EC2's"),
        pytest.param("braket", "search_devices", {"filters": []}, "braket:SearchDevices", id="a service"),
    ],
)
def test_what_is_missing_says_so_once(
    localaws: Any, service: str, operation: str, arguments: dict[str, Any], named: str
) -> None:
    """An HTML page with 404 or 500 made SDKs ask again, and left them without a reason."""
    client = boto3.client(
        service,
        region_name="us-east-1",
        endpoint_url=localaws.url,
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(retries={"total_max_attempts": 2, "mode": "standard"}),
    )
    with pytest.raises(ClientError) as caught:
        getattr(client, operation)(**arguments)
    assert f"localaws does not implement {named}" in caught.value.response["Error"]["Message"]
    assert caught.value.response["ResponseMetadata"]["RetryAttempts"] == 0
