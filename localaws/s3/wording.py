"""S3's sentences for what it refuses.

https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
"""

from collections.abc import Mapping

from localaws.s3.errors import S3Error


def no_such_key(key: str, *, marker_id: str | None = None) -> S3Error:
    """There is no object, or a delete marker is its newest version."""
    headers = {"x-amz-delete-marker": "true", "x-amz-version-id": marker_id} if marker_id else {}
    return S3Error("NoSuchKey", "The specified key does not exist.", facts={"Key": key}, headers=headers)


def no_such_version(key: str, *, version_id: str) -> S3Error:
    """The object has no such version."""
    facts = {"Key": key, "VersionId": version_id}
    return S3Error("NoSuchVersion", "The specified version does not exist.", facts=facts)


def is_delete_marker(version_id: str) -> S3Error:
    """The version that is asked for is a delete marker."""
    return S3Error(
        "MethodNotAllowed",
        "The specified method is not allowed against this resource.",
        facts={"ResourceType": "DeleteMarker"},
        headers={"x-amz-delete-marker": "true", "x-amz-version-id": version_id, "allow": "DELETE"},
    )


def no_such_upload(upload_id: str) -> S3Error:
    """The upload was never begun, or has ended."""
    return S3Error(
        "NoSuchUpload",
        "The specified upload does not exist. The upload ID may be invalid, or the upload may have been "
        "aborted or completed.",
        facts={"UploadId": upload_id},
    )


def precondition_failed(condition: str) -> S3Error:
    """A conditional request's condition does not hold."""
    return S3Error(
        "PreconditionFailed",
        "At least one of the pre-conditions you specified did not hold",
        facts={"Condition": condition},
    )


def header_not_implemented(name: str) -> S3Error:
    """S3 does not know this use of a header."""
    message = "A header you provided implies functionality that is not implemented"
    return S3Error("NotImplemented", message, facts={"Header": name})


def not_implemented(action: str) -> S3Error:
    """localaws has no such action."""
    return S3Error("NotImplemented", f"localaws does not implement s3:{action}")


def no_lock(key: str) -> S3Error:
    """Nobody said how long an object is kept."""
    message = "The specified object does not have a ObjectLock configuration"
    return S3Error("NoSuchObjectLockConfiguration", message, facts={"Key": key})


def access_denied(message: str = "Access Denied", **facts: str) -> S3Error:
    """The caller may not do this."""
    return S3Error("AccessDenied", message, facts=facts)


def signature_mismatch(*, access_key_id: str, string_to_sign: str) -> S3Error:
    """The request is not the one that was signed."""
    return S3Error(
        "SignatureDoesNotMatch",
        "The request signature we calculated does not match the signature you provided. "
        "Check your key and signing method.",
        facts={"AWSAccessKeyId": access_key_id, "StringToSign": string_to_sign},
    )


def query_parameters(message: str) -> S3Error:
    """A presigned URL lacks something, or has what it must not have."""
    return S3Error("AuthorizationQueryParametersError", message)


def range_not_satisfiable(*, asked: str, size: int) -> S3Error:
    """A range begins behind the object's end."""
    return S3Error(
        "InvalidRange",
        "The requested range is not satisfiable",
        facts={"RangeRequested": asked, "ActualObjectSize": str(size)},
        headers={"content-range": f"bytes */{size}"},
    )


def no_such_part(number: int, *, count: int) -> S3Error:
    """The object has fewer parts."""
    facts = {"PartNumberRequested": str(number), "ActualPartCount": str(count)}
    return S3Error("InvalidPartNumber", "The requested partnumber is not satisfiable", facts=facts)


def wrong_part_number(value: str) -> S3Error:
    """A part's number is none."""
    message = "Part number must be an integer between 1 and 10000, inclusive"
    return invalid_argument(message, name="partNumber", value=value)


def wrong_copy_range(value: str) -> S3Error:
    """The bytes of a part that is a copy are not told as they must be."""
    return invalid_argument(
        "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the "
        "zero-based offsets of the first and last bytes to copy",
        name="x-amz-copy-source-range",
        value=value,
    )


def invalid_object_state(storage_class: str) -> S3Error:
    """An archived object is to be read."""
    return S3Error(
        "InvalidObjectState",
        "The operation is not valid for the object's storage class",
        facts={"StorageClass": storage_class},
    )


def invalid_part(*, upload_id: str, number: int, etag: str) -> S3Error:
    """A listed part was not uploaded, or is another."""
    return S3Error(
        "InvalidPart",
        "One or more of the specified parts could not be found.  The part may not have been uploaded, or "
        "the specified entity tag may not match the part's entity tag.",
        facts={"UploadId": upload_id, "PartNumber": str(number), "ETag": etag},
    )


def invalid_part_order(upload_id: str) -> S3Error:
    """The list of parts is not in ascending order."""
    return S3Error(
        "InvalidPartOrder",
        "The list of parts was not in ascending order. Parts must be ordered by part number.",
        facts={"UploadId": upload_id},
    )


def entity_too_small(*, number: int, etag: str, size: int, least: int) -> S3Error:
    """A part that is not the last has less than 5 MiB."""
    return S3Error(
        "EntityTooSmall",
        "Your proposed upload is smaller than the minimum allowed size",
        facts={
            "ProposedSize": str(size),
            "MinSizeAllowed": str(least),
            "PartNumber": str(number),
            "ETag": etag,
        },
    )


def malformed_xml() -> S3Error:
    """The body is not what the action takes."""
    return S3Error(
        "MalformedXML",
        "The XML you provided was not well-formed or did not validate against our published schema",
    )


def invalid_argument(message: str, *, name: str, value: str) -> S3Error:
    """A header or parameter has a value that it cannot have."""
    return S3Error("InvalidArgument", message, facts={"ArgumentName": name, "ArgumentValue": value})


def several_checksums() -> S3Error:
    """More than one checksum is given."""
    message = "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed."
    return S3Error("InvalidRequest", message)


def invalid_algorithm(name: str) -> S3Error:
    """There is no such algorithm."""
    message = "Checksum algorithm provided is unsupported. Please try again with any of the valid types: "
    return S3Error("InvalidRequest", message + f"[CRC32, CRC32C, CRC64NVME, SHA1, SHA256], not {name[:50]}")


def other_algorithm(*, expected: str, sent: str | None) -> S3Error:
    """A part comes with a checksum of another algorithm than its upload was begun with."""
    return S3Error(
        "InvalidRequest",
        f"Checksum Type mismatch occurred, expected checksum Type: {expected.lower()}, "
        f"actual checksum Type: {sent.lower() if sent else 'null'}",
    )


def invalid_checksum(algorithm: str) -> S3Error:
    """A checksum is not base64, or of another length."""
    return S3Error("InvalidRequest", f"Value for x-amz-checksum-{algorithm.lower()} header is invalid.")


def wrong_listed_checksum(given: Mapping[str, str]) -> S3Error:
    """A listed part has several checksums, or one that is none."""
    value = "".join(f"{algorithm}:{text};" for algorithm, text in given.items())
    message = "Invalid Base64 or multiple checksums present in request"
    return invalid_argument(message, name="Checksum", value=value)


def missing_checksum(algorithm: str, *, number: int) -> S3Error:
    """A listed part is without the checksum that the upload's is made of."""
    return S3Error(
        "InvalidRequest",
        f"The upload was created using a {algorithm.lower()} checksum. The complete request must include the "
        f"checksum for each part. It was missing for part {number} in the request.",
    )


def other_listed_checksum(algorithm: str, *, number: int) -> S3Error:
    """A listed part has a checksum of another algorithm than the upload's."""
    return S3Error(
        "BadDigest",
        f"The {algorithm.lower()} you specified for part {number} did not match what we received.",
    )


def other_checksum_kind(kind: str | None) -> S3Error:
    """An upload is completed with another kind of checksum than it was begun with."""
    return S3Error(
        "InvalidRequest",
        f"The upload was created using the {kind or 'null'} checksum mode. The complete request must use the "
        "same checksum mode.",
    )


def other_size(*, given: str, found: int) -> S3Error:
    """An upload is completed with another size than its parts have together."""
    return S3Error(
        "InvalidRequest",
        f"The provided 'x-amz-mp-object-size' header value {given} does not match what was computed: {found}",
    )


def checksum_type(kind: str, algorithm: str) -> str:
    """Say that an algorithm has no such kind of checksum."""
    return f"The {kind} checksum type cannot be used with the {algorithm.lower()} checksum algorithm."


def bad_checksum(algorithm: str) -> S3Error:
    """The bytes have another checksum."""
    return S3Error("BadDigest", f"The {algorithm} you specified did not match the calculated checksum.")


def invalid_md5() -> S3Error:
    """Content-MD5 is no MD5."""
    return S3Error("InvalidDigest", "The Content-MD5 you specified was invalid.")


def bad_md5(*, sent: str, found: str) -> S3Error:
    """The bytes have another MD5."""
    facts = {"ExpectedDigest": sent, "CalculatedDigest": found}
    return S3Error("BadDigest", "The Content-MD5 you specified did not match what we received.", facts=facts)


def payload_mismatch(*, sent: str, found: str) -> S3Error:
    """The bytes are not those that were signed."""
    return S3Error(
        "XAmzContentSHA256Mismatch",
        "The provided 'x-amz-content-sha256' header does not match what was computed.",
        facts={"ClientComputedContentSHA256": sent, "S3ComputedContentSHA256": found},
    )


def incomplete_body() -> S3Error:
    """The body ends before its length."""
    message = "The request body terminated unexpectedly"
    return S3Error("IncompleteBody", message)


def invalid_storage_class(name: str) -> S3Error:
    """There is no such storage class."""
    message = "The storage class you specified is not valid"
    return S3Error("InvalidStorageClass", message, facts={"StorageClassRequested": name})


def metadata_too_large(*, size: int, most: int) -> S3Error:
    """An object's own metadata is over the limit."""
    return S3Error(
        "MetadataTooLarge",
        "Your metadata headers exceed the maximum allowed metadata size",
        facts={"Size": str(size), "MaxSizeAllowed": str(most)},
    )


def acl_and_grants() -> S3Error:
    """Both kinds of ACL are given."""
    message = "Specifying both Canned ACLs and Header Grants is not allowed"
    return S3Error("InvalidRequest", message)


def no_such_bucket(name: str) -> S3Error:
    """There is no such bucket."""
    return S3Error("NoSuchBucket", "The specified bucket does not exist", facts={"BucketName": name})


def invalid_uri() -> S3Error:
    """The path is not UTF-8."""
    return S3Error("InvalidURI", "Couldn't parse the specified URI.")


def malformed_policy(message: str = "Invalid policy syntax.") -> S3Error:
    """A bucket's policy is none."""
    return S3Error("MalformedPolicy", message)


def key_too_long(*, size: int, most: int) -> S3Error:
    """A key is over the limit."""
    facts = {"Size": str(size), "MaxSizeAllowed": str(most)}
    return S3Error("KeyTooLongError", "Your key is too long", facts=facts)


def entity_too_large(*, size: int, most: int) -> S3Error:
    """A single upload is over the limit."""
    return S3Error(
        "EntityTooLarge",
        "Your proposed upload exceeds the maximum allowed size",
        facts={"ProposedSize": str(size), "MaxSizeAllowed": str(most)},
    )


def copy_changes_nothing() -> S3Error:
    """An object is copied to itself."""
    return S3Error(
        "InvalidRequest",
        "This copy request is illegal because it is trying to copy an object to itself without changing the "
        "object's metadata, storage class, website redirect location or encryption attributes.",
    )


def not_in_active_tier() -> S3Error:
    """The source of a copy is archived."""
    return S3Error(
        "ObjectNotInActiveTierError",
        "The source object of the COPY operation is not in the active tier and is only stored in "
        "Amazon S3 Glacier.",
    )


def lock_not_enabled() -> S3Error:
    """The bucket has no object lock."""
    return S3Error("InvalidRequest", "Bucket is missing Object Lock Configuration")


def lock_needs_checksum() -> S3Error:
    """An upload with a lock comes without a checksum."""
    return S3Error(
        "InvalidRequest",
        "Content-MD5 OR x-amz-checksum- HTTP header is required for Put Object requests with Object Lock "
        "parameters",
    )


def half_a_lock() -> S3Error:
    """A lock has a mode or an end, not both."""
    message = "x-amz-object-lock-retain-until-date and x-amz-object-lock-mode must both be supplied"
    return S3Error("InvalidArgument", message)
