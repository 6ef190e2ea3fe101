"""Say by its name what a file of a photo folder is: a photo, a photo in another format, or neither.

The name decides, never the content: whoever looks at the folder can tell what will be taken.
"""

import re
import unicodedata
from collections.abc import Iterable
from pathlib import PurePosixPath
from posixpath import splitext

PHOTO_SUFFIXES = frozenset({".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp"})
OTHER_IMAGE_SUFFIXES = frozenset(
    {
        *(".heic", ".heif", ".hif", ".avif", ".jxl", ".gif", ".bmp", ".dib", ".tif", ".tiff", ".jp2", ".j2k"),
        *(".pgm", ".ppm", ".pbm", ".pnm", ".tga", ".dng", ".cr2", ".cr3", ".nef", ".arw", ".orf", ".rw2"),
        *(".raf", ".pef", ".srw"),
    }
)
"""Photos that must be converted first: to leave them out in silence could cost half of a class."""

SYSTEM_NAMES = frozenset(
    {
        *("__macosx", "_ds_store", "thumbs.db", "ehthumbs.db", "desktop.ini", "@eadir", "@tmp", "@recycle"),
        *("#recycle", "$recycle.bin", "system volume information", "lost+found", "__pycache__"),
    }
)
"""What systems leave behind, in small letters."""

HIDDEN = "hidden or system file"
NO_IMAGE = "no image by its name"

MAX_NAME_BYTES = 255
"""UTF-8 bytes in a class's or file's name: what Linux file systems take."""

BAD_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Of Unicode: control characters, halves of characters, marks of direction, ends of lines."""
JOINERS = frozenset("\u200c\u200d")
"""Invisible, but part of words in several scripts, and of emoji."""

ODD_IN_KEYS = re.compile(r"[\\{}^%`\[\]\"<>~#|]")
"""https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html, "Characters to avoid"."""

SHOWN_PROBLEMS = 5


def clean_path(path: str) -> str:
    r"""Return a path as every system would write it: `/` for `\`, composed letters, no spaces around names.

    macOS decomposes letters (NFD) and other systems compose them (NFC): a class would be there twice.
    """
    parts = unicodedata.normalize("NFC", path.replace("\\", "/")).split("/")
    return "/".join(name for part in parts if (name := part.strip()) not in {"", "."})


def hidden_part(path: str) -> str | None:
    """Return the path's beginning up to its first hidden or system name, or None where it has none."""
    parts = path.split("/")
    for place, part in enumerate(parts, start=1):
        if part.startswith(".") or part.casefold() in SYSTEM_NAMES:
            return "/".join(parts[:place])
    return None


def is_photo(path: str) -> bool:
    """Return whether a file's name is a photo's, of whatever format."""
    suffix = splitext(path)[1].lower()  # pathlib would keep a million names' parts
    return suffix in PHOTO_SUFFIXES or suffix in OTHER_IMAGE_SUFFIXES


def check_name(name: str) -> str | None:
    """Say why a class's or file's name cannot be used as a tar member; None where it can."""
    if (
        name.isascii()
        and name.isprintable()
        and 2 < len(name) <= MAX_NAME_BYTES
        and not set(" /") & set(name)
    ):
        return None
    size = len(name.encode(errors="surrogatepass"))
    if size > MAX_NAME_BYTES:
        return f"{name[:40]!r}... is {size} bytes long, and {MAX_NAME_BYTES} is the limit"
    if name in {"", ".", ".."} or "/" in name or name != name.strip():
        return f"{name!r} is empty, a dot, or has spaces around it"
    odd = sorted({c for c in name if unicodedata.category(c) in BAD_CATEGORIES} - JOINERS)
    return f"{name!r} has {', '.join(map(ascii, odd))}" if odd else None


def first_few(problems: Iterable[str], *, count: int = SHOWN_PROBLEMS) -> str:
    """Join the first problems, control characters escaped, and say how many more there are."""
    every = list(problems)
    text = "; ".join(every[:count])
    shown = "".join(character if character.isprintable() else ascii(character)[1:-1] for character in text)
    rest = len(every) - count
    return f"{shown}; and {rest} more" if rest > 0 else shown


def count_by_suffix(paths: Iterable[str]) -> str:
    """Return what kinds of files there are, the most frequent first: "3 .txt, 1 without suffix"."""
    counts: dict[str, int] = {}
    for path in paths:
        suffix = PurePosixPath(path).suffix.lower() or "without suffix"
        counts[suffix] = counts.get(suffix, 0) + 1
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{count} {suffix}" for suffix, count in ordered[:SHOWN_PROBLEMS])
