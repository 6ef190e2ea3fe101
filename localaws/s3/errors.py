"""S3's errors, and how they are answered: a code, a sentence and some facts as XML.

https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
"""

import secrets
from collections.abc import Mapping

from moto.s3.exceptions import S3ClientError

from localaws.asgi import Response
from localaws.protocols import as_xml

STATUS = {
    "AccessDenied": 403,
    "AccessForbidden": 403,
    "InvalidAccessKeyId": 403,
    "RequestTimeTooSkewed": 403,
    "SignatureDoesNotMatch": 403,
    "InvalidObjectState": 403,
    "ObjectNotInActiveTierError": 403,
    "NoSuchBucket": 404,
    "NoSuchKey": 404,
    "NoSuchObjectLockConfiguration": 404,
    "NoSuchUpload": 404,
    "NoSuchVersion": 404,
    "MethodNotAllowed": 405,
    "MissingContentLength": 411,
    "PreconditionFailed": 412,
    "InvalidRange": 416,
    "InvalidPartNumber": 416,
    "NotImplemented": 501,
}
"""Statuses of codes; every other is a 400."""
REQUEST_ID = "x-amz-request-id"


def new_request_id() -> str:
    """Return what an answer is known by."""
    return secrets.token_hex(8).upper()


class S3Error(S3ClientError):
    """What a client is told instead of an answer; `facts` are further elements of the XML.

    It is one of moto's, so that moto answers it too where one of its actions raises it.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        facts: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(code, message)
        self.facts = dict(facts or {})
        self.headers = dict(headers or {})


def answer_error(error: S3ClientError, *, method: str, path: str) -> Response:
    """Return the answer for an error of ours or of moto's S3; to HEAD it has no body."""
    status = STATUS.get(error.code, 400)
    facts, headers = (error.facts, error.headers) if isinstance(error, S3Error) else ({}, {})
    request_id = new_request_id()
    headers = {REQUEST_ID: request_id, "content-type": "application/xml", **headers}
    if method == "HEAD":
        return Response(status=status, headers=headers)
    elements = {"Code": error.code, "Message": error.message, **facts}
    elements |= {"Resource": path, "RequestId": request_id}
    inner = "".join(f"<{name}>{as_xml(value)}</{name}>" for name, value in elements.items())
    document = f'<?xml version="1.0" encoding="UTF-8"?>\n<Error>{inner}</Error>'
    return Response(status=status, body=document.encode(), headers=headers)
