"""The step of the chain that answers for S3's objects; everything else about S3 is moto's."""

import logging
from collections.abc import Callable
from concurrent.futures import Executor

from moto.iam.access_control import PermissionResult
from moto.s3.exceptions import S3ClientError
from moto.s3.models import FakeBucket

from localaws.asgi import Response, Scope
from localaws.s3 import wording
from localaws.s3.authorization import Asked, find_permission
from localaws.s3.backend import LocalS3Backend
from localaws.s3.errors import REQUEST_ID, answer_error, new_request_id
from localaws.s3.files import Files
from localaws.s3.multipart import answer_complete, answer_part, answer_part_copy
from localaws.s3.presigned import check_presigned, is_presigned
from localaws.s3.reading import answer_read
from localaws.s3.receiving import DisconnectedError
from localaws.s3.subresources import answer_subresource, check_built, is_answered_here
from localaws.s3.target import Caller, Target, read_caller, read_query, read_target
from localaws.s3.versions import check_version_id
from localaws.s3.writing import Place, answer_copy, answer_delete, answer_put
from localaws.steps import Exchange, Forward

logger = logging.getLogger(__name__)

SUB_RESOURCES = frozenset(
    (
        "acl",
        "annotation",
        "attributes",
        "encryption",
        "legal-hold",
        "renameObject",
        "restore",
        "retention",
        "select",
        "tagging",
        "torrent",
        "uploads",
    )
)
"""Parameters by which a request is about something that moto keeps beside an object."""


class ObjectStep:
    """Answer GET, HEAD, PUT and DELETE of objects, and POST that completes an upload in parts."""

    def __init__(
        self, *, files: Files, disk: Executor, events: Executor, is_for_s3: Callable[[Scope], bool]
    ) -> None:
        self._files = files
        self._disk = disk
        self._events = events
        self._is_for_s3 = is_for_s3

    async def __call__(self, exchange: Exchange, forward: Forward) -> None:
        """Answer the request, or hand it on."""
        request = exchange.request
        try:
            target = self._read(exchange)
            if target is None:
                await forward(exchange)
                return
            is_answered = await self._answer(target, exchange)
        except S3ClientError as error:
            answer = answer_error(error, method=request.method, path=request.path)
            if "expect" in request.headers:  # the body may not have been asked for: no request can follow it
                answer.headers["connection"] = "close"
            await answer.send(exchange.send)
        except DisconnectedError:
            logger.info("%s %s: the client went away", request.method, request.path)
        else:
            if not is_answered:
                await forward(exchange)

    def _read(self, exchange: Exchange) -> Target | None:
        """Return what a request to S3 is about; None where it is for another service."""
        request = exchange.request
        query = read_query(request.query)
        caller = read_caller(request.headers, query)
        if caller is None:
            if request.method == "OPTIONS" or not self._is_for_s3(exchange.scope):
                return None
            caller = Caller(access_key_id=None, service="s3", region="us-east-1")
        if caller.service != "s3":
            return None
        target = read_target(request, caller=caller, query=query)
        if target is not None and "authorization" not in request.headers and is_presigned(query):
            check_presigned(target)
        return target

    async def _answer(self, target: Target, exchange: Exchange) -> bool:
        """Answer for an object; tell whether it was one."""
        if target.key:
            check_version_id(target.query.get("versionId"))
        is_read = is_answered_here(target)
        if not is_read:
            check_built(target)
        if not is_read and not is_about_bytes(target) and not begins_upload(target):
            return False
        bucket = target.find_bucket()
        if bucket is None:
            return False
        backend = target.backend_for(bucket)
        address, _ = exchange.scope.get("client") or ("", 0)
        check_access(target, bucket, backend, address=address)
        if begins_upload(target):
            return False
        if bucket.logging:
            self._log(target, bucket, backend)
        if is_read:
            await answer_subresource(target, bucket, backend).send(exchange.send)
            return True
        if target.request.method in ("GET", "HEAD"):
            await answer_read(target, bucket, backend, send=exchange.send, threads=self._disk)
            return True
        place = Place(
            target=target,
            bucket=bucket,
            backend=backend,
            files=self._files,
            disk=self._disk,
            events=self._events,
        )
        response = await _write(place)
        response.headers[REQUEST_ID] = new_request_id()
        await response.send(exchange.send)
        return True

    def _log(self, target: Target, bucket: FakeBucket, backend: LocalS3Backend) -> None:
        """Write the line that the bucket's access log gets, as moto does."""
        from types import SimpleNamespace

        request = target.request
        url = f"http://{request.headers.get('host', '')}{request.path}"
        headers = {"User-Agent": request.headers.get("user-agent", "-")}
        seen = SimpleNamespace(method=request.method, url=url, headers=headers)
        backend.log_incoming_request(seen, bucket.name)


async def _write(place: Place) -> Response:
    """Take a change to the function that makes it."""
    target = place.target
    is_copy = "x-amz-copy-source" in place.headers
    if target.request.method == "DELETE":
        return await answer_delete(place)
    if target.request.method == "POST":
        return await answer_complete(place)
    if "partNumber" in target.query:
        return await (answer_part_copy(place) if is_copy else answer_part(place))
    return await (answer_copy(place) if is_copy else answer_put(place))


def is_about_bytes(target: Target) -> bool:
    """Tell whether a request reads or changes an object itself."""
    query, method = target.query, target.request.method
    if not target.key or not SUB_RESOURCES.isdisjoint(query):
        return False
    has_upload = "uploadId" in query
    if method in ("GET", "HEAD", "DELETE"):
        return not has_upload
    if method == "PUT":
        return has_upload == ("partNumber" in query)
    return method == "POST" and has_upload


def begins_upload(target: Target) -> bool:
    """Tell whether a request begins an upload in parts, which is allowed as the upload itself."""
    return bool(target.key) and target.request.method == "POST" and "uploads" in target.query


def check_access(target: Target, bucket: FakeBucket, backend: LocalS3Backend, *, address: str) -> None:
    """Raise S3Error where the bucket's policy or the object's ACL does not let a caller in.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-auth-workflow-object-operation.html
    """
    is_anonymous = target.caller.access_key_id is None
    if bucket.policy is None and not is_anonymous:
        return
    verb = {"GET": "Get", "HEAD": "Get", "DELETE": "Delete"}.get(target.request.method, "Put")
    resource = f"arn:{bucket.partition}:s3:::{bucket.name}/{target.key}"
    asked = Asked(headers=target.request.headers, query=target.query, address=address)
    permission = find_permission(bucket, action=f"s3:{verb}Object", resource=resource, asked=asked)
    if permission == PermissionResult.DENIED:
        raise wording.access_denied()
    if not is_anonymous or permission == PermissionResult.PERMITTED:
        return
    current = backend.find_current(bucket, target.key)
    if current is not None and current.acl and not current.acl.public_read:
        raise wording.access_denied()
