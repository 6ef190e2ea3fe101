"""The page, and what a browser may do with it: run its own script, and ask this localaws."""

import base64
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

PAGE = Path(__file__).with_name("page.html")
INLINE = re.compile(r"<(script|style)>(.*?)</\1>", re.DOTALL)


@dataclass(frozen=True, kw_only=True)
class Page:
    """The page's bytes and headers."""

    body: bytes
    headers: dict[str, str]


def read_page(path: Path = PAGE) -> Page:
    """Return the page with a policy that names its one script and its one style sheet by their hashes."""
    text = path.read_text(encoding="utf-8")
    hashes = {kind: hash_of(content) for kind, content in INLINE.findall(text)}
    policy = (
        f"default-src 'none'; script-src {hashes['script']}; style-src {hashes['style']}; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    headers = {
        "content-type": "text/html; charset=utf-8",
        "content-security-policy": policy,
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        "cache-control": "no-store",
    }
    return Page(body=text.encode(), headers=headers)


def hash_of(content: str) -> str:
    """Return the source expression of inline content (https://www.w3.org/TR/CSP3/#grammardef-hash-source)."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}'"
