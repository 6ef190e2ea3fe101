"""CRCs that the standard library lacks, fast enough for objects, and the CRC of joined parts.

A CRC is linear: a block is cut into columns that numpy takes through the table side by side, and columns and
parts are joined by multiplying with a power of x. Parameters: https://reveng.sourceforge.io/crc-catalogue/
(CRC-32/ISO-HDLC, CRC-32/ISCSI, CRC-64/NVME; all reflected, all start and end with ones).
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

COLUMN_BYTES = 128
"""Bytes that one column takes through the table."""
SMALL_BYTES = 2048
"""Below this a plain loop is as fast."""
BLOCK_BYTES = 1 << 20
"""Bytes that numpy gets at a time."""


@dataclass(frozen=True, kw_only=True)
class Polynomial:
    """A reflected CRC."""

    width: int
    """Bits."""
    value: int
    """The polynomial, its highest power of x in the lowest bit."""

    @property
    def ones(self) -> int:
        """All bits set: what a CRC starts with, and what is added at the end."""
        return (1 << self.width) - 1

    def multiply(self, left: int, right: int) -> int:
        """Return the product of two polynomials, reduced."""
        product = 0
        for bit in range(self.width - 1, -1, -1):
            if left >> bit & 1:
                product ^= right
            right = right >> 1 ^ (self.value if right & 1 else 0)
        return product

    def shift(self, state: int, size: int) -> int:
        """Return what a state becomes by `size` zero bytes."""
        return self.multiply(state, _power(self, size))

    def join(self, first: int, second: int, *, second_bytes: int) -> int:
        """Return the CRC of two runs of bytes, one after the other."""
        return self.shift(first, second_bytes) ^ second


CRC32 = Polynomial(width=32, value=0xEDB88320)
CRC32C = Polynomial(width=32, value=0x82F63B78)
CRC64NVME = Polynomial(width=64, value=0x9A6C9329AC4BC9B5)


@lru_cache(maxsize=4096)
def _power(polynomial: Polynomial, size: int) -> int:
    """Return x to the power of 8 * size."""
    result, square = 1 << polynomial.width - 1, 1 << polynomial.width - 9
    while size:
        if size & 1:
            result = polynomial.multiply(result, square)
        square = polynomial.multiply(square, square)
        size >>= 1
    return result


@lru_cache(maxsize=8)
def _table(polynomial: Polynomial) -> list[int]:
    """Return what each byte does to a state."""
    return [polynomial.multiply(byte, 1 << polynomial.width - 9) for byte in range(256)]


@lru_cache(maxsize=64)
def _shift_tables(polynomial: Polynomial, size: int) -> Any:
    """Return, for each byte of a state and each of its values, what it becomes by `size` zero bytes."""
    import numpy as np

    tables = np.zeros((polynomial.width // 8, 256), dtype=np.uint64)
    for bit in range(polynomial.width):
        image = np.uint64(polynomial.shift(1 << bit, size))
        values = np.arange(256)
        tables[bit // 8][(values >> bit % 8 & 1).astype(bool)] ^= image
    return tables


@lru_cache(maxsize=8)
def _numpy_table(polynomial: Polynomial) -> Any:
    import numpy as np

    return np.array(_table(polynomial), dtype=np.uint64)


def _remainder(polynomial: Polynomial, data: Any) -> int:
    """Return the CRC of a block that starts with zeros and ends without ones: the linear part."""
    import numpy as np

    columns = 1 << max(0, -(-len(data) // COLUMN_BYTES) - 1).bit_length()
    padded = np.zeros(columns * COLUMN_BYTES, dtype=np.uint64)
    padded[len(padded) - len(data) :] = np.frombuffer(data, dtype=np.uint8)  # zeros in front change nothing
    rows = np.ascontiguousarray(padded.reshape(columns, COLUMN_BYTES).T)
    table, low, eight = _numpy_table(polynomial), np.uint64(0xFF), np.uint64(8)
    state = np.zeros(columns, dtype=np.uint64)
    for row in rows:
        state = state >> eight ^ table[(state ^ row) & low]
    size = COLUMN_BYTES
    while len(state) > 1:
        state = _shift_all(polynomial, state[0::2], size) ^ state[1::2]
        size *= 2
    return int(state[0])


def _shift_all(polynomial: Polynomial, states: Any, size: int) -> Any:
    """Return what states become by `size` zero bytes."""
    import numpy as np

    result = np.zeros_like(states)
    for number, table in enumerate(_shift_tables(polynomial, size)):
        result ^= table[states >> np.uint64(8 * number) & np.uint64(0xFF)]
    return result


class Crc:
    """A running CRC with hashlib's two methods."""

    def __init__(self, polynomial: Polynomial) -> None:
        self._polynomial = polynomial
        self._state = polynomial.ones

    def update(self, data: bytes | memoryview) -> None:
        """Take more bytes."""
        view = memoryview(data)
        for start in range(0, len(view), BLOCK_BYTES):
            self._update_block(view[start : start + BLOCK_BYTES])

    def _update_block(self, block: memoryview) -> None:
        if len(block) >= SMALL_BYTES:
            rest = _remainder(self._polynomial, block)
            self._state = self._polynomial.shift(self._state, len(block)) ^ rest
            return
        table, state = _table(self._polynomial), self._state
        for byte in block:
            state = state >> 8 ^ table[(state ^ byte) & 0xFF]
        self._state = state

    def digest(self) -> bytes:
        """Return the CRC so far, most significant byte first."""
        return (self._state ^ self._polynomial.ones).to_bytes(self._polynomial.width // 8, "big")
