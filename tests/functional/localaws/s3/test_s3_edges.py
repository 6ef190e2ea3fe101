"""What real clients meet at the edges of S3: lists, versions, checksums of parts, events, configurations."""

import base64
import hashlib
import json
import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError

PART = b"p" * (5 << 20)
KEYS = ("a%2Fb/c", "plus+ and space/x", "top", "ü/ö")


def make_bucket(s3: Any, *, versioning: str | None = None) -> str:
    """Make a bucket of its own."""
    name = f"edges-{uuid.uuid4().hex[:12]}"
    s3.create_bucket(Bucket=name)
    if versioning:
        s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": versioning})
    return name


def refused(call: Any, **arguments: Any) -> tuple[int, str, str]:
    """Return status, code and message of what a call is refused with."""
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    answer = caught.value.response
    error = answer["Error"]
    return answer["ResponseMetadata"]["HTTPStatusCode"], str(error["Code"]), str(error.get("Message", ""))


@pytest.fixture(scope="module")
def filled(s3: Any) -> str:
    """A bucket that holds KEYS."""
    bucket = make_bucket(s3)
    for key in KEYS:
        s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    return bucket


@pytest.mark.parametrize("operation", ["list_objects", "list_objects_v2"])
def test_names_that_look_encoded_come_back_as_they_are(s3: Any, filled: str, operation: str) -> None:
    """boto3 asks for URL encoding and decodes what it gets, prefixes and markers too."""
    pages = s3.get_paginator(operation).paginate(
        Bucket=filled, Delimiter="/", PaginationConfig={"PageSize": 1}
    )
    found = [
        item.get("Prefix") or item["Key"]
        for page in pages
        for item in (*page.get("CommonPrefixes", []), *page.get("Contents", []))
    ]
    assert found == ["a%2Fb/", "plus+ and space/", "top", "ü/"]
    page = getattr(s3, operation)(Bucket=filled, Prefix="plus+ and", Delimiter=" ")
    assert page["Delimiter"] == " "
    if operation == "list_objects_v2":  # boto3 leaves Prefix of the first list as it came
        assert page["Prefix"] == "plus+ and"
    assert page["CommonPrefixes"] == [{"Prefix": "plus+ and "}]


def test_the_first_list_has_a_next_marker_only_with_a_delimiter(s3: Any, filled: str) -> None:
    page = s3.list_objects(Bucket=filled, MaxKeys=1)
    assert (page["IsTruncated"], "NextMarker" in page, page["Marker"]) == (True, False, "")
    page = s3.list_objects(Bucket=filled, MaxKeys=1, Delimiter="/", Marker="a%2Fb/")
    assert (page["NextMarker"], page["Marker"]) == ("plus+ and space/", "a%2Fb/")


def test_the_second_list_tells_what_was_asked(s3: Any, filled: str) -> None:
    page = s3.list_objects_v2(Bucket=filled, MaxKeys=1, StartAfter="plus+", FetchOwner=True)
    assert (page["StartAfter"], page["KeyCount"], page["MaxKeys"]) == ("plus+", 1, 1)
    assert page["Contents"][0]["Owner"]["ID"]
    again = s3.list_objects_v2(Bucket=filled, ContinuationToken=page["NextContinuationToken"])
    assert [item["Key"] for item in again["Contents"]] == ["top", "ü/ö"]
    assert again["ContinuationToken"] == page["NextContinuationToken"]
    assert s3.list_objects_v2(Bucket=filled, MaxKeys=5000)["MaxKeys"] == 1000


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("max-keys=-1", "Argument maxKeys must be an integer between 0 and 2147483647"),
        ("max-keys=many", "Provided max-keys not an integer or within integer range"),
        ("encoding-type=base64", "Invalid Encoding Method specified in Request"),
        ("list-type=2&continuation-token=x", "The continuation token provided is incorrect"),
        ("list-type=2&continuation-token=", "The continuation token provided is incorrect"),
        ("versions&max-keys=-1", "Argument maxKeys must be an integer between 0 and 2147483647"),
        ("versions&version-id-marker=x", "A version-id marker cannot be specified without a key marker."),
    ],
)
def test_lists_that_cannot_be_asked_for(send: Any, filled: str, query: str, said: str) -> None:
    answer = send("GET", f"/{filled}?{query}")
    assert (answer.status, answer.code) == (400, "InvalidArgument")
    assert f"<Message>{said}</Message>" in answer.body.decode()


def test_a_folder_goes_with_its_last_object(s3: Any) -> None:
    bucket = make_bucket(s3, versioning="Enabled")
    s3.put_object(Bucket=bucket, Key="gone/k", Body=b"")
    s3.put_object(Bucket=bucket, Key="there/k", Body=b"")
    s3.delete_object(Bucket=bucket, Key="gone/k")
    for listed in (s3.list_objects, s3.list_objects_v2):
        assert listed(Bucket=bucket, Delimiter="/")["CommonPrefixes"] == [{"Prefix": "there/"}]
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 1


def test_versions_outlive_the_suspension_of_versioning(s3: Any) -> None:
    bucket = make_bucket(s3, versioning="Enabled")
    first = s3.put_object(Bucket=bucket, Key="k", Body=b"1")["VersionId"]
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})
    for body in (b"2", b"3"):
        s3.put_object(Bucket=bucket, Key="k", Body=body)
    listed = s3.list_object_versions(Bucket=bucket)["Versions"]
    assert [(item["VersionId"], item["IsLatest"]) for item in listed] == [("null", True), (first, False)]
    gone = s3.delete_object(Bucket=bucket, Key="k")
    assert (gone["DeleteMarker"], gone["VersionId"]) == (True, "null")
    assert refused(s3.get_object, Bucket=bucket, Key="k")[:2] == (404, "NoSuchKey")
    assert s3.get_object(Bucket=bucket, Key="k", VersionId=first)["Body"].read() == b"1"
    s3.delete_object(Bucket=bucket, Key="k", VersionId="null")
    assert s3.get_object(Bucket=bucket, Key="k")["VersionId"] == first


@pytest.mark.parametrize("operation", ["get_object", "head_object", "delete_object", "get_object_tagging"])
@pytest.mark.parametrize("id_", ["noVersion", "0", "x" * 33, "\x00"])
def test_an_id_that_no_version_can_have(s3: Any, filled: str, operation: str, id_: str) -> None:
    status, code, message = refused(getattr(s3, operation), Bucket=filled, Key="top", VersionId=id_)
    assert status == 400
    if operation != "head_object":  # whose answers have no body
        assert (code, message) == ("InvalidArgument", "Invalid version id specified")


@pytest.mark.parametrize("id_", ["v5n1PPUjOCMHLyyfq0ayjoZ5RZLfVQKA", "6fb1c2d0-7a3e-4c7b-9c55-0d8f3f1f2a61"])
def test_a_version_that_is_not_there(s3: Any, filled: str, id_: str) -> None:
    status, code, _ = refused(s3.get_object, Bucket=filled, Key="top", VersionId=id_)
    assert (status, code) == (404, "NoSuchVersion")
    s3.delete_object(Bucket=filled, Key="top", VersionId=id_)
    assert s3.head_object(Bucket=filled, Key="top")["ContentLength"] == 1


def test_an_empty_version_id_and_one_of_a_copy_s_source(s3: Any, send: Any, filled: str) -> None:
    answer = send("GET", f"/{filled}/top?versionId=")
    assert (answer.status, answer.code) == (400, "InvalidArgument")
    assert b"Version id cannot be the empty string" in answer.body
    source = {"Bucket": filled, "Key": "top", "VersionId": "none"}
    code = refused(s3.copy_object, Bucket=filled, Key="copy", CopySource=source)[1]
    assert code == "InvalidArgument"


def test_a_thousand_keys_are_deleted_at_once_and_no_more(s3: Any, send: Any) -> None:
    bucket = make_bucket(s3, versioning="Enabled")
    s3.put_object(Bucket=bucket, Key="k<&>", Body=b"")
    wanted = [{"Key": "k<&>"}, *({"Key": f"never-{number}"} for number in range(999))]
    told = s3.delete_objects(Bucket=bucket, Delete={"Objects": wanted})["Deleted"]
    assert [item["Key"] for item in told] == [item["Key"] for item in wanted]
    assert all(item["DeleteMarker"] and item["DeleteMarkerVersionId"] for item in told)
    assert len(s3.list_object_versions(Bucket=bucket, Prefix="never-")["DeleteMarkers"]) == 999
    marker = {"Key": "k<&>", "VersionId": told[0]["DeleteMarkerVersionId"]}
    (again,) = s3.delete_objects(Bucket=bucket, Delete={"Objects": [marker]})["Deleted"]
    assert (again["DeleteMarker"], again["DeleteMarkerVersionId"]) == (True, marker["VersionId"])
    assert s3.head_object(Bucket=bucket, Key="k<&>")["ContentLength"] == 0
    too_many = [*wanted, {"Key": "one more"}]
    assert refused(s3.delete_objects, Bucket=bucket, Delete={"Objects": too_many})[1] == "MalformedXML"
    for body in ("nonsense", "", "<Delete/>", "<Delete><Object/></Delete>", "<Remove/>"):
        answer = send("POST", f"/{bucket}?delete", body=body)
        assert (answer.status, answer.code) == (400, "MalformedXML"), body


def test_one_of_many_may_be_held_by_a_lock(s3: Any) -> None:
    bucket = f"edges-{uuid.uuid4().hex[:12]}"
    s3.create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=True)
    held = s3.put_object(Bucket=bucket, Key="held", Body=b"", ObjectLockLegalHoldStatus="ON")["VersionId"]
    free = s3.put_object(Bucket=bucket, Key="free", Body=b"")["VersionId"]
    wanted = [{"Key": "held", "VersionId": held}, {"Key": "free", "VersionId": free}]
    answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": wanted})
    assert [item["Key"] for item in answer["Deleted"]] == ["free"]
    assert [(item["Key"], item["Code"]) for item in answer["Errors"]] == [("held", "AccessDenied")]


def test_every_object_is_encrypted(s3: Any, filled: str) -> None:
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/default-encryption-faq.html"""
    source = {"Bucket": filled, "Key": "top"}
    answers = [
        s3.put_object(Bucket=filled, Key="top", Body=b"x"),
        s3.copy_object(Bucket=filled, Key="top-copy", CopySource=source),
        s3.get_object(**source),
        s3.head_object(**source),
    ]
    assert [answer["ServerSideEncryption"] for answer in answers] == ["AES256"] * 4
    other = s3.put_object(Bucket=filled, Key="kms", Body=b"x", ServerSideEncryption="aws:kms")
    assert other["ServerSideEncryption"] == "aws:kms"
    s3.delete_objects(Bucket=filled, Delete={"Objects": [{"Key": "top-copy"}, {"Key": "kms"}]})


@pytest.mark.parametrize(
    ("directives", "metadata", "tags"),
    [
        ({}, {"a": "1"}, {"t": "1"}),
        ({"Metadata": {"b": "2"}, "Tagging": "u=2"}, {"a": "1"}, {"t": "1"}),
        ({"MetadataDirective": "REPLACE"}, {}, {"t": "1"}),
        ({"MetadataDirective": "REPLACE", "Metadata": {"b": "2"}}, {"b": "2"}, {"t": "1"}),
        ({"TaggingDirective": "REPLACE"}, {"a": "1"}, {}),
        ({"TaggingDirective": "REPLACE", "Tagging": "u=2"}, {"a": "1"}, {"u": "2"}),
    ],
)
def test_what_a_copy_takes_along(
    s3: Any, bucket: str, directives: dict[str, Any], metadata: dict[str, str], tags: dict[str, str]
) -> None:
    s3.put_object(Bucket=bucket, Key="source", Body=b"x", Metadata={"a": "1"}, Tagging="t=1")
    s3.copy_object(Bucket=bucket, Key="copy", CopySource={"Bucket": bucket, "Key": "source"}, **directives)
    assert s3.head_object(Bucket=bucket, Key="copy")["Metadata"] == metadata
    found = s3.get_object_tagging(Bucket=bucket, Key="copy")["TagSet"]
    assert {item["Key"]: item["Value"] for item in found} == tags


@pytest.mark.parametrize(
    "change",
    [
        {"MetadataDirective": "REPLACE"},
        {"StorageClass": "STANDARD_IA"},
        {"ServerSideEncryption": "AES256"},
        {"WebsiteRedirectLocation": "/elsewhere"},
    ],
)
def test_a_copy_onto_itself_must_change_something(s3: Any, bucket: str, change: dict[str, str]) -> None:
    s3.put_object(Bucket=bucket, Key="itself", Body=b"x")
    here = {"Bucket": bucket, "Key": "itself"}
    status, code, message = refused(s3.copy_object, **here, CopySource=here)
    assert (status, code) == (400, "InvalidRequest")
    assert message.startswith("This copy request is illegal because it is trying to copy an object to itself")
    s3.copy_object(**here, CopySource=here, **change)
    assert s3.get_object(**here)["Body"].read() == b"x"


@pytest.mark.parametrize("algorithm", ["CRC32", "SHA1", "SHA256"])
def test_a_part_has_the_algorithm_of_its_upload(s3: Any, bucket: str, algorithm: str) -> None:
    where = {"Bucket": bucket, "Key": f"parts-{algorithm}"}
    upload = s3.create_multipart_upload(**where, ChecksumAlgorithm=algorithm)["UploadId"]
    other = "SHA1" if algorithm == "SHA256" else "SHA256"
    sent = {**where, "UploadId": upload, "PartNumber": 1, "Body": b"x"}
    status, code, message = refused(s3.upload_part, **sent, ChecksumAlgorithm=other)
    assert (status, code) == (400, "InvalidRequest")
    assert message == (
        f"Checksum Type mismatch occurred, expected checksum Type: {algorithm.lower()}, "
        f"actual checksum Type: {other.lower()}"
    )
    part = s3.upload_part(**sent, ChecksumAlgorithm=algorithm)
    name = f"Checksum{algorithm}"
    listed = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"], name: part[name]}]}
    done = s3.complete_multipart_upload(**where, UploadId=upload, MultipartUpload=listed)
    assert (done[name].endswith("-1"), done["ChecksumType"]) == (True, "COMPOSITE")


def test_a_part_without_a_checksum_is_taken_where_the_whole_is_checked(
    s3: Any, send: Any, bucket: str
) -> None:
    for kind, status in (("FULL_OBJECT", 200), ("COMPOSITE", 400)):
        where = {"Bucket": bucket, "Key": kind, "ChecksumAlgorithm": "CRC32", "ChecksumType": kind}
        upload = s3.create_multipart_upload(**where)["UploadId"]
        answer = send("PUT", f"/{bucket}/{kind}?uploadId={upload}&partNumber=1", body="x")
        assert answer.status == status, kind
    assert b"expected checksum Type: crc32, actual checksum Type: null" in answer.body


def test_a_completed_upload_is_held_against_checksums_of_parts_and_whole(s3: Any, bucket: str) -> None:
    where = {"Bucket": bucket, "Key": "whole"}
    asked = {"ChecksumAlgorithm": "SHA256", "ChecksumType": "COMPOSITE"}
    upload = s3.create_multipart_upload(**where, **asked)["UploadId"]
    digests, listed = [], []
    for number, body in enumerate((PART, b"tail"), 1):
        sent = {**where, "UploadId": upload, "PartNumber": number, "Body": body}
        part = s3.upload_part(**sent, ChecksumAlgorithm="SHA256")
        digests.append(hashlib.sha256(body).digest())
        assert part["ChecksumSHA256"] == base64.b64encode(digests[-1]).decode()
        listed.append({"PartNumber": number, "ETag": part["ETag"], "ChecksumSHA256": part["ChecksumSHA256"]})
    complete = {**where, "UploadId": upload}
    wrong = [listed[0], listed[1] | {"ChecksumSHA256": listed[0]["ChecksumSHA256"]}]
    end = s3.complete_multipart_upload
    assert refused(end, **complete, MultipartUpload={"Parts": wrong})[1] == "InvalidPart"
    of_parts = base64.b64encode(hashlib.sha256(b"".join(digests)).digest()).decode()
    bad = base64.b64encode(bytes(32)).decode()
    right = {"Parts": listed}
    assert refused(end, **complete, MultipartUpload=right, ChecksumSHA256=f"{bad}-2")[1] == "BadDigest"
    done = end(**complete, MultipartUpload=right, ChecksumSHA256=f"{of_parts}-2")
    assert done["ChecksumSHA256"] == f"{of_parts}-2"


@pytest.mark.parametrize("range_", [(0, 0), (3, 9), (len(PART) - 1, len(PART) - 1)])
def test_ranges_of_copied_parts(s3: Any, bucket: str, range_: tuple[int, int]) -> None:
    body = bytes(range(256)) * (len(PART) // 256)
    s3.put_object(Bucket=bucket, Key="long", Body=body)
    where = {"Bucket": bucket, "Key": "copied"}
    upload = s3.create_multipart_upload(**where)["UploadId"]
    first, last = range_
    asked = {"CopySource": f"{bucket}/long", "CopySourceRange": f"bytes={first}-{last}"}
    copied = s3.upload_part_copy(**where, UploadId=upload, PartNumber=1, **asked)["CopyPartResult"]
    listed = {"Parts": [{"PartNumber": 1, "ETag": copied["ETag"]}]}
    s3.complete_multipart_upload(**where, UploadId=upload, MultipartUpload=listed)
    assert s3.get_object(**where)["Body"].read() == body[first : last + 1]


def test_events_tell_markers_from_deletions(localaws: Any, s3: Any) -> None:
    sqs, bucket = localaws.client("sqs"), make_bucket(s3, versioning="Enabled")
    url = sqs.create_queue(QueueName=bucket)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    rule = {"Name": "prefix", "Value": "in/"}
    events = {
        "QueueArn": arn,
        "Events": ["s3:ObjectRemoved:*"],
        "Filter": {"Key": {"FilterRules": [rule]}},
    }
    s3.put_bucket_notification_configuration(
        Bucket=bucket, NotificationConfiguration={"QueueConfigurations": [events]}
    )
    version = s3.put_object(Bucket=bucket, Key="in/k", Body=b"1")["VersionId"]
    s3.delete_object(Bucket=bucket, Key="in/k")
    s3.delete_object(Bucket=bucket, Key="out/k")
    s3.delete_object(Bucket=bucket, Key="in/k", VersionId=version)
    names = []
    while found := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        bodies = [json.loads(message["Body"]) for message in found]
        names += [record["eventName"] for body in bodies for record in body.get("Records", [])]
    assert sorted(names) == ["ObjectRemoved:Delete", "ObjectRemoved:DeleteMarkerCreated"]


def test_a_website_s_configuration_is_kept_and_a_bucket_that_holds_objects_stays(s3: Any) -> None:
    bucket = make_bucket(s3)
    site = {"IndexDocument": {"Suffix": "index.html"}, "ErrorDocument": {"Key": "error.html"}}
    s3.put_bucket_website(Bucket=bucket, WebsiteConfiguration=site)
    found = s3.get_bucket_website(Bucket=bucket)
    assert {name: found[name] for name in site} == site
    s3.put_object(Bucket=bucket, Key="index.html", Body=b"x")
    status, code, message = refused(s3.delete_bucket, Bucket=bucket)
    assert (status, code) == (409, "BucketNotEmpty")
    assert message == "The bucket you tried to delete is not empty"
    s3.delete_object(Bucket=bucket, Key="index.html")
    s3.delete_bucket(Bucket=bucket)
    assert refused(s3.get_bucket_website, Bucket=bucket)[:2] == (404, "NoSuchBucket")


def test_an_annotation_or_a_metrics_configuration_leaves_object_and_bucket_alone(s3: Any) -> None:
    bucket = make_bucket(s3)
    configuration = {"Bucket": bucket, "Id": "all"}
    assert refused(s3.delete_bucket_metrics_configuration, **configuration)[:2] == (501, "NotImplemented")
    s3.put_object(Bucket=bucket, Key="k", Body=b"kept")
    annotation = {"Bucket": bucket, "Key": "k", "AnnotationName": "a"}
    assert refused(s3.put_object_annotation, **annotation, AnnotationPayload=b"x")[1] == "NotImplemented"
    assert refused(s3.delete_object_annotation, **annotation)[1] == "NotImplemented"
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"kept"
    assert s3.get_bucket_request_payment(Bucket=bucket)["Payer"] == "BucketOwner"


def test_the_retention_of_an_object_is_told(s3: Any) -> None:
    bucket = f"edges-{uuid.uuid4().hex[:12]}"
    s3.create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=True)
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    where = {"Bucket": bucket, "Key": "k"}
    assert refused(s3.get_object_retention, **where)[:2] == (404, "NoSuchObjectLockConfiguration")
    kept = {"Mode": "GOVERNANCE", "RetainUntilDate": "2035-01-01T00:00:00Z"}
    s3.put_object_retention(**where, Retention=kept)
    found = s3.get_object_retention(**where)["Retention"]
    assert (found["Mode"], found["RetainUntilDate"].year) == ("GOVERNANCE", 2035)


def test_a_post_that_says_nothing_is_not_allowed_on_an_object(s3: Any, send: Any) -> None:
    """moto looks in vain for what it is to do."""
    bucket = make_bucket(s3)
    answer = send("POST", f"/{bucket}/k", body=b"x")
    assert (answer.status, b"<Code>MethodNotAllowed</Code>" in answer.body) == (405, True)
