"""The orientation in EXIF metadata (CIPA DC-008, 4.6.4); nothing else of them is read."""

import struct

UPRIGHT = 1
MAX_ENTRIES = 1000

_HEAD = b"Exif\0\0"
_ORDERS = {b"II": "<", b"MM": ">"}
_ORIENTATION = 0x0112
_NUMBERS = {3: "H", 4: "L"}  # it should be a short, but some writers use a long
_ENTRY_BYTES = 12


def orientation_of(exif: bytes) -> int:
    """From 1 (upright) to 8; UPRIGHT if none is valid. Never raises."""
    content = exif.removeprefix(_HEAD)
    order = _ORDERS.get(content[:2])
    if order is None:
        return UPRIGHT
    try:
        return _read(content, order)
    except struct.error:
        return UPRIGHT


def _read(content: bytes, order: str) -> int:
    [directory] = struct.unpack_from(f"{order}L", content, 4)
    [entries] = struct.unpack_from(f"{order}H", content, directory)
    for number in range(min(entries, MAX_ENTRIES)):
        position = directory + 2 + _ENTRY_BYTES * number
        tag, kind = struct.unpack_from(f"{order}HH", content, position)
        if tag == _ORIENTATION and kind in _NUMBERS:
            [value] = struct.unpack_from(f"{order}{_NUMBERS[kind]}", content, position + 8)
            return int(value) if value in range(1, 9) else UPRIGHT
    return UPRIGHT
