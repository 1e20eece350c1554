"""The frame sizes in AV1 data (AV1 Bitstream & Decoding Process Specification, 5.3-5.5).

A container may claim another size than its data have, and a decoder follows the data.
"""

from collections.abc import Iterator

from worker.images.limits import check_parts

SEQUENCE_HEADER = 1
MAX_UNITS = 100_000
HEADER_BYTES = 256  # more than the longest header
MAX_LEVEL_WITHOUT_TIER = 7


def sequence_sizes(content: bytes, position: int, end: int) -> Iterator[tuple[int, int]]:
    """Width and height in every sequence header among the units from `position` on."""
    units = 0
    while position < min(end, len(content)):
        units += 1
        check_parts(units, MAX_UNITS, "units of AV1 data")
        head = content[position]
        position += 2 if head & 4 else 1
        length = end - position
        if head & 2:
            length, position = _leb128(content, position)
        if head >> 3 & 15 == SEQUENCE_HEADER:
            yield _sequence_size(content[position : position + HEADER_BYTES])
        position += length


def _leb128(content: bytes, position: int) -> tuple[int, int]:
    value = 0
    for shift, byte in enumerate(content[position : position + 8]):
        value |= (byte & 0x7F) << 7 * shift
        position += 1
        if byte < 0x80:  # noqa: PLR2004 - the last byte lacks the highest bit
            break
    return value, position


class _Bits:
    """Reads bits; zeros after the end, as decoders may."""

    def __init__(self, content: bytes) -> None:
        self._value = int.from_bytes(content, "big")
        self._left = 8 * len(content)

    def read(self, count: int) -> int:
        self._left -= count
        if self._left < 0:
            return 0
        return self._value >> self._left & ((1 << count) - 1)

    def skip_uvlc(self) -> None:
        zeros = 0
        while not self.read(1) and self._left > 0:
            zeros += 1
        self.read(zeros)


def _sequence_size(content: bytes) -> tuple[int, int]:
    bits = _Bits(content)
    bits.read(4)  # profile, still image
    if bits.read(1):  # the reduced header of a still image
        bits.read(5)
    else:
        _skip_operating_points(bits)
    width_bits, height_bits = bits.read(4) + 1, bits.read(4) + 1
    return bits.read(width_bits) + 1, bits.read(height_bits) + 1


def _skip_operating_points(bits: _Bits) -> None:
    delay_bits = _skip_timing(bits) if bits.read(1) else 0
    has_display_delay = bits.read(1)
    for _ in range(bits.read(5) + 1):
        bits.read(12)
        if bits.read(5) > MAX_LEVEL_WITHOUT_TIER:
            bits.read(1)
        if delay_bits and bits.read(1):
            bits.read(2 * delay_bits + 1)
        if has_display_delay and bits.read(1):
            bits.read(4)


def _skip_timing(bits: _Bits) -> int:
    """Skip the timing info. Returns the number of bits of a delay; 0 without a decoder model."""
    bits.read(64)
    if bits.read(1):
        bits.skip_uvlc()
    if not bits.read(1):
        return 0
    delay_bits = bits.read(5) + 1
    bits.read(42)
    return delay_bits
