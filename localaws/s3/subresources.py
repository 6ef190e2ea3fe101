"""Parameters that moto does not know: it takes a request with one for one about the bucket or object itself.

Deleting the metrics configuration of a bucket would delete the bucket, and an annotation replace its object.
https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations_Amazon_Simple_Storage_Service.html
"""

from urllib.parse import quote
from xml.sax.saxutils import escape

from moto.s3.models import FakeBucket

from localaws.asgi import Response
from localaws.protocols import find_routes
from localaws.s3 import wording
from localaws.s3.backend import FileKey, LocalS3Backend
from localaws.s3.errors import REQUEST_ID, new_request_id
from localaws.s3.reading import find_readable
from localaws.s3.target import Target
from localaws.s3.writing import DECLARATION, NAMESPACE, XML

OF_BUCKETS = frozenset(
    (
        "abac",
        "analytics",
        "intelligent-tiering",
        "metadataAnnotationTable",
        "metadataConfiguration",
        "metadataInventoryTable",
        "metadataJournalTable",
        "metadataTable",
        "metrics",
        "requestPayment",
    )
)
OF_OBJECTS = frozenset(("annotation", "encryption", "renameObject", "torrent"))


def check_built(target: Target) -> None:
    """Raise S3Error for a request that neither moto nor localaws has an answer to."""
    method = target.request.method
    unknown = OF_OBJECTS if target.key else OF_BUCKETS
    is_lost = (method, bool(target.key)) == ("DELETE", False) and "inventory" in target.query
    if not is_lost and unknown.isdisjoint(target.query):
        return
    routes = find_routes("s3")
    path = "/".join(("", quote(target.bucket_name), quote(target.key))) if target.key else "/bucket"
    action = routes and routes.find(method=method, path=path, query=target.request.query)
    raise wording.not_implemented(action or f"{method} {target.request.path}")


def is_answered_here(target: Target) -> bool:
    """Tell whether a request reads what `answer_subresource` says."""
    if target.request.method != "GET":
        return False
    return "retention" in target.query if target.key else "requestPayment" in target.query


def answer_subresource(target: Target, bucket: FakeBucket, backend: LocalS3Backend) -> Response:
    """Answer GetObjectRetention or GetBucketRequestPayment; raises S3Error where there is nothing."""
    if target.key:
        inner = describe_retention(find_readable(target, bucket, backend), target=target)
    else:
        payer = "<Payer>BucketOwner</Payer>"
        inner = f"<RequestPaymentConfiguration {NAMESPACE}>{payer}</RequestPaymentConfiguration>"
    return Response(body=(DECLARATION + inner).encode(), headers=XML | {REQUEST_ID: new_request_id()})


def describe_retention(key: FileKey, *, target: Target) -> str:
    """Return how long a version is kept; raises S3Error where nobody said."""
    if not key.lock_mode or not key.lock_until:
        raise wording.no_lock(target.key)
    return (
        f"<Retention {NAMESPACE}><Mode>{escape(key.lock_mode)}</Mode>"
        f"<RetainUntilDate>{escape(key.lock_until)}</RetainUntilDate></Retention>"
    )
