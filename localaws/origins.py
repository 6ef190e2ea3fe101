"""Refuse what a web page in somebody's browser sends: whoever reaches localaws can run code on the machine.

A browser sends requests to loopback for any page. Two things tell them from a client's. Their `Host` is the
page's own name where a name was bound to 127.0.0.1 after the page was loaded (DNS rebinding). And their
`Origin` names the page, or `Sec-Fetch-Site` says that another site asks: no AWS client sends either. As on
AWS, a bucket's CORS rules let pages through to that bucket, and to nothing else.
https://fetch.spec.whatwg.org/#http-origin  https://www.w3.org/TR/fetch-metadata/
"""

import ipaddress
import logging
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import unquote, urlsplit

from moto.s3.models import CorsRule, s3_backends

from localaws.asgi import Message, Request, Scope, Send, aws_error
from localaws.steps import Exchange, Forward

logger = logging.getLogger(__name__)

AWS_DOMAIN = "amazonaws.com"
LOCAL_DOMAIN = "localhost"
FOREIGN_SITES = ("cross-site", "same-site")
"""Values of Sec-Fetch-Site that another page has; `none` is an address that a person typed."""
STATUS_PAGE = "/_localaws/"
"""The one path that a link on another page may lead to: it changes nothing, and cannot be framed."""
VIRTUAL_HOST = re.compile(r"(.+)\.s3[.-][a-z0-9.-]+")

Rules = Callable[[str], Iterable[CorsRule]]


@dataclass(frozen=True, kw_only=True)
class Page:
    """A web page that a bucket's CORS rules let through."""

    origin: str
    rule: CorsRule

    def headers(self) -> list[tuple[bytes, bytes]]:
        """Return what lets the browser show the page an answer; moto adds it to some answers only."""
        exposed: Sequence[str] = self.rule.exposed_headers or ()
        found = {"access-control-allow-origin": self.origin, "vary": "Origin"}
        if exposed:
            found["access-control-expose-headers"] = ", ".join(exposed)
        return [(name.encode(), value.encode("latin-1")) for name, value in found.items()]


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What becomes of a request."""

    refusal: str | None = None
    """Why it is refused, and what to do."""
    page: Page | None = None
    """The page that sent it, where a bucket lets it through."""


PASSED = Verdict()
"""The verdict on nearly every request."""


@dataclass(frozen=True, kw_only=True)
class Guard:
    """What may be asked of a localaws, by Host and Origin."""

    public_host: str | None
    """The host of `--public-url`, by which clients on other machines call it."""
    is_remote: bool
    """Whether it listens beyond loopback, so that clients may call it by any address."""
    rules_of: Rules
    """Bucket -> its CORS rules."""
    path_rules_of: Rules = lambda path: ()
    """Path of a native route -> the CORS rules by which pages may call it."""

    def judge(self, request: Request, *, is_s3: Callable[[], bool]) -> Verdict:
        """Say whether a request may pass.

        `is_s3` tells whether the request would be answered by S3, and is asked where a page sent it.
        """
        host = request.headers.get("host", "")
        if not self._is_expected(host):
            return Verdict(
                refusal=f"localaws does not answer to the host {host[:100]!r}: use 127.0.0.1 or localhost, "
                "or name the host in --public-url"
            )
        origin, site = request.headers.get("origin"), request.headers.get("sec-fetch-site")
        if origin is None and site not in FOREIGN_SITES:
            return PASSED
        if origin is None and is_visit(request):
            return PASSED
        if origin is not None:
            own = self.path_rules_of(request.path)
            bucket = bucket_of(path=request.path, host=host_name(host) or "")
            rules = own or (self.rules_of(bucket) if is_s3() else ())
            if rule := _find_rule(rules, request, origin=origin):
                return Verdict(page=Page(origin=origin, rule=rule))
        return Verdict(
            refusal=f"localaws takes no request from a web page (Origin {(origin or 'not sent')[:100]!r}): "
            "allow its origin and method in the CORS rules of the bucket, or of the function URL"
        )

    def _is_expected(self, host: str) -> bool:
        """Tell whether a Host header is one that no page can make its own."""
        name = host_name(host)
        if name is None:
            return False
        if (is_loopback := is_loopback_address(name)) is not None:
            return is_loopback or self.is_remote
        expected = (LOCAL_DOMAIN, AWS_DOMAIN, *([self.public_host] if self.public_host else []))
        return any(name == known or name.endswith(f".{known}") for known in expected)


def _find_rule(rules: Iterable[CorsRule], request: Request, *, origin: str) -> CorsRule | None:
    """Return the first CORS rule that allows the origin and the method."""
    headers, is_preflight = request.headers, request.method == "OPTIONS"
    method = headers.get("access-control-request-method", "") if is_preflight else request.method
    return next((rule for rule in rules if allows(rule, origin=origin, method=method)), None)


def is_visit(request: Request) -> bool:
    """Tell whether a browser opens the status page in a window of its own, as after a click on a link."""
    headers = request.headers
    return (
        request.method == "GET"
        and request.path == STATUS_PAGE
        and headers.get("sec-fetch-mode") == "navigate"
        and headers.get("sec-fetch-dest") == "document"
    )


@lru_cache(maxsize=256)
def is_loopback_address(name: str) -> bool | None:
    """Tell whether a host is an address of this machine only; None for one that is no address."""
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return None


@lru_cache(maxsize=256)
def host_name(host: str) -> str | None:
    """Return the name or address of a Host header, in lower case and without its port; None for nonsense."""
    try:
        name = urlsplit(f"//{host}").hostname
    except ValueError:
        return None
    return name.rstrip(".") if name and not set(name) & set("/\\@ ") else None


def is_of_page(headers: Mapping[str, str]) -> bool:
    """Tell whether a browser has sent a request, for a page of any name: no SDK sends such headers."""
    host = host_name(headers.get("host", LOCAL_DOMAIN))
    is_known = host == LOCAL_DOMAIN or (host is not None and bool(is_loopback_address(host)))
    return not is_known or "origin" in headers or "sec-fetch-site" in headers


def bucket_of(*, path: str, host: str) -> str:
    """Return the bucket of an S3 request, by its virtual host or by its path."""
    virtual = VIRTUAL_HOST.fullmatch(host)
    return virtual[1] if virtual else unquote(path.lstrip("/").partition("/")[0])


def allows(rule: CorsRule, *, origin: str, method: str) -> bool:
    """Tell whether a CORS rule allows an origin, which may have one `*`, and a method."""
    methods: Iterable[str] = rule.allowed_methods or ()
    patterns: Iterable[str] = rule.allowed_origins or ()
    return method in methods and any(
        re.fullmatch(re.escape(pattern).replace(r"\*", ".*"), origin) for pattern in patterns
    )


def stored_rules(bucket: str) -> Iterable[CorsRule]:
    """Return the CORS rules that a bucket has in moto's S3."""
    accounts: Mapping[str, tuple[str, str]] = s3_backends.bucket_accounts
    if bucket not in accounts:
        return ()
    partition, account_id = accounts[bucket]
    found = s3_backends[account_id][partition].buckets.get(bucket)
    return () if found is None else found.cors


def make_guard(*, public_url: str | None, host: str, path_rules_of: Rules) -> Guard:
    """Return the guard of a localaws that listens on `host`; clients elsewhere may use another address."""
    return Guard(
        public_host=host_name(urlsplit(public_url).netloc) if public_url else None,
        is_remote=not ipaddress.ip_address(host).is_loopback,
        rules_of=stored_rules,
        path_rules_of=path_rules_of,
    )


@dataclass(frozen=True, kw_only=True)
class OriginCheck:
    """The first step of every request: what a page must not send is refused before anything looks at it."""

    guard: Guard
    is_for_s3: Callable[[Scope], bool]
    """Tells whether moto takes a request for one to S3."""

    def __call__(self, exchange: Exchange, forward: Forward) -> Awaitable[None]:
        """Refuse the request, or hand it on, with CORS headers for its answer where a bucket allows them."""
        request = exchange.request
        verdict = self.guard.judge(
            request, is_s3=lambda: exchange.handler is None and self.is_for_s3(exchange.scope)
        )
        if verdict.refusal is not None:
            logger.warning("%s %s refused: %s", request.method, request.path, verdict.refusal)
            return aws_error(status=403, code="AccessDenied", message=verdict.refusal).send(exchange.send)
        if verdict.page is not None:
            exchange.send = adding_headers(exchange.send, verdict.page.headers())
        return forward(exchange)


def adding_headers(send: Send, added: Sequence[tuple[bytes, bytes]]) -> Send:
    """Return a `send` that puts headers in the place of those of the same names."""
    names = {name for name, _ in added}

    async def send_with(message: Message) -> None:
        if message["type"] == "http.response.start":
            kept = [pair for pair in message["headers"] if pair[0].lower() not in names]
            message = {**message, "headers": [*kept, *added]}
        await send(message)

    return send_with
