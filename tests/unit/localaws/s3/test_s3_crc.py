"""CRCs that the standard library lacks."""

import random
import zlib

import pytest

from localaws.s3.crc import CRC32, CRC32C, CRC64NVME, Crc, Polynomial

SAMPLE = random.Random(1).randbytes(300_001)


@pytest.mark.parametrize(
    ("polynomial", "expected"), [(CRC32, "cbf43926"), (CRC32C, "e3069283"), (CRC64NVME, "ae8b14860a799888")]
)
def test_the_catalogue_s_check_values(polynomial: Polynomial, expected: str) -> None:
    crc = Crc(polynomial)
    crc.update(b"123456789")
    assert crc.digest().hex() == expected


@pytest.mark.parametrize(
    "sizes", [(300_001,), (1, 300_000), (2047, 2048, 2049, 293_857), (150_000, 0, 150_001)]
)
def test_it_does_not_matter_how_the_bytes_come(sizes: tuple[int, ...]) -> None:
    crc, start = Crc(CRC32), 0
    for size in sizes:
        crc.update(SAMPLE[start : start + size])
        start += size
    assert int.from_bytes(crc.digest(), "big") == zlib.crc32(SAMPLE)


@pytest.mark.parametrize("size", [0, 1, 2047, 2048, 5000, 131_072])
@pytest.mark.parametrize("polynomial", [CRC32C, CRC64NVME])
def test_numpy_and_the_loop_agree(polynomial: Polynomial, size: int) -> None:
    fast, slow = Crc(polynomial), Crc(polynomial)
    fast.update(SAMPLE[:size])
    for start in range(0, size, 1000):
        slow.update(SAMPLE[start : min(start + 1000, size)])
    assert fast.digest() == slow.digest()


@pytest.mark.parametrize("cut", [0, 1, 100_000, 300_001])
def test_crcs_of_parts_are_joined(cut: int) -> None:
    first, second = zlib.crc32(SAMPLE[:cut]), zlib.crc32(SAMPLE[cut:])
    assert CRC32.join(first, second, second_bytes=len(SAMPLE) - cut) == zlib.crc32(SAMPLE)
