"""Serve the code of functions and layers to those who have a link."""

from urllib.parse import unquote

from moto.awslambda.exceptions import LambdaClientError

from localaws.asgi import Request, Response, Router
from localaws.context import Context
from localaws.functions.arns import Target, parse_reference
from localaws.functions.code_links import PATH, digest_of
from localaws.functions.host import FunctionHost
from localaws.functions.lookup import backend_of

REFUSED = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code><Message>{message}</Message></Error>'
)


class CodeService:
    """Answers links as S3 does, which serves them on AWS."""

    def __init__(self, context: Context, *, host: FunctionHost) -> None:
        self._context = context
        self._host = host

    def register(self, router: Router) -> None:
        """Add the route."""
        router.add("GET", f"{PATH}/(?P<arn>[^/]+)", self._serve)

    async def _serve(self, request: Request) -> Response:
        arn = unquote(request.params["arn"])
        now = self._context.clock.now()
        refusal = self._host.links.refusal(arn=arn, query=request.query, now=now)
        if refusal is not None:
            return refused(403, code="AccessDenied", message=refusal)
        code = find_code(arn, digest=digest_of(request.query))
        if code is None:
            return refused(404, code="NoSuchKey", message="The specified key does not exist.")
        return Response(body=code, headers={"content-type": "application/zip"})


def find_code(arn: str, *, digest: str) -> bytes | None:
    """Return the code of a version of a function or of a layer, if it is still the same."""
    if ":layer:" in arn:
        region, account_id = arn.split(":")[3:5]
        layer = backend_of(Target(account_id=account_id, region=region, name="")).layers_versions_by_arn(arn)
        return bytes(layer.code_bytes) if layer is not None and layer.code_digest == digest else None
    reference = parse_reference(arn, qualifier=None)
    target = Target(account_id=str(reference.account_id), region=str(reference.region), name=reference.name)
    try:
        function = backend_of(target).local(reference.name, reference.qualifier)
    except LambdaClientError:
        return None
    return bytes(function.code_bytes) if function.code_digest == digest else None


def refused(status: int, *, code: str, message: str) -> Response:
    """Return an error as S3 writes it."""
    body = REFUSED.format(code=code, message=message).encode()
    return Response(status=status, body=body, headers={"content-type": "application/xml"})
