"""Find splits and classes in a list of paths, and refuse whatever is not an image data set.

Accepted, with or without folders above (docs/datasets.md has the whole list):

    <split>/<class>/<file>   for train, and for valid and test where there are such folders
    <class>/<file>           all of it is then train's

Everything here works on strings, so that a zip's member names, a folder's files and a bucket's keys are
checked by the same rules before a byte is read. What a split takes that is missing is cut from train later,
by the photos' contents.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath

from musher.datasets.file_names import (
    HIDDEN,
    NO_IMAGE,
    check_name,
    clean_path,
    count_by_suffix,
    first_few,
    hidden_part,
    is_photo,
)
from musher.datasets.split_names import SPLITS, split_of
from musher.errors import DatasetLayoutError

MIN_CLASSES = 2

BY_SPLITS = "splits"
BY_CLASSES = "classes"

_LAYOUTS = (
    "Arrange the images as train/<class>/<file>, valid/<class>/<file> and test/<class>/<file>, or as "
    "<class>/<file> alone: what is missing of valid and test is then cut from the rest."
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Photo:
    """One file: its place in the source (`<split>/<class>/<file>` once arranged), and how to read it."""

    path: str
    size: int
    """Bytes, as the source declares."""
    read: Callable[[], bytes]
    is_remote: bool = False
    """Whether reading it waits for a network, so that more readers than cores are a gain."""


@dataclass(frozen=True, kw_only=True)
class Listing:
    """All files of a source, before anything is known about them, and the folders that it names."""

    photos: tuple[Photo, ...]
    folders: frozenset[str] = frozenset()
    hidden: frozenset[str] = frozenset()
    """Hidden and system files and folders that were not even looked at."""


@dataclass(frozen=True, kw_only=True)
class Arrangement:
    """The photos of a source under their paths `<split>/<class>/<file>`, sorted, and how they were found."""

    photos: tuple[Photo, ...]
    layout: str
    """BY_SPLITS or BY_CLASSES."""
    split_folders: Mapping[str, str]
    """The source's own names of the splits."""
    left_out: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By reason, the files and hidden folders that are no part of the data set."""

    @property
    def missing(self) -> tuple[str, ...]:
        """The splits that must be cut from train."""
        return tuple(split for split in SPLITS if split != "train" and split not in self.split_folders)

    @property
    def class_folders(self) -> set[str]:
        """Every `<split>/<class>` that has photos."""
        return {photo.path.rpartition("/")[0] for photo in self.photos}


def arrange_listing(listing: Listing) -> Arrangement:
    """Find the photos of a listing.

    Raises DatasetLayoutError for a missing train split, an empty split or class, fewer than two classes, a
    photo in the wrong place, and a name that cannot be stored.
    """
    photos, left_out = _sort_out(listing)
    if not photos:
        raise _no_photos(listing, left_out)
    folders = {path for folder in listing.folders if (path := clean_path(folder)) and not hidden_part(path)}
    top = _top_folder(photos)
    full = _parents([*photos, *left_out[NO_IMAGE]])
    placed = _place(
        {path[len(top) :]: photo for path, photo in photos.items()}, folders=_below(top, folders | full)
    )
    empty = map(placed.class_folder, _below(top, folders - full))
    check_classes(
        paths=placed.paths,
        folders={place for place in empty if place},
        splits=tuple(split for split in SPLITS if split in placed.split_folders),
    )
    return Arrangement(
        photos=tuple(replace(photo, path=path) for path, photo in sorted(placed.paths.items())),
        layout=placed.layout,
        split_folders=placed.split_folders,
        left_out={
            reason: tuple(sorted(path.removeprefix(top) for path in paths))
            for reason, paths in left_out.items()
            if paths
        },
    )


def check_classes(
    *, paths: Iterable[str], folders: Iterable[str] = (), splits: tuple[str, ...] = SPLITS
) -> None:
    """Refuse a split or a class without images; `folders` are those known to exist, perhaps empty."""
    classes: dict[str, set[str]] = {split: set() for split in splits}
    for path in paths:
        split, class_name, _ = path.split("/")
        classes[split].add(class_name)
    existing = set(folders)
    every = set().union(*classes.values()) | {path.split("/")[1] for path in existing}
    problems = [
        f"class folder {split}/{name} " + ("is empty" if f"{split}/{name}" in existing else "is missing")
        for split in splits
        for name in sorted(every - classes[split])
    ]
    if problems:
        raise DatasetLayoutError(
            f"Every class needs images in {', '.join(splits)}: {first_few(problems)}. "
            "Put some images of that class there, or remove the class's folder everywhere."
        )
    if len(every) < MIN_CLASSES:
        raise DatasetLayoutError(
            f"The data set has {len(every)} class ({', '.join(sorted(every))}), and a classifier needs at "
            f"least {MIN_CLASSES}. Give each class a folder of its own, named by the class. {_LAYOUTS}"
        )


@dataclass(frozen=True, kw_only=True)
class _Placed:
    """Photos by `<split>/<class>/<file>`, and where the source has its splits."""

    paths: Mapping[str, Photo]
    layout: str
    split_folders: Mapping[str, str]

    def class_folder(self, path: str) -> str | None:
        """Return `<split>/<class>` for a folder of the source at a class's place, else None."""
        if self.layout == BY_CLASSES:
            return f"train/{path}" if "/" not in path else None
        for split, folder in self.split_folders.items():
            if path.startswith(f"{folder}/") and "/" not in path[len(folder) + 1 :]:
                return f"{split}/{path[len(folder) + 1 :]}"
        return None


def _sort_out(listing: Listing) -> tuple[dict[str, Photo], dict[str, set[str]]]:
    """Return the photos by their clean paths, and the other files by the reason why they are left out."""
    photos: dict[str, Photo] = {}
    numbers: Counter[str] = Counter()
    unseen = {hidden for path in listing.hidden if (hidden := hidden_part(clean_path(path)))}
    left_out: dict[str, set[str]] = {HIDDEN: unseen, NO_IMAGE: set()}
    for file in sorted(listing.photos, key=lambda file: file.path):
        path = clean_path(file.path)
        if hidden := hidden_part(path):
            left_out[HIDDEN].add(hidden)
        elif is_photo(path):
            photos[_free_path(path, taken=photos, numbers=numbers)] = file
        else:
            left_out[NO_IMAGE].add(path)
    return photos, left_out


def _free_path(path: str, *, taken: Mapping[str, Photo], numbers: Counter[str]) -> str:
    """Return a path that no other photo has: two may differ by their spelling only.

    `numbers` holds the last one tried of each path, so that none is tried twice.
    """
    free = path
    while free in taken:
        numbers[path] = max(numbers[path], 1) + 1
        pure = PurePosixPath(path)
        free = str(pure.with_name(f"{pure.stem} ({numbers[path]}){pure.suffix}"))
    return free


def _below(top: str, paths: Iterable[str]) -> set[str]:
    return {path[len(top) :] for path in paths if path.startswith(top) and path != top.rstrip("/")}


def _parents(files: Iterable[str]) -> set[str]:
    """Return every folder that has one of these files in it, at whatever depth."""
    nearest = {path.rpartition("/")[0] for path in files} - {""}
    return nearest | {str(parent) for path in nearest for parent in PurePosixPath(path).parents} - {"."}


def _top_folder(paths: Iterable[str], *, within_split: bool = False) -> str:
    """Return the folders, each alone at its level, above the splits or classes: "" or "dogImages/"."""
    every = [path.split("/") for path in paths]
    depth = 0
    while len({tuple(parts[: depth + 1]) for parts in every}) == 1:
        below = {parts[depth + 1] for parts in every if len(parts) > depth + 2}
        has_files = any(len(parts) <= depth + 2 for parts in every)
        is_split = not within_split and split_of(every[0][depth]) is not None
        if has_files or (is_split and len({split_of(name) for name in below} - {None}) < 2):
            break
        depth += 1
    return "".join(f"{part}/" for part in every[0][:depth])


def _place(photos: Mapping[str, Photo], *, folders: set[str]) -> _Placed:
    heads = sorted({path.partition("/")[0] for path in photos if path.count("/") >= 2})
    flat = sorted({path.partition("/")[0] for path in photos if path.count("/") == 1})
    if any(split_of(head) for head in heads):
        return _place_splits(photos, heads={path.partition("/")[0] for path in folders})
    _refuse_flat_splits(flat)
    if not flat:
        found = first_few([f"{head}/" for head in heads] or [path for path in photos if "/" not in path])
        raise DatasetLayoutError(f"The data set has no folder train, but {found}. {_LAYOUTS}")
    return _finish(
        {path: f"train/{path}" for path in photos}, photos, layout=BY_CLASSES, split_folders={"train": ""}
    )


def _place_splits(photos: Mapping[str, Photo], *, heads: set[str]) -> _Placed:
    folders: dict[str, list[str]] = {}
    for head in sorted(heads):
        if split := split_of(head):
            folders.setdefault(split, []).append(head)
    _check_splits(folders, photos)
    inner = {split: _inner_folder(folders[split][0], photos) for split in SPLITS if split in folders}
    places = {
        path: f"{split}/{path[len(folder) + 1 :]}"
        for split, folder in inner.items()
        for path in photos
        if path.startswith(f"{folder}/")
    }
    return _finish(places, photos, layout=BY_SPLITS, split_folders=inner)


def _check_splits(folders: Mapping[str, list[str]], photos: Mapping[str, Photo]) -> None:
    """Refuse two folders of one split, no train, an empty split, and images that no class folder holds."""
    found = ", ".join(f"{name} (as {split})" for split, names in folders.items() for name in names)
    for split, names in folders.items():
        if len(names) > 1:
            raise DatasetLayoutError(
                f"The folders {' and '.join(names)} are the same split, {split}. Keep one of them."
            )
        below = [path for path in photos if path.startswith(f"{names[0]}/")]
        if not below:
            raise DatasetLayoutError(
                f"The folder {names[0]} (split {split}) is empty: it holds no image. Put images there as "
                f"{names[0]}/<class>/<file>"
                + (", or remove the folder: it is then cut from train." if split != "train" else ".")
            )
        if all(path.count("/") == 1 for path in below):
            raise _flat(names)
    if "train" not in folders:
        raise DatasetLayoutError(
            f"The data set has no folder train, but {found}. Rename the folder with most images to train."
        )


def _refuse_flat_splits(flat: list[str]) -> None:
    """Refuse train/1.jpg; a single "train" among others is the vehicle."""
    splits = [head for head in flat if split_of(head)]
    if splits and (len(splits) > 1 or len(flat) == 1 or split_of(splits[0]) != "train"):
        raise _flat(splits)


def _flat(names: list[str]) -> DatasetLayoutError:
    return DatasetLayoutError(
        f"The images lie directly in {', '.join(names)}, without a folder for each class. Sort them into "
        f"{names[0]}/<class>/<file>, by their names or the table beside them. A split without labels cannot "
        "be used: move it away, and another is cut from train."
    )


def _inner_folder(head: str, photos: Mapping[str, Photo]) -> str:
    """Return a split's folder that holds the classes: training_set, or training_set/training_set."""
    below = [path[len(head) + 1 :] for path in photos if path.startswith(f"{head}/")]
    return f"{head}/{_top_folder(below, within_split=True)}".rstrip("/")


def _finish(
    places: Mapping[str, str], photos: Mapping[str, Photo], *, layout: str, split_folders: Mapping[str, str]
) -> _Placed:
    """Refuse photos in the wrong place and names that cannot be stored."""
    stray = [path for path in photos if places.get(path, "").count("/") != 2]
    if stray:
        taken = ", ".join(
            f"{folder or 'class folders'} as {split}" for split, folder in split_folders.items()
        )
        place = "<split>/<class>/<file>" if layout == BY_SPLITS else "<class>/<file>"
        raise DatasetLayoutError(
            f"{len(stray)} image(s) in the wrong place: {first_few(stray)}. Only {place} is allowed here "
            f"(found: {taken}); move or delete them, or rename their folder to train, valid or test."
        )
    odd = [
        f"{path[-60:]}: {reason}"
        for path, place in places.items()
        for reason in map(check_name, place.split("/")[1:])
        if reason
    ]
    if odd:
        raise DatasetLayoutError(
            f"{len(odd)} name(s) that cannot be stored: {first_few(odd)}. "
            "Rename them with letters, digits, '.', '_' and '-'."
        )
    return _Placed(
        paths={places[path]: photo for path, photo in photos.items()},
        layout=layout,
        split_folders=split_folders,
    )


def _no_photos(listing: Listing, left_out: Mapping[str, set[str]]) -> DatasetLayoutError:
    if not listing.photos:
        return DatasetLayoutError(f"The source holds no file. {_LAYOUTS}")
    others = left_out[NO_IMAGE]
    found = count_by_suffix(others) if others else f"{len(left_out[HIDDEN])} hidden or system file(s)"
    packed = Counter(PurePosixPath(path).suffix.lower() for path in others)
    remedy = (
        "Give the path of one zip as the source."
        if packed[".zip"]
        else "Images are found by their names: .jpg, .jpeg, .png or .webp. Rename or convert the files."
    )
    return DatasetLayoutError(f"The source holds no image, but {found}. {remedy}")
