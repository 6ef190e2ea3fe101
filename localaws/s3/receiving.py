"""Take an upload in: its bytes go to a file and through the hashes while they arrive."""

import asyncio
from concurrent.futures import Executor
from dataclasses import dataclass

from localaws.asgi import Request
from localaws.s3 import wording
from localaws.s3.checksums import Digest, Expected, read_expected
from localaws.s3.chunked import Decoder, make_decoder
from localaws.s3.files import SMALL_BYTES, Body, Files, Incoming

BLOCK_BYTES = 1 << 20
"""Bytes that are hashed and written at a time; an upload holds at most three times as many."""
MAX_BYTES = 5 << 30
"""https://docs.aws.amazon.com/AmazonS3/latest/userguide/upload-objects.html"""


class DisconnectedError(Exception):
    """The client went away before its body was whole; there is nobody to answer."""


@dataclass(frozen=True, kw_only=True)
class Upload:
    """Bytes that have arrived, whole and as the client meant them."""

    body: Body
    algorithm: str | None
    checksum: str | None
    """In base64, where there is an algorithm."""


class _Sink:
    """Where blocks go: one after the other, from whatever thread."""

    def __init__(self, incoming: Incoming, digest: Digest) -> None:
        self.incoming = incoming
        self._digest = digest

    def write(self, block: bytes) -> None:
        """Write and hash a block."""
        self.incoming.write(block)
        self._digest.update(block)


async def receive_upload(
    request: Request, *, files: Files, threads: Executor, algorithm: str | None = None
) -> Upload:
    """Receive the body of a request, and check it.

    `algorithm` is the checksum to make where the client names none. Raises S3Error where the bytes are not
    those that the client meant, DisconnectedError where it went away; then nothing is kept.
    """
    expected = read_expected(request.headers)
    if expected.algorithm is None and algorithm:
        expected = Expected(algorithm=algorithm, md5=expected.md5, sha256=expected.sha256)
    decoder, size = make_decoder(request.headers)
    if size is not None and size > MAX_BYTES:
        raise wording.entity_too_large(size=size, most=MAX_BYTES)
    digest = Digest(expected)
    if size is not None and size <= SMALL_BYTES:
        body = await _receive_at_once(request, decoder, digest, files)
    else:
        body = await _receive_large(request, decoder, digest, files=files, threads=threads)
    return Upload(body=body, algorithm=expected.algorithm, checksum=digest.checksum)


async def _receive_at_once(request: Request, decoder: Decoder, digest: Digest, files: Files) -> Body:
    """Keep a small body in one go: a hop to a thread would take longer than the work."""
    pieces: list[bytes | memoryview] = []
    more = True
    while more:
        data, more = await _next(request)
        pieces.extend(decoder.feed(data))
    block = b"".join(pieces)
    digest.update(block)
    digest.check(decoder.finish())
    return files.write(block, md5=digest.md5)


async def _receive_large(
    request: Request, decoder: Decoder, digest: Digest, *, files: Files, threads: Executor
) -> Body:
    sink = _Sink(files.create(), digest)
    try:
        await _receive_in_blocks(request, decoder, sink, threads)
        digest.check(decoder.finish())
        return files.keep(sink.incoming, size=digest.size, md5=digest.md5)
    finally:
        files.drop(sink.incoming)


async def _receive_in_blocks(request: Request, decoder: Decoder, sink: _Sink, threads: Executor) -> None:
    """Write in a thread what has arrived, while more arrives."""
    loop = asyncio.get_running_loop()
    pieces: list[bytes | memoryview] = []
    gathered, more = 0, True
    writing: asyncio.Future[None] | None = None
    try:
        while more:
            data, more = await _next(request)
            for piece in decoder.feed(data):
                pieces.append(piece)
                gathered += len(piece)
            if gathered >= BLOCK_BYTES or not more:
                block = b"".join(pieces)
                pieces, gathered = [], 0
                if writing is not None:
                    await writing
                writing = loop.run_in_executor(threads, sink.write, block)
    finally:
        if writing is not None:
            await asyncio.wait([writing])
    if writing is not None:
        writing.result()


async def _next(request: Request) -> tuple[bytes, bool]:
    message = await request.receive()
    if message["type"] == "http.disconnect":
        raise DisconnectedError
    return message.get("body", b""), message.get("more_body", False)
