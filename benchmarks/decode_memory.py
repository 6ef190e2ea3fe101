"""Measure what decoding the largest images costs a server: memory at the peak, and CPU time.

Claim: no image file of 49 million pixels, and none as large as its format allows, takes more than 200 MB
beyond what the process had, or more than 3 s of CPU; it is decoded or refused as docs/limits.md says. Four
at once take no more than 450 MB: the budget that they share, and results on their way to be scaled. Each
measurement runs in a fresh process that has decoded a small image before. Prints a table, and as its last
line {"max_extra_mb": float, "max_cpu_s": float, "four_at_once_mb": float, "decoded": int, "refused": int}.
"""

import json
import math
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import benchmarks.source_paths  # noqa: F401 - makes imgclf importable
from benchmarks.large_images import JPEGS, OTHERS, PNGS, PROGRESSIVE_JPEGS, WEBPS, Write
from benchmarks.tables import print_table
from imgclf.images.limits import MAX_PIXELS, MAX_SAMPLES

ROOT = Path(__file__).resolve().parents[1]
PIXELS = 49_000_000
TIMEOUT_S = 300
AT_ONCE = 4
SIDE = 224

MEASURE = """
import ctypes, io, json, sys, threading, time
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from PIL import Image
from imgclf.errors import ImageError
from imgclf.networks.models import preset_for

def kilobytes(name):
    return int(Path("/proc/self/status").read_text().partition(name + ":")[2].split()[0])

def decode():
    try:
        preset.to_pixels(data)
    except ImageError as error:
        refusals.append(str(error))

preset, refusals, small = preset_for(architecture="resnet18", image_size=int(sys.argv[3])), [], io.BytesIO()
Image.new("RGB", (500, 500)).save(small, "JPEG")
data = small.getvalue()
decode()
data = Path(sys.argv[2]).read_bytes()
ctypes.CDLL(None).malloc_trim(0)
Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
before, started = kilobytes("VmRSS"), time.process_time()
threads = [threading.Thread(target=decode) for _ in range(int(sys.argv[4]))]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
cpu_s = time.process_time() - started
extra_mb = (kilobytes("VmHWM") - before) * 1024 / 1e6
print(json.dumps({"extra_mb": extra_mb, "cpu_s": cpu_s, "refusal": refusals[0] if refusals else ""}))
"""


def images(*, pixels: int) -> Iterator[tuple[str, int, Write]]:
    """Yield name, side and writer of each image: of so many pixels, and of as many as its format may have."""
    limits: list[tuple[Mapping[str, Write], int | None]] = [
        (JPEGS, MAX_PIXELS["JPEG"]),
        (PROGRESSIVE_JPEGS, None),
        (PNGS, MAX_PIXELS["PNG"]),
        (WEBPS, MAX_PIXELS["WEBP"]),
        (OTHERS, None),
    ]
    for writers, limit in limits:
        for name, write in writers.items():
            yield name, math.isqrt(pixels), write
            if limit is not None:
                yield f"{name}, largest", math.isqrt(limit), write
    largest = math.isqrt(MAX_SAMPLES // 3)
    yield "JPEG progressive 4:4:4, largest", largest, PROGRESSIVE_JPEGS["JPEG progressive 4:4:4"]
    # Its file has 16 MB, which Pillow copies twice.
    yield "WebP lossless, largest with its file", math.isqrt(10_000_000), WEBPS["WebP lossless"]


def measure(path: Path, *, at_once: int = 1) -> dict[str, Any]:
    """Decode a file in a fresh process; return {"extra_mb", "cpu_s", "refusal"}."""
    arguments = [str(ROOT / "training"), str(path), str(SIDE), str(at_once)]
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, *arguments],
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"{path.name} ended the process:\n{done.stderr}")
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def measure_all(folder: Path, *, pixels: int) -> tuple[dict[str, dict[str, Any]], float]:
    """Return each image's figures, and the MB of AT_ONCE of those at once that take most of each format."""
    results, most = {}, 0.0
    for name, side, write in images(pixels=pixels):
        path = folder / "image"
        write(path, side)
        results[name] = {**measure(path), "pixels": side * side, "bytes": path.stat().st_size}
        if "largest" in name and not results[name]["refusal"]:
            most = max(most, measure(path, at_once=AT_ONCE)["extra_mb"])
    return results, most


def main() -> None:
    """Measure each image alone, and the largest of each format together."""
    with tempfile.TemporaryDirectory(prefix="musher-decode-") as folder:
        results, most = measure_all(Path(folder), pixels=PIXELS)
    print_table(
        ["image", "Mpixels", "file MB", "extra MB", "CPU s", "outcome"],
        [
            [
                name,
                f"{found['pixels'] / 1e6:.1f}",
                f"{found['bytes'] / 1e6:.2f}",
                f"{found['extra_mb']:.0f}",
                f"{found['cpu_s']:.2f}",
                found["refusal"].partition(";")[0] or "decoded",
            ]
            for name, found in results.items()
        ],
    )
    summary = {
        "max_extra_mb": round(max(found["extra_mb"] for found in results.values()), 1),
        "max_cpu_s": round(max(found["cpu_s"] for found in results.values()), 2),
        "four_at_once_mb": round(most, 1),
        "decoded": sum(not found["refusal"] for found in results.values()),
        "refused": sum(bool(found["refusal"]) for found in results.values()),
    }
    print(json.dumps(summary))


if __name__ == "__main__":
    main()
