"""Archives that tests send as the code of a job, or as a model."""

import gzip
import io
import tarfile
from collections.abc import Mapping


def pack(files: Mapping[str, str | bytes]) -> bytes:
    """Return a tar.gz of files, given as texts or as their bytes: the same bytes each time."""
    buffer = io.BytesIO()
    with (
        gzip.GzipFile(filename="", mode="wb", fileobj=buffer, mtime=0) as stream,
        tarfile.open(fileobj=stream, mode="w") as archive,
    ):
        for name, content in files.items():
            body = content.encode() if isinstance(content, str) else content
            member = tarfile.TarInfo(name)
            member.size = len(body)
            archive.addfile(member, io.BytesIO(body))
    return buffer.getvalue()
