"""Find train, valid and test folders in a list of paths, and refuse whatever is not an image data set.

The accepted layout, with or without top folders above it (dogImages/train/...):

    train/<class>/<file>   valid/<class>/<file>   test/<class>/<file>

`val` and `validation` are accepted for `valid`. Everything here works on strings, so that a zip's member
names, a folder's files and a bucket's keys are checked by the same rules before a byte is read.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from musher.errors import DatasetLayoutError

SPLITS = ("train", "valid", "test")
SPLIT_ALIASES = {"val": "valid", "validation": "valid"}
MIN_CLASSES = 2

MAX_NAME_BYTES = 255
"""UTF-8 bytes in a class's or file's name: what Linux file systems take."""

ODD_CHARACTERS = re.compile(r"[\\{}^%`\[\]\"<>~#|]")
"""https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html, "Characters to avoid"."""

IGNORED_NAMES = frozenset({"__MACOSX", ".DS_Store", "Thumbs.db", "desktop.ini"})
IGNORED_PREFIX = "._"

SHOWN_PROBLEMS = 5


@dataclass(frozen=True, kw_only=True)
class Photo:
    """One file: its place in the source (`<split>/<class>/<file>` once arranged), and how to read it."""

    path: str
    size: int
    """Bytes, as the source declares."""
    read: Callable[[], bytes]


@dataclass(frozen=True, kw_only=True)
class Listing:
    """All files of a source, before anything is known about them, and the folders that it names."""

    photos: tuple[Photo, ...]
    folders: frozenset[str] = frozenset()


def arrange_listing(listing: Listing) -> list[Photo]:
    """Return the photos of a listing under their paths `<split>/<class>/<file>`, sorted."""
    by_path = {photo.path: photo for photo in listing.photos}
    arranged = arrange(files=by_path, folders=listing.folders)
    return [replace(by_path[given], path=path) for path, given in sorted(arranged.items())]


def first_few(problems: list[str]) -> str:
    """Join the first problems, control characters escaped, and say how many more there are."""
    text = "; ".join(problems[:SHOWN_PROBLEMS])
    shown = "".join(character if character.isprintable() else ascii(character)[1:-1] for character in text)
    rest = len(problems) - SHOWN_PROBLEMS
    return f"{shown}; and {rest} more" if rest > 0 else shown


def is_ignored(path: str) -> bool:
    """Tell whether a file manager left this file behind."""
    parts = path.split("/")
    return any(part in IGNORED_NAMES or part.startswith(IGNORED_PREFIX) for part in parts)


def arrange(*, files: Iterable[str], folders: Iterable[str] = ()) -> dict[str, str]:
    """Map `<split>/<class>/<file>` to the given path of each file.

    Raises DatasetLayoutError for a missing or empty split or class, fewer than two classes, a file in the
    wrong place, and a name that cannot be stored.
    """
    given = sorted(path for path in files if not is_ignored(path))
    given_folders = [path.rstrip("/") for path in folders if not is_ignored(path)]
    top = _top_folder([*given, *(f"{path}/" for path in given_folders)])
    arranged = _place(given, top=top)
    seen_folders = {_canonical(path[len(top) :]) for path in given_folders if path.startswith(top)}
    check_classes(paths=arranged, folders=seen_folders)
    return arranged


def check_classes(*, paths: Iterable[str], folders: Iterable[str] = ()) -> None:
    """Refuse a split or a class without images; `folders` are those known to exist, perhaps empty."""
    classes: dict[str, set[str]] = {split: set() for split in SPLITS}
    for path in paths:
        split, class_name, _ = path.split("/")
        classes[split].add(class_name)
    existing = set(folders)
    every = set().union(*classes.values()) | {path.split("/")[1] for path in existing if path.count("/") == 1}
    problems = [_empty_split(split, existing) for split in SPLITS if not classes[split]]
    if not problems:
        problems = [
            f"class folder {split}/{name} " + ("is empty" if f"{split}/{name}" in existing else "is missing")
            for split in SPLITS
            for name in sorted(every - classes[split])
        ]
    if problems:
        raise DatasetLayoutError(
            f"Every class needs images in each of train, valid and test: {first_few(problems)}. "
            "Move some images of that class there, or remove the class from all three."
        )
    if len(every) < MIN_CLASSES:
        raise DatasetLayoutError(
            f"The data set has {len(every)} class ({', '.join(sorted(every))}), and a classifier needs at "
            f"least {MIN_CLASSES}. Add a folder for another class to train, valid and test."
        )


def check_name(name: str) -> str | None:
    """Say why a class's or file's name cannot be used as a tar member and S3 key; None where it can."""
    size = len(name.encode(errors="surrogatepass"))
    if size > MAX_NAME_BYTES:
        return f"{name[:40]!r}... is {size} bytes long, and {MAX_NAME_BYTES} is the limit"
    if name in {"", ".", ".."} or name != name.strip():
        return f"{name!r} is empty, a dot, or has spaces around it"
    odd = sorted({c for c in name if not c.isprintable()} | set(ODD_CHARACTERS.findall(name)))
    return f"{name!r} has {', '.join(map(repr, odd))}" if odd else None


def _top_folder(paths: list[str]) -> str:
    """Return the folders, each alone at its level, above the splits: "" or "dogImages/"."""
    top = ""
    while True:
        heads = {path[len(top) :].partition("/")[0] for path in paths} - {""}
        (head,) = heads if len(heads) == 1 else ("",)
        is_folder = any(path.startswith(f"{top}{head}/") for path in paths)
        if not head or not is_folder or _canonical(head) in SPLITS:
            return top
        top += f"{head}/"


def _canonical(path: str) -> str:
    head, slash, rest = path.partition("/")
    return SPLIT_ALIASES.get(head, head) + slash + rest


def _place(files: list[str], *, top: str) -> dict[str, str]:
    _check_splits({path[len(top) :].partition("/")[0] for path in files if "/" in path[len(top) :]})
    arranged: dict[str, str] = {}
    stray, odd = [], []
    for path in files:
        canonical = _canonical(path[len(top) :])
        split, *names = canonical.split("/")
        if split not in SPLITS or len(names) != 2:
            stray.append(path)
            continue
        odd += [f"{path[-60:]}: {reason}" for reason in map(check_name, names) if reason]
        arranged[canonical] = path
    _refuse_names(stray=stray, odd=odd)
    return arranged


def _check_splits(found: set[str]) -> None:
    if not {_canonical(name) for name in found} & set(SPLITS):
        shown = first_few(sorted(found)) or "no folder"
        raise DatasetLayoutError(
            f"The data set has no folder train, valid or test, but {shown}. "
            "Arrange the images as train/<class>/<file>, valid/<class>/<file> and test/<class>/<file>."
        )
    twice = sorted(found & ({"valid"} | set(SPLIT_ALIASES)))
    if len(twice) > 1:
        raise DatasetLayoutError(f"The folders {' and '.join(twice)} are the same split. Keep one of them.")


def _refuse_names(*, stray: list[str], odd: list[str]) -> None:
    if stray:
        raise DatasetLayoutError(
            f"{len(stray)} file(s) in the wrong place: {first_few(stray)}. "
            "Only <split>/<class>/<file> is allowed; move or delete them."
        )
    if odd:
        raise DatasetLayoutError(
            f"{len(odd)} name(s) that cannot be stored: {first_few(odd)}. "
            "Rename them with letters, digits, '.', '_' and '-'."
        )


def _empty_split(split: str, folders: set[str]) -> str:
    exists = any(path.partition("/")[0] == split for path in folders)
    return f"split {split} " + ("is empty" if exists else "has no images")
