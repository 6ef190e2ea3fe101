"""500 requests that a stranger might send to break a server; each of them has to be refused."""

from __future__ import annotations

import base64
import io
import json
import random
import struct
import zlib
from collections.abc import Iterator

from PIL import Image

JSON = "application/json"
COUNT = 500

FORBIDDEN_HOSTS = [
    *("127.0.0.1", "localhost", "0.0.0.0", "0", "127.1", "2130706433", "0x7f000001", "0177.0.0.1"),
    *("169.254.169.254", "2852039166", "0xa9fea9fe", "169.254.170.2", "168.63.129.16", "100.100.100.200"),
    *("10.0.0.1", "172.16.0.1", "192.168.0.1", "100.64.0.1", "198.18.0.1", "224.0.0.1", "255.255.255.255"),
    *(
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:a9fe:a9fe]",
        "[fd00:ec2::254]",
        "[fe80::1]",
        "[ff02::1]",
    ),
    *("[64:ff9b::7f00:1]", "[2002:7f00:1::]", "[2001:db8::1]", "[2001:0:1::1]", "user:pw@127.0.0.1"),
    *("example.com@127.0.0.1", "127.0.0.1.", "LOCALHOST", "192.0.2.1", "203.0.113.9", "240.0.0.1"),
]
BAD_URLS = [
    *(
        "",
        " ",
        "x",
        "//127.0.0.1/x",
        "file:///etc/passwd",
        "ftp://127.0.0.1/x",
        "gopher://127.0.0.1:11211/_x",
    ),
    *(
        "data:image/png;base64,AAAA",
        "http://",
        "http:///x",
        "http://[::1",
        "http://127.0.0.1:22/",
        "http://a:b/",
    ),
    *("http://127.0.0.1:99999/", "http://127.0.0.1:0/", "http://exa mple/", "http://127.0.0.1/\r\nX: y"),
    *("https://127.0.0.1\\@example.com/", "http://\u0661\u0662\u0667.0.0.1/", "javascript:alert(1)"),
    *("http://" + "a" * 9_000, "http://" + "a." * 200 + "/", "unix:///var/run/docker.sock"),
]
BAD_OBJECTS = [
    *(
        "",
        "s3://",
        "s3://b",
        "s3://bucket",
        "s3://bucket/",
        "s3:/bucket/key",
        "S3://bucket/key",
        "s3://Bucket/key",
    ),
    *("s3://169.254.169.254/latest/meta-data", "s3://127.0.0.1/x", "s3://a@b.example/k", "s3://bucket?x/key"),
    *(
        "s3://bucket#x/key",
        "s3://../../etc/passwd",
        "file:///etc/passwd",
        "https://bucket/key",
        "s3://-b/key",
    ),
    *(
        "s3://arn:aws:s3:us-east-1:123456789012:accesspoint/x/k",
        "s3://bucket/" + "k" * 1025,
        "s3://" + "b" * 64,
    ),
]


def hostile_inputs(seed: int = 20) -> list[tuple[str, bytes, str]]:
    """Return COUNT requests: what it is, body, content type; the same ones for a seed."""
    rng = random.Random(seed)
    found = [*_addresses(), *_json(rng), *_bombs(), *_types()]
    while len(found) < COUNT:
        found.append(_damaged(rng))
    return found[:COUNT]


def _addresses() -> Iterator[tuple[str, bytes, str]]:
    urls = [f"{scheme}://{host}/x.jpg" for host in FORBIDDEN_HOSTS for scheme in ("http", "https")]
    for url in [*urls, *BAD_URLS]:
        yield f"url {url[:60]!r}", json.dumps({"url": url}).encode(), JSON
    for uri in BAD_OBJECTS:
        yield f"s3_uri {uri[:60]!r}", json.dumps({"s3_uri": uri}).encode(), JSON


def _json(rng: random.Random) -> Iterator[tuple[str, bytes, str]]:
    good = base64.b64encode(_photo(rng, "PNG")).decode()
    values: list[object] = [None, True, 7, "x", [], {}, {"url": None}, {"url": {}}, {"instances": {}}]
    values += [{"instances": []}, {"instances": [None]}, {"instances": [[]]}, {"instances": [{}]}]
    values += [
        {"instances": [{"b64": None}]},
        {"instances": [{"b64": good + "!"}]},
        {"instances": [{"b64": ""}]},
    ]
    values += [
        {"instances": [{"b64": good}] * 33},
        {"instances": [{"b64": good}, {"b64": good[: len(good) // 2]}]},
    ]
    values += [{"url": "http://127.0.0.1/", "s3_uri": "s3://bucket/key"}, {"instances": [{"b64": good[:-3]}]}]
    values += [{"instances": [{"b64": "A" * 6_000_000}]}, {"instances": [{"url": "http://127.0.0.1/"}]}]
    values += [{"URL": "x"}, {"url": ["x"]}, {"b64": good}, {"instances": good}, [{"b64": good}]]
    for number, value in enumerate(values):
        yield f"JSON {number}", json.dumps(value).encode(), JSON
    texts = [
        b"",
        b"{",
        b"\xff\xfe",
        b"[" * 6_000_000,
        b'{"a":' * 1_000_000,
        b"[" * 9_999,
        b'{"url":"\\ud800"}',
    ]
    texts += [
        b"1" * 6_000_000,
        b"[" + b"[]," * 1_900_000 + b"1]",
        b" " * 6_000_000,
        b"\x00" * 1000,
        b"-" * 1000,
    ]
    texts += [
        b'"' + b"\\u0041" * 900_000 + b'"',
        b"1e" + b"9" * 100_000,
        b"{" + b'"a":1,' * 900_000 + b'"b":2}',
    ]
    for number, text in enumerate(texts):
        yield f"text {number}", text, JSON


def _bombs() -> Iterator[tuple[str, bytes, str]]:
    """Small files that claim to be large ones, or unpack to them."""
    for width, height in ((65_535, 65_535), (100_000, 100_000), (1, 2**31 - 1), (0, 0), (26_000_000, 1)):
        header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
        data = zlib.compress(bytes(2_000_000))
        yield (
            f"PNG of {width} x {height}",
            _png((b"IHDR", header), (b"IDAT", data), (b"IEND", b"")),
            "image/png",
        )
    small = struct.pack(">IIBBBBB", 4, 4, 8, 2, 0, 0, 0)
    text = b"key\x00\x00" + zlib.compress(bytes(1_000_000))
    yield "PNG of texts", _png((b"IHDR", small), *[(b"zTXt", text)] * 500, (b"IEND", b"")), "image/png"
    yield (
        "PNG of chunks",
        _png((b"IHDR", small), *[(b"tEXt", b"a\x00b")] * 60_000, (b"IEND", b"")),
        "image/png",
    )
    yield "PNG without data", _png((b"IHDR", small), (b"IEND", b"")), "image/png"
    sizes = struct.pack(">BHHB", 8, 65_535, 65_535, 3) + bytes([1, 17, 0, 2, 17, 0, 3, 17, 0])
    frame = b"\xff\xc0" + struct.pack(">H", len(sizes) + 2) + sizes
    yield "JPEG of 65,535 pixels", b"\xff\xd8" + frame + b"\xff\xd9", "image/jpeg"
    yield "JPEG of segments", b"\xff\xd8" + b"\xff\xfe\x00\x02" * 1_000_000 + b"\xff\xd9", "image/jpeg"
    yield "JPEG of junk", b"\xff\xd8" + bytes(6_000_000), "image/jpeg"
    large = struct.pack("<4sI4s4sI", b"RIFF", 30, b"WEBP", b"VP8X", 10) + bytes(4) + b"\xff" * 6
    yield "WebP of 16,777,216 pixels", large, "image/webp"
    for magic in (
        b"GIF89a",
        b"BM",
        b"II*\x00",
        b"%PDF-1.7",
        b"PK\x03\x04",
        b"\x7fELF",
        b"<svg>",
        b"\x80\x04K\x07.",
    ):
        yield f"magic {magic!r}", magic + bytes(5_000), "application/x-image"


def _types() -> Iterator[tuple[str, bytes, str]]:
    photo = _photo(random.Random(1), "JPEG")
    for kind in (
        "",
        "text/csv",
        "image/gif",
        "image/svg+xml",
        "multipart/form-data; boundary=x",
        "x" * 20_000,
        "*/*",
    ):
        yield f"type {kind[:30]!r}", photo, kind


def _damaged(rng: random.Random) -> tuple[str, bytes, str]:
    """Return a photo that is cut, whose head is overwritten, or noise."""
    kind = rng.choice(("JPEG", "PNG", "WEBP"))
    photo = _photo(rng, kind)
    way = rng.choice(("cut", "head", "noise"))
    if way == "cut":
        photo = photo[: rng.randrange(len(photo) * 4 // 5)]
    elif way == "head":
        place = rng.randrange(2)
        photo = (
            photo[:place]
            + bytes([photo[place] ^ rng.randrange(1, 256)])
            + rng.randbytes(8)
            + photo[place + 9 :]
        )
    else:
        photo = photo[: rng.choice((0, 2, 12, 24))] + rng.randbytes(rng.choice((1, 100, 100_000)))
    return f"{kind} {way}", photo, rng.choice((f"image/{kind.lower()}", "application/x-image"))


def _photo(rng: random.Random, kind: str) -> bytes:
    image = Image.frombytes("RGB", (60, 50), rng.randbytes(60 * 50 * 3))
    buffer = io.BytesIO()
    image.save(buffer, kind)
    return buffer.getvalue()


def _png(*chunks: tuple[bytes, bytes]) -> bytes:
    """Return a PNG of chunks with right checksums."""
    parts = [b"\x89PNG\r\n\x1a\n"]
    for name, data in chunks:
        parts.append(struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)))
    return b"".join(parts)
