"""Hooks: made for the installation's connection, reading logs and objects as the stages need them."""

import json
import time
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from musher import names
from musher.errors import SettingsError
from musher.hooks.account import look_client
from musher.hooks.connection import (
    glance_hook,
    hook_parameters,
    lambda_hook,
    logs_hook,
    s3_hook,
    sagemaker_hook,
)
from musher.hooks.endpoints import retention_of
from musher.hooks.logs import LogTail, last_lines
from musher.hooks.objects import download, upload, upload_once
from musher.hooks.sagemaker import found_or_none
from musher.settings import Settings

GROUP = names.TRAINING_LOG_GROUP


@pytest.fixture
def connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give Airflow the connection aws_default."""
    monkeypatch.setenv("AIRFLOW_CONN_AWS_DEFAULT", '{"conn_type": "aws", "login": "a", "password": "b"}')


def test_a_missing_connection_is_an_error_not_a_fallback(settings: Settings) -> None:
    with pytest.raises(SettingsError, match=r"no connection 'aws_default' .*AIRFLOW_CONN_AWS_DEFAULT"):
        hook_parameters(settings)


@pytest.mark.usefixtures("connection")
def test_hooks_know_connection_region_and_own_waiters(settings: Settings) -> None:
    assert hook_parameters(settings) == {"aws_conn_id": "aws_default", "region_name": "us-east-1"}
    assert "TrainingJobEnded" in sagemaker_hook(settings).list_waiters()
    assert "FunctionReady" in lambda_hook(settings).list_waiters()


@pytest.mark.usefixtures("connection")
def test_a_process_makes_each_client_once(settings: Settings) -> None:
    first = s3_hook(settings)
    assert s3_hook(settings) is first
    assert s3_hook(settings).conn is first.conn
    assert look_client(settings, "iam") is look_client(settings, "iam")
    assert look_client(settings, "iam") is not look_client(settings, "sts")
    assert glance_hook(settings, service="s3").conn is not look_client(settings, "s3")


@pytest.mark.usefixtures("connection")
@pytest.mark.parametrize("changed", ["login", "password", "host", "extra", "region", "process"])
def test_another_account_region_or_process_gets_another_client(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, changed: str
) -> None:
    """Keys are replaced, and a child must not write to its parent's connection."""
    first = s3_hook(settings)
    given = {"conn_type": "aws", "login": "a", "password": "b"}
    if changed == "process":
        monkeypatch.setattr("os.getpid", lambda: -1)
    elif changed == "region":
        settings = replace(settings, region="eu-west-1")
    else:
        given[changed] = '{"endpoint_url": "http://127.0.0.1:1"}' if changed == "extra" else "other"
        monkeypatch.setenv("AIRFLOW_CONN_AWS_DEFAULT", json.dumps(given))
    assert s3_hook(settings) is not first


@pytest.mark.usefixtures("connection")
def test_presigned_addresses_name_the_regions_own_host() -> None:
    settings = Settings(account_id="123456789012", region="eu-west-1")
    params = {"Bucket": names.bucket(settings), "Key": "a/b.png"}
    url = s3_hook(settings).generate_presigned_url("get_object", params=params, expires_in=60)
    assert url.startswith("https://s3.eu-west-1.amazonaws.com/musher-123456789012-eu-west-1/a/b.png?")
    assert "X-Amz-Algorithm=AWS4-HMAC-SHA256" in url


@pytest.mark.usefixtures("connection")
def test_objects_named_by_their_hash_are_uploaded_once(settings: Settings) -> None:
    with mock_aws():
        hook = s3_hook(settings)
        hook.get_conn().create_bucket(Bucket=names.bucket(settings))
        uri = upload_once(hook, settings, key="code/ff", data=b"first")
        assert upload_once(hook, settings, key="code/ff", data=b"other") == uri
        assert download(hook, uri=uri) == b"first"
        page = upload(hook, settings, key="r/report.html", data=b"<p>", content_type="text/html")
        head = hook.get_conn().head_object(Bucket=names.bucket(settings), Key="r/report.html")
        assert (page, head["ContentType"]) == (names.s3_uri(settings, key="r/report.html"), "text/html")


@pytest.mark.usefixtures("connection")
def test_the_tail_gives_each_line_once_and_keeps_the_last(settings: Settings) -> None:
    with mock_aws():
        hook = logs_hook(settings)
        tail = LogTail(group=GROUP, prefix="job/")
        assert tail.read(hook.conn) == []
        assert last_lines(tail, hook.conn) == f"(nothing in log group {GROUP} under 'job/')"
        hook.conn.create_log_group(logGroupName=GROUP)
        for host in (1, 2):
            write(hook, f"job/algo-{host}-1700000000", [f"host {host} line {n}" for n in range(15)])
        write(hook, "job-2/algo-1-1700000000", ["another attempt"])
        lines = tail.read(hook.conn)
        assert (len(lines), lines[0], lines[-1]) == (30, "[algo-1] host 1 line 0", "[algo-2] host 2 line 14")
        assert tail.read(hook.conn) == []
        write(hook, "job/algo-1-1700000000", ["Killed"])
        assert last_lines(tail, hook.conn).splitlines()[-1] == "[algo-1] Killed"
        assert len(tail.last) == 20


@pytest.mark.usefixtures("connection")
def test_an_empty_prefix_stands_for_all_streams(settings: Settings) -> None:
    with mock_aws():
        hook = logs_hook(settings)
        hook.conn.create_log_group(logGroupName=GROUP)
        write(hook, "AllTraffic/i-0123", ["loading"])
        assert LogTail(group=GROUP, prefix="").read(hook.conn) == ["[i-0123] loading"]


@pytest.mark.usefixtures("connection")
def test_a_hook_of_another_connection_or_region_is_made_so(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_OTHER", "aws://a:b@")
    assert hook_parameters(settings, aws_conn_id="other", region_name="eu-west-1") == {
        "aws_conn_id": "other",
        "region_name": "eu-west-1",
    }
    with pytest.raises(SettingsError, match="no connection 'third'"):
        hook_parameters(settings, aws_conn_id="third")


def write(hook: Any, stream: str, lines: list[str]) -> None:
    """Write lines to a log stream, which is made if it is not there."""
    streams = hook.conn.describe_log_streams(logGroupName=GROUP, logStreamNamePrefix=stream)["logStreams"]
    if not streams:
        hook.conn.create_log_stream(logGroupName=GROUP, logStreamName=stream)
    now_ms = int(time.time() * 1000)
    events = [{"timestamp": now_ms + n, "message": line} for n, line in enumerate(lines)]
    hook.conn.put_log_events(logGroupName=GROUP, logStreamName=stream, logEvents=events)


def test_only_missing_resources_count_as_missing() -> None:
    def refuse(code: str) -> Any:
        raise ClientError({"Error": {"Code": code, "Message": "no"}}, "DescribeModel")

    assert found_or_none(refuse, code="ValidationException") is None
    assert found_or_none(refuse, code="ResourceNotFoundException") is None
    with pytest.raises(ClientError, match="AccessDenied"):
        found_or_none(refuse, code="AccessDeniedException")


@pytest.mark.parametrize(
    ("variant", "kept"),
    [
        ({"DesiredInstanceCount": 2}, ["DataCaptureConfig"]),
        ({"CurrentServerlessConfig": {}}, ["DataCaptureConfig"]),
        ({"DesiredInstanceCount": 0}, ["DataCaptureConfig", "DesiredInstanceCount"]),
    ],
)
def test_an_update_starts_an_instance_of_what_sleeps(variant: dict[str, Any], kept: list[str]) -> None:
    found = retention_of({"ProductionVariants": [variant]})
    excluded = [item["VariantPropertyType"] for item in found["ExcludeRetainedVariantProperties"]]
    assert (found["RetainAllVariantProperties"], excluded) == (True, kept)
