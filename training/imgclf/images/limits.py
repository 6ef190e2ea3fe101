"""How large a photo may be: docs/limits.md holds these numbers beside those of staging and of AWS.

A limit of pixels follows from what the decoder keeps in memory for each of them, and from
MAX_BYTES_OF_AN_IMAGE. Only a JPEG can be decoded at 1/2, 1/4 or 1/8 of its size.
"""

from __future__ import annotations

import os

FORMATS = ("JPEG", "PNG", "WEBP")

MAX_PIXELS = {"JPEG": 120_000_000, "PNG": 25_000_000, "WEBP": 12_000_000}
"""Width times height, by format: the largest phones' JPEGs, a 24-megapixel camera's PNG, 4,000 x 3,000."""
MAX_SIDE = 65_535
"""Pixels, as in a JPEG: Pillow keeps 8 bytes for each row, however short it is."""
MAX_SAMPLES = 75_000_000
"""Of a JPEG with several scans, as progressive ones have: 50 million pixels at 4:2:0, 25 million at 4:4:4.
The decoder keeps 2 bytes for each until the last scan."""
MAX_SCANS = 20
"""Of a JPEG: each is a pass over all pixels. libjpeg writes 10, and 18 for CMYK."""
MAX_SEGMENTS = 2_000
"""Of a JPEG: Pillow reads them one by one in Python."""
MAX_JUNK_BYTES = 65_536
"""Between two segments of a JPEG's header, for the same reason."""
MAX_EXIF_BYTES = 128 * 1024
"""Of an image: Pillow parses it value by value in Python. One segment of a JPEG holds 64 KiB at most."""
MAX_CHUNKS = 50_000
"""Of a PNG; libpng writes one for each 8 KiB."""
MAX_PACKED_TEXTS = 100
"""zTXt and iTXt chunks of a PNG: Pillow unpacks up to 1 MiB of each, and does not count it where the keyword,
the language or the checksum is wrong."""
MAX_TEXT_BYTES = 8 * 2**20
"""Of a PNG's texts once they are unpacked; Pillow's own limit is 64 MiB."""

PNG_BYTES, WEBP_BYTES, RGB_BYTES, SAMPLE_BYTES = 4, 16, 3, 2
"""What Pillow keeps per pixel of a PNG, and of a WebP (two canvases, the frame, the image); what a pixel of
ours takes, and a sample of a JPEG."""

MAX_BYTES_OF_AN_IMAGE = 200_000_000
"""Of memory that decoding one image takes at its peak."""
WEBP_COPIES = 2
"""Of its file, which Pillow makes."""
MAX_BYTES_AT_ONCE = max(2 * MAX_BYTES_OF_AN_IMAGE, 50_000_000 * (os.cpu_count() or 1))
"""Of memory for all images that are decoded at the same time in this process."""
