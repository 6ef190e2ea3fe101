"""S3 as a file system: s3fs, pandas and Arrow's data sets; and a listing of 2,005 keys by each client."""

import subprocess
import sys
import uuid
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import pytest

KEYS = 2_005
"""Two full pages and five keys."""
CLIENT_S = 120
FRAME = "import pandas; frame = pandas.DataFrame({'a': range(100), 'g': ['x', 'y'] * 50})\n"


@pytest.fixture
def run(localaws: Any, tmp_path: Path) -> Any:
    """Return a function that runs a program with an address and keys, and returns what it printed."""
    environment = {
        "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
        "HOME": str(tmp_path),
        "AWS_ENDPOINT_URL": localaws.url,
        "S3_ENDPOINT_URL": localaws.url,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_REGION": "us-east-1",
    }

    def run_program(*argv: str) -> str:
        done = subprocess.run(
            argv, env=environment, capture_output=True, text=True, timeout=CLIENT_S, check=False
        )
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
        return done.stdout

    return run_program


def python(run: Any, localaws: Any, bucket: str, script: str) -> None:
    """Run a script that finds s3fs's file system, the bucket and the address."""
    names = f"url, bucket = {localaws.url!r}, {bucket!r}\noptions = {{'endpoint_url': url}}\n"
    run(sys.executable, "-c", f"{names}import s3fs\nfiles = s3fs.S3FileSystem(endpoint_url=url)\n{script}")


def test_s3fs_writes_reads_copies_and_removes(run: Any, localaws: Any, bucket: str) -> None:
    python(
        run,
        localaws,
        bucket,
        """
import urllib.request
body, root = bytes(range(256)) * 48_000, f"{bucket}/s3fs"
with files.open(f"{root}/a/large", "wb", block_size=5 << 20) as file:
    file.write(body)
assert files.cat(f"{root}/a/large") == body
assert files.cat_file(f"{root}/a/large", start=5, end=15) == body[5:15]
files.copy(f"{root}/a/large", f"{root}/a/copy")
files.mv(f"{root}/a/copy", f"{root}/b/moved")
assert files.find(root) == [f"{root}/a/large", f"{root}/b/moved"]
assert files.ls(root) == [f"{root}/a", f"{root}/b"]
files.pipe(f"{root}/a/text", b"first")
with files.open(f"{root}/a/text", "ab") as file:
    file.write(b", second")
files.put_tags(f"{root}/a/text", {"k": "v"})
assert files.get_tags(f"{root}/a/text") == {"k": "v"}
assert urllib.request.urlopen(files.sign(f"{root}/a/text")).read() == b"first, second"
files.rm(root, recursive=True)
assert not files.exists(root)
""",
    )


def test_s3fs_reads_earlier_versions(run: Any, localaws: Any, s3: Any) -> None:
    bucket = f"versions-{uuid.uuid4().hex[:8]}"
    s3.create_bucket(Bucket=bucket)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    python(
        run,
        localaws,
        bucket,
        """
files = s3fs.S3FileSystem(endpoint_url=url, version_aware=True, use_listings_cache=False)
for body in (b"1", b"2"):
    files.pipe(f"{bucket}/x", body)
new, old = [item["VersionId"] for item in files.object_version_info(f"{bucket}/x")]
assert files.cat_file(f"{bucket}/x?versionId={old}") == b"1"
files.rm(f"{bucket}/x")
assert not files.exists(f"{bucket}/x")
assert files.cat_file(f"{bucket}/x?versionId={new}") == b"2"
""",
    )


def test_pandas_writes_and_reads_tables(run: Any, localaws: Any, bucket: str) -> None:
    python(
        run,
        localaws,
        bucket,
        FRAME
        + """
for suffix, write, read in [
    ("parquet", frame.to_parquet, pandas.read_parquet),
    ("csv.gz", lambda *a, **k: frame.to_csv(*a, index=False, **k), pandas.read_csv),
]:
    write(f"s3://{bucket}/table.{suffix}", storage_options=options)
    assert read(f"s3://{bucket}/table.{suffix}", storage_options=options).equals(frame)
frame.to_parquet(f"s3://{bucket}/parts", partition_cols=["g"], storage_options=options)
half = pandas.read_parquet(f"s3://{bucket}/parts", filters=[("g", "==", "x")], storage_options=options)
assert len(half) == 50
""",
    )


def test_arrow_writes_reads_moves_and_removes_data_sets(run: Any, localaws: Any) -> None:
    python(
        run,
        localaws,
        f"arrow-{uuid.uuid4().hex[:8]}",
        FRAME
        + """
import pyarrow
from pyarrow import dataset, fs
arrow = fs.S3FileSystem(
    endpoint_override=url.removeprefix("http://"), scheme="http",
    allow_bucket_creation=True, allow_bucket_deletion=True,
)
arrow.create_dir(bucket)
table, place = pyarrow.Table.from_pandas(frame), f"{bucket}/set"
how = {"filesystem": arrow, "partitioning": ["g"], "partitioning_flavor": "hive"}
dataset.write_dataset(table, place, format="parquet", **how)
found = dataset.dataset(place, filesystem=arrow, partitioning="hive")
assert found.to_table(filter=dataset.field("g") == "y").num_rows == 50
arrow.move(f"{place}/g=x/part-0.parquet", f"{bucket}/moved")
arrow.delete_dir(place)
assert [item.path for item in arrow.get_file_info(fs.FileSelector(bucket))] == [f"{bucket}/moved"]
arrow.delete_dir_contents(bucket)
arrow.delete_dir(bucket)
""",
    )


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_each_client_lists_and_removes_2005_keys(run: Any, localaws: Any, s3: Any) -> None:
    bucket = f"many-{uuid.uuid4().hex[:8]}"
    s3.create_bucket(Bucket=bucket)
    with ThreadPoolExecutor(4) as threads:
        list(
            threads.map(
                lambda number: s3.put_object(Bucket=bucket, Key=f"k/{number:05}", Body=b"x"), range(KEYS)
            )
        )
    remote = (
        f":s3,provider=Other,env_auth,region=us-east-1,force_path_style,endpoint='{localaws.url}':{bucket}"
    )
    s5cmd = str(distribution("s5cmd").locate_file("s5cmd/bin/s5cmd"))
    assert len(run("aws", "s3", "ls", "--recursive", f"s3://{bucket}").splitlines()) == KEYS
    assert len(run(s5cmd, "ls", f"s3://{bucket}/*").splitlines()) == KEYS
    assert (
        len(run("rclone", "--config", "/dev/null", "lsf", "-R", "--files-only", remote).splitlines()) == KEYS
    )
    python(run, localaws, bucket, f"assert len(files.find(bucket)) == {KEYS}")
    run(s5cmd, "cp", f"s3://{bucket}/k/000*", f"s3://{bucket}/copied/")
    run(s5cmd, "rm", f"s3://{bucket}/*")
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)
