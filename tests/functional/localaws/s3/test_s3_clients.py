"""Clients that people use, unchanged: boto3, the CLI, s5cmd, rclone, obstore, aiobotocore, pyarrow."""

import asyncio
import os
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

import pytest

TIMEOUT_S = 240
LARGE = os.urandom(20_000_000)
"""Goes in parts with every client."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a large file, an empty one and one with a name to quote."""
    root = tmp_path_factory.mktemp("clients")
    (root / "sub").mkdir()
    (root / "large.bin").write_bytes(LARGE)
    (root / "empty").write_bytes(b"")
    (root / "sub" / "größe 1+1.txt").write_text("text")
    return root


def variables(localaws: Any) -> dict[str, str]:
    """Return the environment of a client's process."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": "/nonexistent",
        "AWS_ENDPOINT_URL": localaws.url,
        "S3_ENDPOINT_URL": localaws.url,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_REGION": "us-east-1",
        "LC_ALL": "C.UTF-8",
    }


def run(localaws: Any, *argv: str) -> None:
    """Run a command that must succeed."""
    done = subprocess.run(
        argv, env=variables(localaws), capture_output=True, text=True, timeout=TIMEOUT_S, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def contents(root: Path) -> dict[str, bytes]:
    """Return the files below a folder."""
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def program(name: str) -> str:
    """Return a client's path, or skip the test."""
    path = Path(sys.executable).with_name(name)
    if name == "s5cmd":
        try:
            path = Path(str(distribution("s5cmd").locate_file("s5cmd/bin/s5cmd")))
        except PackageNotFoundError:
            pytest.skip("s5cmd is not installed")
    if not path.exists():
        pytest.skip(f"{name} is not installed")
    return str(path)


@pytest.mark.parametrize("client", ["aws", "s5cmd", "rclone"])
def test_a_folder_goes_there_and_back(
    localaws: Any, bucket: str, folder: Path, tmp_path: Path, client: str
) -> None:
    binary, there, back = program(client), f"{bucket}/{client}", str(tmp_path)
    if client == "aws":
        run(localaws, binary, "s3", "sync", str(folder), f"s3://{there}")
        run(localaws, binary, "s3", "cp", "--recursive", f"s3://{there}", back)
    elif client == "s5cmd":
        run(localaws, binary, "cp", f"{folder}/", f"s3://{there}/")
        run(localaws, binary, "cp", f"s3://{there}/*", back)
    else:
        remote = ":s3,provider=Other,env_auth,region=us-east-1,force_path_style"
        remote = f"{remote},endpoint='{localaws.url}':{there}"
        common = ("--config", os.devnull, "--s3-upload-cutoff", "6M", "--checksum")
        run(localaws, binary, "copy", *common, str(folder), remote)
        run(localaws, binary, "copy", *common, remote, back)
        run(localaws, binary, "check", *common, "--download", str(folder), remote)
    assert contents(tmp_path) == contents(folder)


def test_boto3_s_transfers(s3: Any, bucket: str, folder: Path, tmp_path: Path) -> None:
    s3.upload_file(str(folder / "large.bin"), bucket, "boto3", ExtraArgs={"ContentType": "a/b"})
    s3.copy({"Bucket": bucket, "Key": "boto3"}, bucket, "boto3-copy")
    s3.download_file(bucket, "boto3-copy", str(tmp_path / "back"))
    assert (tmp_path / "back").read_bytes() == LARGE


def test_obstore(localaws: Any, bucket: str) -> None:
    store_module = pytest.importorskip("obstore.store")
    script = f"""
import obstore
from obstore.store import S3Store

store = S3Store(
    {bucket!r}, endpoint={localaws.url!r}, access_key_id="test", secret_access_key="test",
    region="us-east-1", client_options={{"allow_http": True}},
)
body = bytes(range(256)) * 80_000
obstore.put(store, "obstore", body, chunk_size=6 << 20)
assert bytes(obstore.get(store, "obstore").bytes()) == body
assert bytes(obstore.get_range(store, "obstore", start=5, length=10)) == body[5:15]
try:
    obstore.put(store, "obstore", b"x", mode="create")
except obstore.exceptions.AlreadyExistsError:
    print("done")
"""
    assert store_module
    # obstore and fork do not go together, so it gets a process of its own
    run(localaws, sys.executable, "-c", script)


def test_aiobotocore(localaws: Any, bucket: str) -> None:
    session_module = pytest.importorskip("aiobotocore.session")

    async def there_and_back() -> bytes:
        keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
        session = session_module.get_session()
        async with session.create_client(
            "s3", region_name="us-east-1", endpoint_url=localaws.url, **keys
        ) as client:
            await client.put_object(Bucket=bucket, Key="aio", Body=LARGE)
            answer = await client.get_object(Bucket=bucket, Key="aio")
            return bytes(await answer["Body"].read())

    assert asyncio.run(there_and_back()) == LARGE


def test_pyarrow(localaws: Any, bucket: str) -> None:
    pytest.importorskip("pyarrow.fs")
    script = f"""
from pyarrow import fs

s3 = fs.S3FileSystem(
    access_key="test", secret_key="test", region="us-east-1",
    endpoint_override={localaws.url.removeprefix("http://")!r}, scheme="http",
)
body = bytes(range(256)) * 80_000
with s3.open_output_stream("{bucket}/arrow", metadata={{"Content-Type": "a/b"}}) as file:
    file.write(body)
with s3.open_input_file("{bucket}/arrow") as file:
    file.seek(7)
    assert file.read(9) == body[7:16]
    file.seek(0)
    assert file.read() == body
assert s3.get_file_info("{bucket}/arrow").size == len(body)
s3.copy_file("{bucket}/arrow", "{bucket}/arrow2")
s3.delete_file("{bucket}/arrow")
"""
    run(localaws, sys.executable, "-c", script)
