"""Writes numpy's file format (NEP 1, version 1.0) without numpy."""

import struct
import sys
from array import array
from typing import BinaryIO

MAGIC = b"\x93NUMPY\x01\x00"
ALIGNED = 64


class NpyWriter:
    """Writes a float32 array row by row; the number of rows is announced at the start."""

    def __init__(self, file: BinaryIO, rows: int) -> None:
        self._file = file
        self._rows = rows
        self._columns: int | None = None
        self._missing = 0
        self.written = 0

    def write(self, vector: list[float] | None) -> None:
        """Add a row; None is a row of NaN."""
        self.written += 1
        if vector is None:
            self._missing += 1
            return
        if self._columns is None:
            self._columns = len(vector)
            self._file.write(_header(self._rows, self._columns))
        self._fill()
        self._file.write(_bytes(vector))

    def close(self) -> None:
        """Fill missing rows. Without any vector, the array has no columns."""
        if self._columns is None:
            self._columns = 0
            self._file.write(_header(self._rows, 0))
        self._fill()

    def close_early(self) -> bool:
        """Make it an array of the rows so far; False if it has no vector."""
        if self._columns is None:
            return False
        self._fill()
        size = len(_header(self._rows, self._columns))
        self._file.seek(0)
        self._file.write(_header(self.written, self._columns, size))
        return True

    def _fill(self) -> None:
        nothing = _bytes([float("nan")] * (self._columns or 0))
        for _ in range(self._missing):
            self._file.write(nothing)
        self._missing = 0


def _header(rows: int, columns: int, size: int = 0) -> bytes:
    """The header, as long as `size`, if that is given."""
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({rows}, {columns}), }}"
    length = len(MAGIC) + 2 + len(header) + 1
    padding = size - length if size else -length % ALIGNED
    padded = header + " " * padding + "\n"
    return MAGIC + struct.pack("<H", len(padded)) + padded.encode("ascii")


def _bytes(vector: list[float]) -> bytes:
    numbers = array("f", vector)
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers.tobytes()
