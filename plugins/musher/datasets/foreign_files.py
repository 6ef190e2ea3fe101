"""Say what a file is that should be a photo and is none, and how to make one of it."""

from dataclasses import dataclass

HEIC_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"})
AVIF_BRANDS = frozenset({b"avif", b"avis"})
"""ISO/IEC 23008-12 and https://aomediacodec.github.io/av1-avif/."""

_CONVERT = "Convert such files, as with ImageMagick: `magick photo.{0} photo.jpg`."
_DOWNLOAD = "Download such files again: the server gave a page (a sign-in, an error) in place of the image."


@dataclass(frozen=True, kw_only=True)
class ForeignFile:
    """What a file is in place of a JPEG, PNG or WebP, and the remedy."""

    reason: str
    remedy: str = ""


EMPTY = ForeignFile(reason="is empty (0 bytes)", remedy="Copy empty files again from where they came.")
HEIC = ForeignFile(
    reason="is a HEIC photo",
    remedy="Convert HEIC photos: `heif-convert photo.heic photo.jpg`, `sips -s format jpeg` on macOS, or let "
    "the iPhone take JPEGs (Settings, Camera, Formats, Most Compatible).",
)
AVIF = ForeignFile(reason="is an AVIF image", remedy=_CONVERT.format("avif"))
STARTS = (
    (b"GIF8", ForeignFile(reason="is a GIF image", remedy=_CONVERT.format("gif"))),
    (b"BM", ForeignFile(reason="is a BMP image", remedy=_CONVERT.format("bmp"))),
    (b"II*\0", ForeignFile(reason="is a TIFF or raw image", remedy=_CONVERT.format("tif"))),
    (b"MM\0*", ForeignFile(reason="is a TIFF or raw image", remedy=_CONVERT.format("tif"))),
    (b"%PDF", ForeignFile(reason="is a PDF", remedy=_CONVERT.format("pdf"))),
    (b"PK\x03\x04", ForeignFile(reason="is a zip", remedy="Unpack zips, or give one as the source.")),
    (
        b"version https://git-lfs",
        ForeignFile(
            reason="is a Git LFS pointer", remedy="Run `git lfs pull` where the files come from, copy again."
        ),
    ),
    (b"\0\x05\x16\x07", ForeignFile(reason="holds macOS metadata only", remedy="Delete such files.")),
)
PAGES = (b"<!doctype", b"<html", b"<?xml", b"<head", b"<!--")
PNM = tuple(b"P%d" % number for number in range(1, 8))


def identify(data: bytes) -> ForeignFile | None:
    """Return what the bytes are, or None where they are nothing that is known."""
    if not data:
        return EMPTY
    if data[4:8] == b"ftyp" and (brand := data[8:12].lower()) in HEIC_BRANDS | AVIF_BRANDS:
        return AVIF if brand in AVIF_BRANDS else HEIC
    for start, foreign in STARTS:
        if data.startswith(start):
            return foreign
    if data[:2] in PNM and data[2:3].isspace():
        return ForeignFile(reason="is a PNM image", remedy=_CONVERT.format("ppm"))
    if data[:256].lstrip().lower().startswith(PAGES):
        return ForeignFile(reason="is a web page", remedy=_DOWNLOAD)
    return None
