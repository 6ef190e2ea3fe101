"""The first key of an account: that of its root, without which nobody could make another one.

It is drawn at each start, and written to a file that its starter names, in the form that the SDKs read:
https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html
"""

import contextlib
import os
import secrets
import string
from collections.abc import Generator
from pathlib import Path

from botocore.credentials import Credentials

from localaws.errors import OutputFileError
from localaws.iam.callers import ROOT_KEYS

LETTERS = string.ascii_uppercase + "234567"
OWNER_ONLY = 0o600


def make_root_key() -> Credentials:
    """Return a new key."""
    key_id = "AKIA" + "".join(secrets.choice(LETTERS) for _ in range(16))
    return Credentials(key_id, secrets.token_urlsafe(30))


@contextlib.contextmanager
def root_key(path: Path) -> Generator[Credentials, None, None]:
    """Let a new key be the root's, and write it to a file, which is gone at the end as the key is.

    Raises OutputFileError where it cannot be written.
    """
    key = make_root_key()
    _write(path, key)
    ROOT_KEYS[key.access_key] = key
    try:
        yield key
    finally:
        del ROOT_KEYS[key.access_key]
        path.unlink(missing_ok=True)


def _write(path: Path, key: Credentials) -> None:
    """Write the file; nobody else may read it at any time, nor find another one's contents in it."""
    text = f"[default]\naws_access_key_id = {key.access_key}\naws_secret_access_key = {key.secret_key}\n"
    made = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with os.fdopen(os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ONLY), "w") as file:
            file.write(text)
        made.replace(path)
    except OSError as error:
        made.unlink(missing_ok=True)
        raise OutputFileError(f"cannot write the root's key to {path}: {error.strerror}") from error
