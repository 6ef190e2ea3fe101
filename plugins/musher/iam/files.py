"""Policy documents in files, as an account of roles that have one each."""

from datetime import datetime
from pathlib import Path

from musher.errors import AuditError
from musher.iam.account import Account, Role
from musher.iam.documents import Document, read_document
from musher.iam.grants import Policy

NOBODY = "000000000000"


def read_files(paths: list[Path], *, now: datetime) -> Account:
    """Return an account that has nothing but these documents: trust policies, or what a role may do."""
    return Account(
        account_id=NOBODY,
        region="us-east-1",
        taken_at=now,
        roles=tuple(_as_role(read_document(str(path), read_text(path)), now=now) for path in paths),
    )


def read_text(path: Path) -> str:
    """Return a file's text; AuditError names the file that cannot be read."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise AuditError(f"{path}: it cannot be read: {error}. Correct the path, or the file.") from None


def _as_role(document: Document, *, now: datetime) -> Role:
    """Return a role with a document: as its trust policy where that says who, else as its one policy."""
    is_trust = any(found.principals or found.has_not_principal for found in document.statements)
    empty = Document(path=document.path, text="{}")
    policies = () if is_trust else (Policy(name=document.path, document=document),)
    return Role(
        kind="role",
        name=Path(document.path).name,
        arn=f"arn:aws:iam::{NOBODY}:role/{Path(document.path).name}",
        created_at=now,
        policies=policies,
        trust=document if is_trust else empty,
    )
