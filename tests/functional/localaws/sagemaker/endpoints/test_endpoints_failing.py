"""Endpoints that cannot serve: each fails with a reason that says what to do."""

import gzip
import io
import tarfile
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError


def archive(members: list[tarfile.TarInfo]) -> bytes:
    """Return a tar.gz of members without content."""
    buffer = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=buffer, mode="wb", mtime=0) as stream,
        tarfile.open(fileobj=stream, mode="w") as tar,
    ):
        for member in members:
            tar.addfile(member)
    return buffer.getvalue()


def link(name: str, target: str) -> tarfile.TarInfo:
    """Return a symbolic link as a tar member."""
    member = tarfile.TarInfo(name)
    member.type = tarfile.SYMTYPE
    member.linkname = target
    return member


@pytest.mark.parametrize(
    ("case", "data", "words"),
    [
        ("corrupt", b"\x1f\x8bno archive", ["Failed to extract model data archive", "not a readable tar.gz"]),
        ("empty", b"", ["Failed to extract model data archive"]),
        ("traversal", archive([tarfile.TarInfo("../../evil.py")]), ["'../../evil.py' points outside"]),
        ("absolute", archive([tarfile.TarInfo("/tmp/evil.py")]), ["'/tmp/evil.py' points outside"]),
        ("link", archive([link("code", "/etc")]), ["'code' is neither a regular file"]),
        ("no-code", archive([tarfile.TarInfo("model.bin")]), ["neither code/serve.py nor code/inference.py"]),
    ],
)
def test_a_bad_archive_fails_the_endpoint(
    endpoint_maker: Any, case: str, data: bytes, words: list[str]
) -> None:
    """Corrupt, dangerous or useless archives are refused by name."""
    made = endpoint_maker(f"ep-bad-{case}", archive=data)
    reason = made.wait("Failed")["FailureReason"]
    assert all(word in reason for word in words), reason
    made.delete()


def test_absent_model_data_is_refused_by_create_model(localaws: Any) -> None:
    """AWS checks it in CreateModel."""
    with pytest.raises(ClientError, match=r"Could not find model data at s3://ep-none/model\.tar\.gz"):
        localaws.client("sagemaker").create_model(
            ModelName="ep-no-data",
            ExecutionRoleArn="arn:aws:iam::123456789012:role/x",
            PrimaryContainer={"Image": "image", "ModelDataUrl": "s3://ep-none/model.tar.gz"},
        )


def test_model_data_removed_meanwhile_fails_the_endpoint(endpoint_maker: Any, localaws: Any) -> None:
    """The object is looked for again at each deployment."""
    model = endpoint_maker("ep-removed", is_deployed=False)
    localaws.client("s3").delete_object(Bucket=model.bucket, Key=model.key)
    made = model.deploy()
    reason = made.wait("Failed")["FailureReason"]
    assert reason.startswith('Failed to download model data for container "container_1" from URL: "s3://')
    assert "404" in reason


def test_a_server_that_exits_at_start_fails_with_its_last_words(endpoint_maker: Any) -> None:
    """At once: nobody waits eight minutes for a process that is gone."""
    made = endpoint_maker("ep-exits", environment={"START_EXIT": "weights do not fit"})
    endpoint = made.wait("Failed")
    assert endpoint["FailureReason"].startswith(
        "The primary container for production variant AllTraffic did not pass the ping health check. "
        "Please check CloudWatch logs for this endpoint. Cause: the process ended with exit code 1. "
        "Last log lines:\n"
    )
    assert "weights do not fit" in endpoint["FailureReason"]
    with pytest.raises(ClientError, match="ValidationError"):
        made.invoke(b"x")
    made.delete()


def test_a_server_that_floods_its_log_has_a_bounded_reason(endpoint_maker: Any) -> None:
    """AWS allows 1,024 characters; the last ones are kept."""
    made = endpoint_maker("ep-flood", environment={"START_EXIT": "x" * 1000 + " the end"})
    reason = made.wait("Failed")["FailureReason"]
    assert len(reason) <= 1024
    assert reason.endswith("the end")


def test_a_model_has_its_time_however_fast_that_of_aws_passes(fast_endpoint_maker: Any) -> None:
    """90 s of AWS pass while it computes for 3; the limit of 60 s is one for computing."""
    made = fast_endpoint_maker("ep-slow")
    made.wait("InService")
    assert made.invoke_json(b"sleep 3")["body_bytes"] == 7
    made.delete()


def test_a_server_that_ignores_sigterm_is_killed(fast_endpoint_maker: Any) -> None:
    """After 30 s (1 s here) comes SIGKILL."""
    made = fast_endpoint_maker("ep-stubborn", environment={"IGNORE_SIGTERM": "1"})
    made.wait("InService")
    server = Path("/proc", str(made.process()))
    assert server.exists()
    made.delete()
    assert not server.exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"InitialInstanceCount": 0}, "'0' at 'productionVariants.1.member.initialInstanceCount'"),
        ({"VariantName": "../x"}, "'../x' at 'productionVariants.1.member.variantName'"),
        (
            {"ModelName": "ep-no-such-model"},
            'Could not find model "arn:aws:sagemaker:us-east-1:123456789012:mo',
        ),
        ({"InstanceType": "big"}, "'big' at 'productionVariants.1.member.instanceType'"),
    ],
)
def test_bad_variants_are_refused(localaws: Any, change: dict[str, Any], message: str) -> None:
    """The message names the member and the value."""
    variant = {
        "VariantName": "AllTraffic",
        "ModelName": "ep-no-such-model",
        "InstanceType": "ml.c7i.large",
        "InitialInstanceCount": 1,
    }
    sagemaker = localaws.client("sagemaker", parameter_validation=False)
    with pytest.raises(ClientError) as caught:
        sagemaker.create_endpoint_config(EndpointConfigName="ep-c", ProductionVariants=[variant | change])
    assert message in caught.value.response["Error"]["Message"]


@pytest.mark.parametrize("name", ["x" * 64, "../../etc", "a_b"])
def test_bad_endpoint_names_are_refused(localaws: Any, name: str) -> None:
    """They become folder names, so this is more than form."""
    with pytest.raises(ClientError, match="failed to satisfy constraint"):
        localaws.client("sagemaker", parameter_validation=False).create_endpoint(
            EndpointName=name, EndpointConfigName="x"
        )
