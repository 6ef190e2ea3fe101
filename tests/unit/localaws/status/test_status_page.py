"""The page's policy, and that it writes nothing into itself but text."""

import hashlib
import re
from base64 import b64encode
from pathlib import Path

from localaws.status.page import PAGE, hash_of, read_page


def test_the_policy_names_the_page_s_own_script_and_style_by_their_hashes() -> None:
    page = read_page()
    policy = page.headers["content-security-policy"]
    for kind in ("script", "style"):
        (content,) = re.findall(f"<{kind}>(.*?)</{kind}>", page.body.decode(), re.DOTALL)
        digest = b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy
    for rule in ("default-src 'none'", "connect-src 'self'", "base-uri 'none'", "frame-ancestors 'none'"):
        assert rule in policy


def test_another_script_has_another_hash(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    path.write_text("<style>a</style><script>b</script>")
    assert f"script-src {hash_of('b')};" in read_page(path).headers["content-security-policy"]
    assert hash_of("b") != hash_of("c")


def test_the_page_asks_for_nothing_from_elsewhere() -> None:
    text = PAGE.read_text()
    assert re.findall(r"https?://", text) == []
    assert re.findall(r"<(?:link|img|iframe|object)\b|@import|url\(", text) == []


def test_the_page_makes_elements_of_text_only() -> None:
    """What a log line or a name holds is shown as it is: nothing parses it as HTML or runs it."""
    text = PAGE.read_text()
    assert (
        re.findall(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", text)
        == []
    )
    assert re.findall(r"\son\w+\s*=\s*[\"']", text) == []
