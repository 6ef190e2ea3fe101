"""Staging against a real S3 endpoint: sent once, gone on with, by a role's temporary credentials."""

import base64
import hashlib
import io
import json
import tarfile
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import boto3
import pytest
from botocore.exceptions import ClientError

from benchmarks.generated_photos import write_photos, zip_photos
from benchmarks.recording_proxy import count_writes, recording_proxy
from musher import names
from musher.datasets.s3_connection import S3Connection
from musher.datasets.staging import StagedDataset, stage
from musher.errors import DatasetSourceError, StagingError
from musher.hooks.connection import s3_hook
from musher.settings import Settings

PREFIX = "photos"
Stage = Callable[..., StagedDataset]


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three classes of generated photos, 6/2/2 each; two names must be quoted."""
    top = write_photos(folder=tmp_path_factory.mktemp("photos"), classes=3, train=6, valid=2, test=2, side=32)
    for split, name in (("test", "ein Hund & co (1)+.jpg"), ("train", "犬='x';,@$.jpg")):
        path = min((top / split).rglob("*.jpg"))
        path.rename(path.with_name(name))
    return top


@pytest.fixture
def bucket(localaws: Any, request: pytest.FixtureRequest) -> str:
    """A bucket of the test's own."""
    name = f"staging-{hashlib.sha256(request.node.nodeid.encode()).hexdigest()[:12]}"
    localaws.client("s3").create_bucket(Bucket=name)
    return name


def connect(url: str, **credentials: str) -> S3Connection:
    """Connect with administrator credentials, or those given."""
    given = {"aws_access_key_id": "test", "aws_secret_access_key": "test", **credentials}
    session = boto3.Session(region_name="us-east-1", **given)
    return S3Connection(client=session.client("s3", endpoint_url=url), session=session)


@pytest.fixture
def run(localaws: Any, bucket: str, photos: Path) -> Stage:
    """Return a function that stages the photos."""

    def run(s3: S3Connection | None = None, source: object = photos) -> StagedDataset:
        return stage(s3=s3 or connect(localaws.url), bucket=bucket, prefix=PREFIX, source=str(source))

    return run


def stored(localaws: Any, bucket: str) -> dict[str, dict[str, Any]]:
    """Return what HEAD says of every object of a bucket."""
    s3 = localaws.client("s3")
    keys = [item["Key"] for item in s3.list_objects_v2(Bucket=bucket).get("Contents", [])]
    return {key: s3.head_object(Bucket=bucket, Key=key, ChecksumMode="ENABLED") for key in keys}


def body(localaws: Any, bucket: str, key: str) -> bytes:
    data: bytes = localaws.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    return data


def test_what_is_staged_can_be_read_back(localaws: Any, bucket: str, run: Stage, photos: Path) -> None:
    result = run()
    home = f"{PREFIX}/datasets/{result['dataset_id']}"
    manifest = json.loads(body(localaws, bucket, f"{home}/manifest.json"))
    found: dict[str, bytes] = {}
    for split, description in manifest["splits"].items():
        for shard in description["shards"]:
            data = body(localaws, bucket, f"{home}/{shard['key']}")
            assert hashlib.sha256(data).hexdigest() == shard["sha256"]
            with tarfile.open(fileobj=io.BytesIO(data)) as tar:
                for member in tar:
                    file = tar.extractfile(member)
                    assert file is not None
                    found[f"{split}/{member.name}"] = file.read()
    assert found == {path.relative_to(photos).as_posix(): path.read_bytes() for path in photos.rglob("*.jpg")}
    for sample in result["samples"]:
        file = sample["key"].partition("/samples/")[2]
        assert body(localaws, bucket, sample["key"]) == (photos / "test" / file).read_bytes()


def test_every_object_is_sent_with_type_checksum_and_metadata(localaws: Any, bucket: str, run: Stage) -> None:
    with recording_proxy(localaws.url) as (url, requests):
        result = run(connect(url))
    sent = {unquote(item.path).split("/", 2)[2]: item.headers for item in requests if item.method == "PUT"}
    objects = stored(localaws, bucket)
    assert sent.keys() == objects.keys()
    assert len(objects) == result["uploaded_objects"] == 8
    types = {".tar": "application/x-tar", ".json": "application/json", ".jpg": "image/jpeg"}
    for key, head in objects.items():
        digest = hashlib.sha256(body(localaws, bucket, key))
        assert sent[key]["x-amz-checksum-sha256"] == base64.b64encode(digest.digest()).decode()
        assert head["ContentType"] == types[Path(key).suffix]
        assert head["Metadata"] == {"sha256": digest.hexdigest()}


def test_a_second_run_sends_no_writing_request(localaws: Any, run: Stage) -> None:
    with recording_proxy(localaws.url) as (url, requests):
        first = run(connect(url))
        assert count_writes(requests) == first["uploaded_objects"] == 8
        requests.clear()
        second = run(connect(url))
    assert requests
    assert count_writes(requests) == 0
    assert (second["uploaded_objects"], second["uploaded_bytes"]) == (0, 0)
    assert second["data_hash"] == first["data_hash"]


@dataclass(frozen=True, kw_only=True)
class Interrupted(S3Connection):
    """A connection that breaks after some objects."""

    left: list[int] = field(default_factory=lambda: [3])

    def put(self, *arguments: Any, **options: Any) -> None:
        if not self.left[0]:
            raise ConnectionError("broken")
        self.left[0] -= 1
        super().put(*arguments, **options)


def test_an_interrupted_run_is_continued(localaws: Any, bucket: str, run: Stage) -> None:
    whole = connect(localaws.url)
    with pytest.raises(ConnectionError, match="broken"):
        run(Interrupted(client=whole.client, session=whole.session))
    before = stored(localaws, bucket)
    assert len(before) == 3
    assert not any(key.endswith("manifest.json") for key in before)
    assert run()["uploaded_objects"] == 8 - len(before)
    after = stored(localaws, bucket)
    assert len(after) == 8
    assert all(after[key]["LastModified"] == before[key]["LastModified"] for key in before)


def test_a_run_that_breaks_off_leaves_no_unfinished_upload(
    localaws: Any, bucket: str, run: Stage, fault_rules: Any
) -> None:
    """Each object is sent in one request, so that there are no parts which somebody would have to remove."""
    fault_rules.put({"kind": "error", "service": "s3", "action": "PutObject"})
    with pytest.raises((ConnectionError, ClientError)):
        run()
    assert "Uploads" not in localaws.client("s3").list_multipart_uploads(Bucket=bucket)
    asked = {event["action"] for event in fault_rules.fired()}
    assert asked == {"PutObject"}


def test_a_damaged_shard_is_sent_again(localaws: Any, bucket: str, run: Stage) -> None:
    run()
    [key, *_] = [key for key in stored(localaws, bucket) if "/valid/" in key]
    good = body(localaws, bucket, key)
    localaws.client("s3").put_object(Bucket=bucket, Key=key, Body=b"x" * len(good))
    assert run()["uploaded_objects"] == 1
    assert body(localaws, bucket, key) == good


def test_a_roles_session_token_goes_with_every_request(localaws: Any, installation: Settings) -> None:
    role = f"arn:aws:iam::{installation.account_id}:role/{installation.project}-airflow"
    answer = localaws.client("sts").assume_role(RoleArn=role, RoleSessionName="staging")["Credentials"]
    credentials = {
        "aws_access_key_id": answer["AccessKeyId"],
        "aws_secret_access_key": answer["SecretAccessKey"],
        "aws_session_token": answer["SessionToken"],
    }
    with recording_proxy(localaws.url) as (url, requests):
        s3 = connect(url, **credentials)
        stage(s3=s3, bucket=names.bucket(installation), prefix=installation.project, source="digits")
    assert count_writes(requests) == 8
    assert {request.headers["x-amz-security-token"] for request in requests} == {answer["SessionToken"]}


def test_the_airflow_hook_gives_endpoint_and_credentials(installation: Settings, photos: Path) -> None:
    hook = s3_hook(installation)
    s3 = S3Connection(client=hook.get_conn(), session=hook.get_session(), verify=hook.verify)
    bucket = names.bucket(installation)
    result = stage(s3=s3, bucket=bucket, prefix=installation.project, source=str(photos))
    assert hook.check_for_key(f"{installation.project}/datasets/{result['dataset_id']}/manifest.json", bucket)


def test_images_in_s3_and_a_zip_in_s3_are_the_same_data_set(
    localaws: Any, bucket: str, run: Stage, photos: Path, tmp_path: Path
) -> None:
    s3 = localaws.client("s3")
    for path in photos.rglob("*.jpg"):
        s3.upload_file(str(path), bucket, f"raw/{path.relative_to(photos).as_posix()}")
    s3.upload_file(str(zip_photos(top=photos, target=tmp_path / "p.zip")), bucket, "raw.zip")
    results = [run(source=source) for source in (photos, f"s3://{bucket}/raw", f"s3://{bucket}/raw.zip")]
    assert len({result["data_hash"] for result in results}) == 1
    assert [result["name"] for result in results] == ["dogImages", "raw", "raw"]
    assert [result["uploaded_objects"] for result in results] == [8, 1, 0]


ODD_NAMES = (
    "photo[1].jpg",
    "IMG~2.jpg",
    "a#b.jpg",
    "100%.jpg",
    "a%20b.jpg",
    "{x}^`|<>.jpg",
    'say "hi".jpg',
    "x?y*.jpg",
)


def test_odd_names_are_read_from_s3_and_sampled(
    localaws: Any, bucket: str, run: Stage, tmp_path: Path
) -> None:
    top = write_photos(folder=tmp_path, classes=2, train=8, valid=1, test=8, side=32)
    s3 = localaws.client("s3")
    for split in ("train", "test"):
        for folder in (top / split).iterdir():
            for path, name in zip(sorted(folder.iterdir()), ODD_NAMES, strict=True):
                path.rename(path.with_name(name))
    for path in top.rglob("*.jpg"):
        s3.upload_file(str(path), bucket, f"raw/{path.relative_to(top).as_posix()}")
    results = [run(source=source) for source in (top, f"s3://{bucket}/raw")]
    assert results[0]["data_hash"] == results[1]["data_hash"]
    for sample in results[1]["samples"]:
        url = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": sample["key"]})
        with urllib.request.urlopen(url) as answer:
            data = answer.read()
        assert data in [path.read_bytes() for path in (top / "test" / sample["truth"]).iterdir()]


def test_class_folders_in_s3_are_cut(localaws: Any, bucket: str, run: Stage, photos: Path) -> None:
    s3 = localaws.client("s3")
    for path in photos.rglob("*.jpg"):
        s3.upload_file(str(path), bucket, f"raw/{path.parent.name}/{path.parts[-3]}-{path.name}")
    s3.put_object(Bucket=bucket, Key="raw/README.md", Body=b"x")
    result = run(source=f"s3://{bucket}/raw")
    assert result["found"] is not None
    assert result["found"]["cut"] == {"shares": {"valid": 0.15, "test": 0.15}, "seed": 0}
    assert result["found"]["left_out"] == {"no image by its name": 1}
    assert sum(result["images"].values()) == 30
    again = run(source=result["manifest_uri"].removesuffix("/manifest.json"))
    assert (again["found"], again["uploaded_objects"]) == (result["found"], 0)


def test_a_staged_data_set_is_copied_from_another_bucket(
    localaws: Any, bucket: str, run: Stage, photos: Path
) -> None:
    theirs = f"{bucket}-theirs"
    localaws.client("s3").create_bucket(Bucket=theirs)
    s3 = connect(localaws.url)
    first = stage(s3=s3, bucket=theirs, prefix="lab", source=str(photos))
    copied = run(source=first["manifest_uri"].removesuffix("/manifest.json"))
    assert copied["uploaded_objects"] == 8
    assert copied["manifest_uri"] == f"s3://{bucket}/{PREFIX}/datasets/{first['dataset_id']}/manifest.json"


def test_a_missing_bucket_is_explained(localaws: Any, photos: Path) -> None:
    with pytest.raises(StagingError, match=r"NoSuchBucket.*Create the bucket with infra/bootstrap\.yaml"):
        stage(s3=connect(localaws.url), bucket="nowhere-at-all", prefix="p", source=str(photos))


def test_a_missing_object_is_explained(localaws: Any, bucket: str) -> None:
    with pytest.raises(ClientError, match="NoSuchKey"):
        connect(localaws.url).get(bucket, "none")
    with pytest.raises(DatasetSourceError, match="missing or empty"):
        stage(s3=connect(localaws.url), bucket=bucket, prefix="p", source=f"s3://{bucket}/none")


def test_an_endpoint_that_went_away_is_no_fault_of_the_data(localaws: Any, bucket: str) -> None:
    with recording_proxy(localaws.url) as (url, _):
        s3 = connect(url)
        s3.put(bucket, "k", body=b"x", content_type="a/b", metadata={})
    with pytest.raises(ConnectionError, match="Error performing PUT"):
        s3.put(bucket, "k", body=b"x", content_type="a/b", metadata={})
