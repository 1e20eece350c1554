"""The size of the frames of HEVC data (ITU-T H.265, 7.3.1 and 7.3.2.2).

A container may claim another size than its data have, and a decoder uses that of the data.
"""

from collections.abc import Iterator

from worker.images.limits import check_parts

SEQUENCE_PARAMETERS = 33
MAX_UNITS = 100_000
HEADER_BYTES = 512  # more than the fields before the size take
UNIT_HEAD_BYTES, LENGTH_BYTES = 2, 4
PROFILE_BITS, LEVEL_BITS, MAX_SUB_LAYERS = 88, 8, 8
SEPARATE_PLANES = 3


def configured_sizes(configuration: bytes) -> Iterator[tuple[int, int]]:
    """Width and height of each sequence in an hvcC box (ISO/IEC 14496-15, 8.3.3.1)."""
    position, units = 23, 0
    for _ in range(configuration[22]):
        kind, count = configuration[position] & 63, _number(configuration, position + 1, 2)
        position += 3
        for _ in range(count):
            units += 1
            check_parts(units, MAX_UNITS, "units of HEVC data")
            length = _number(configuration, position, 2)
            position += 2
            if kind == SEQUENCE_PARAMETERS:
                yield _sequence_size(configuration[position : position + length])
            position += length


def sequence_sizes(content: bytes) -> Iterator[tuple[int, int]]:
    """Width and height of each sequence in the units of an item."""
    position = units = 0
    while position + LENGTH_BYTES < len(content):
        units += 1
        check_parts(units, MAX_UNITS, "units of HEVC data")
        length = _number(content, position, LENGTH_BYTES)
        position += LENGTH_BYTES
        if content[position] >> 1 & 63 == SEQUENCE_PARAMETERS:
            yield _sequence_size(content[position : position + min(length, HEADER_BYTES)])
        position += length


def _number(content: bytes, position: int, size: int) -> int:
    if position + size > len(content):
        raise IndexError
    return int.from_bytes(content[position : position + size], "big")


class _Bits:
    """Reads bits; after the end zeros, as decoders may."""

    def __init__(self, content: bytes) -> None:
        self._value = int.from_bytes(content, "big")
        self._left = 8 * len(content)

    def read(self, count: int) -> int:
        self._left -= count
        return self._value >> self._left & ((1 << count) - 1) if self._left >= 0 else 0

    def read_exponential(self) -> int:
        """A number in Exp-Golomb code (9.2)."""
        zeros = 0
        while not self.read(1) and self._left > 0:
            zeros += 1
        return (1 << zeros) - 1 + self.read(zeros)


def _sequence_size(unit: bytes) -> tuple[int, int]:
    # Encoders insert a 3 where the data would look like the start of a unit.
    bits = _Bits(unit[UNIT_HEAD_BYTES:HEADER_BYTES].replace(b"\0\0\3", b"\0\0"))
    bits.read(4)
    sub_layers = bits.read(3)
    bits.read(1 + PROFILE_BITS + LEVEL_BITS)
    if sub_layers:
        flags = [(bits.read(1), bits.read(1)) for _ in range(MAX_SUB_LAYERS)]
        for has_profile, has_level in flags[:sub_layers]:
            bits.read(PROFILE_BITS * has_profile + LEVEL_BITS * has_level)
    bits.read_exponential()
    if bits.read_exponential() == SEPARATE_PLANES:
        bits.read(1)
    return bits.read_exponential(), bits.read_exponential()
