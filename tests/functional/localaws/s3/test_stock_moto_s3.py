"""What stock moto gets wrong about S3 and dispatch: once one of these fails, an override can go."""

import base64
import gc
import json
import os
import re
from collections.abc import Generator
from typing import Any
from unittest import mock

import boto3
import pytest
import requests
from botocore.exceptions import ClientError
from botocore.session import get_session
from moto import backends, mock_aws
from moto.core.responses import BaseResponse
from moto.core.serialize import AttributePickerContext, XFormedAttributePicker
from moto.core.utils import method_names_from_class
from moto.iam.access_control import IAMPolicyStatement, PermissionResult
from moto.moto_server.werkzeug_app import DomainDispatcherApplication
from moto.s3 import notifications
from moto.s3.models import FakeKey, s3_backends
from moto.s3.utils import compute_checksum

BUCKET = "stock-moto"
HOST = "api.sagemaker.us-east-1.amazonaws.com"


@pytest.fixture
def stock() -> Generator[Any, None, None]:
    """A client of moto as it is, with a bucket."""
    with mock_aws():
        client = boto3.client(
            "s3", region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test"
        )
        client.create_bucket(Bucket=BUCKET)
        yield client


def upload(client: Any, *bodies: bytes) -> tuple[dict[str, str], list[dict[str, Any]]]:
    """Send parts; return what names the upload, and the list that completes it."""
    begun = client.create_multipart_upload(Bucket=BUCKET, Key="k")
    where = {"Bucket": BUCKET, "Key": "k", "UploadId": begun["UploadId"]}
    etags = [
        client.upload_part(**where, PartNumber=number, Body=body)["ETag"]
        for number, body in enumerate(bodies, 1)
    ]
    return where, [{"PartNumber": number, "ETag": etag} for number, etag in enumerate(etags, 1)]


def test_what_is_no_policy_is_kept(stock: Any) -> None:
    stock.put_bucket_policy(Bucket=BUCKET, Policy="<Policy/>")
    assert stock.get_bucket_policy(Bucket=BUCKET)["Policy"] == "<Policy/>"


def test_a_policy_s_pattern_is_a_regular_expression(stock: Any) -> None:
    statement = IAMPolicyStatement({"Effect": "Deny", "Action": "s3:GetObject", "Resource": "b/a.c"})
    assert statement.is_action_permitted("s3:GetObject", "b/abc") is PermissionResult.DENIED


@pytest.mark.parametrize(
    "said",
    [
        {"ChecksumSHA256": base64.b64encode(b"0" * 32).decode()},
        {"ContentMD5": base64.b64encode(b"0" * 16).decode()},
    ],
    ids=["SHA-256", "MD5"],
)
def test_wrong_checksums_pass(stock: Any, said: dict[str, str]) -> None:
    assert stock.put_object(Bucket=BUCKET, Key="k", Body=b"x", **said)["ETag"]


def test_parts_out_of_order_pass(stock: Any) -> None:
    where, parts = upload(stock, b"1" * (5 << 20), b"2" * (5 << 20))
    assert stock.complete_multipart_upload(**where, MultipartUpload={"Parts": parts[::-1]})["ETag"]


def test_a_completed_upload_is_announced_twice(stock: Any) -> None:
    where, parts = upload(stock, b"x")
    with mock.patch.object(notifications, "send_event") as send:
        stock.complete_multipart_upload(**where, MultipartUpload={"Parts": parts})
    names = [call.args[1].value for call in send.call_args_list]
    assert len([name for name in names if "ObjectCreated" in name]) == 2


@pytest.mark.parametrize("name", ["under_score", "1.2.3.4", "two..dots"])
def test_bad_bucket_names_pass(stock: Any, name: str) -> None:
    assert s3_backends["123456789012"]["aws"].create_bucket(name, "us-east-1").name == name


def test_an_ended_url_is_served(stock: Any) -> None:
    stock.put_object(Bucket=BUCKET, Key="k", Body=b"x")
    url = stock.generate_presigned_url("get_object", Params={"Bucket": BUCKET, "Key": "k"})
    ended = re.sub(r"([?&]Expires)=\d+", r"\1=1", url)
    assert ended != url
    assert requests.get(ended, timeout=10).status_code == 200


def test_bodies_and_deleted_keys_stay_in_memory(stock: Any) -> None:
    stock.put_object(Bucket=BUCKET, Key="forgotten", Body=b"x")
    assert not hasattr(s3_backends["123456789012"]["aws"].buckets[BUCKET].keys["forgotten"], "body")
    stock.delete_object(Bucket=BUCKET, Key="forgotten")
    gc.collect()
    assert "forgotten" in [key.name for key in FakeKey.instances_tracked]


def test_crcs_that_the_standard_library_lacks_are_others() -> None:
    made = [compute_checksum(b"123456789", name, encode_base64=False) for name in ("CRC64NVME", "CRC32C")]
    assert [value.hex() for value in made] != ["ae8b14860a799888", "e3069283"]


def test_the_service_of_a_host_is_looked_for_each_time() -> None:
    dispatcher = DomainDispatcherApplication(lambda service: None)  # type: ignore[arg-type,return-value]
    with mock.patch.object(backends.os, "listdir", side_effect=os.listdir) as listed:
        assert [dispatcher.get_backend_for_host(HOST) for _ in range(3)] == ["sagemaker"] * 3
    assert listed.call_count == 3


def test_the_methods_of_a_class_are_listed_each_time() -> None:
    assert not hasattr(method_names_from_class, "cache_info")
    assert method_names_from_class(BaseResponse) is not method_names_from_class(BaseResponse)


def test_members_of_answers_are_looked_for_under_several_names() -> None:
    model = get_session().get_service_model("sagemaker")
    member = model.operation_model("DescribeTrainingJob").output_shape.members["VpcConfig"]
    context = AttributePickerContext({}, "VpcConfig", member)
    assert len(list(XFormedAttributePicker().get_possible_keys(context))) > 1


def test_every_page_has_all_folders(stock: Any) -> None:
    stock.create_bucket(Bucket="folders")
    for key in ("a/1", "b/1", "c"):
        stock.put_object(Bucket="folders", Key=key, Body=b"")
    page = stock.list_objects(Bucket="folders", Delimiter="/", MaxKeys=1)
    assert [item["Prefix"] for item in page["CommonPrefixes"]] == ["a/", "b/"]


def test_a_quiet_deletion_is_told(stock: Any) -> None:
    stock.create_bucket(Bucket="quiet")
    stock.put_object(Bucket="quiet", Key="k", Body=b"")
    answer = stock.delete_objects(Bucket="quiet", Delete={"Objects": [{"Key": "k"}], "Quiet": True})
    assert "Deleted" in answer


def test_stock_moto_leaves_out_the_key_behind_a_marker(stock: Any) -> None:
    for key in ("a", "c"):
        stock.put_object(Bucket=BUCKET, Key=key, Body=b"")
    assert "Versions" not in stock.list_object_versions(Bucket=BUCKET, KeyMarker="b")


def test_a_statement_with_any_condition_denies(stock: Any) -> None:
    statement = {"Effect": "Deny", "Action": "s3:*", "Resource": "*"}
    condition = {"Bool": {"aws:SecureTransport": "false"}}
    stock.put_bucket_policy(
        Bucket=BUCKET, Policy=json.dumps({"Statement": [statement | {"Condition": condition}]})
    )
    with pytest.raises(ClientError, match="403"):
        stock.put_object(Bucket=BUCKET, Key="k", Body=b"x")


def test_folders_of_deleted_keys_are_listed(stock: Any) -> None:
    stock.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    stock.put_object(Bucket=BUCKET, Key="folder/k", Body=b"")
    stock.delete_object(Bucket=BUCKET, Key="folder/k")
    assert stock.list_objects_v2(Bucket=BUCKET, Delimiter="/")["CommonPrefixes"] == [{"Prefix": "folder/"}]


def test_common_prefixes_of_the_first_list_are_not_encoded(stock: Any) -> None:
    stock.put_object(Bucket=BUCKET, Key="a%2Fb/c", Body=b"")
    listed = stock.list_objects(Bucket=BUCKET, Delimiter="/")  # boto3 asks for URL encoding, and decodes
    assert listed["CommonPrefixes"] == [{"Prefix": "a/b/"}]


def test_no_marker_is_made_for_a_key_that_never_was(stock: Any) -> None:
    stock.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    stock.delete_object(Bucket=BUCKET, Key="never")
    assert "DeleteMarkers" not in stock.list_object_versions(Bucket=BUCKET)


@pytest.mark.parametrize("change", ["put_object", "delete_object"])
def test_suspended_versioning_loses_all_versions(stock: Any, change: str) -> None:
    for status, body in (("Enabled", b"1"), ("Suspended", b"2")):
        stock.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": status})
        if (status, change) != ("Suspended", "delete_object"):
            stock.put_object(Bucket=BUCKET, Key="k", Body=body)
    if change == "delete_object":
        stock.delete_object(Bucket=BUCKET, Key="k")
    assert len(stock.list_object_versions(Bucket=BUCKET).get("Versions", [])) == int(change == "put_object")


def test_more_than_a_thousand_keys_are_deleted_at_once(stock: Any) -> None:
    wanted = [{"Key": str(number)} for number in range(1001)]
    assert len(stock.delete_objects(Bucket=BUCKET, Delete={"Objects": wanted})["Deleted"]) == 1001


def test_uploads_began_in_2010_and_are_not_listed_by_pages(stock: Any) -> None:
    for _ in range(2):
        stock.create_multipart_upload(Bucket=BUCKET, Key="k")
    answer = stock.list_multipart_uploads(Bucket=BUCKET, MaxUploads=1)
    assert (len(answer["Uploads"]), answer["IsTruncated"]) == (2, False)
    assert answer["Uploads"][0]["Initiated"].year == 2010
