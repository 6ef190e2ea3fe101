"""Archives that tests send as the code of a job, or as a model."""

import io
import tarfile
from collections.abc import Mapping


def pack(files: Mapping[str, str]) -> bytes:
    """Return a tar.gz of text files."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(text.encode())
            archive.addfile(member, io.BytesIO(text.encode()))
    return buffer.getvalue()
