"""Embeddings as dialects send them: floats, base64, or quantised to bytes or bits."""

import base64
from collections.abc import Sequence
from typing import Literal, TypeAlias, get_args

import numpy as np

from api.answer.scoring import Units
from api.dialects.parts import invalid
from common.protocol.messages import Vectors

Encoding: TypeAlias = Literal["float", "base64", "int8", "uint8", "binary", "ubinary"]
ENCODINGS: tuple[Encoding, ...] = get_args(Encoding)
DTYPES: tuple[Encoding, ...] = ("float", "int8", "uint8", "binary", "ubinary")
"""Those that say what each number is, as Voyage's `output_dtype` does."""
Rows: TypeAlias = list[object]


def one_of(known: Sequence[Encoding]) -> str:
    """What an error says of any other name."""
    return f"must be one of {', '.join(known)}"


def named(name: object, known: Sequence[Encoding], where: str) -> Encoding:
    """The encoding of this name. Raises InvalidRequest if it is none of the `known`."""
    for each in known:
        if each == name:
            return each
    raise invalid(where, "unknown_value", one_of(known))


def dtype_named(name: str | None) -> Encoding:
    """That of Voyage's `output_dtype`. Raises InvalidRequest if there is none."""
    return named(name or "float", DTYPES, "/output_dtype")


def encoded(vectors: Units | Vectors, encoding: Encoding) -> Rows:
    """Each row of unit vectors as orjson can write it.

    `base64` is of little-endian float32. `ubinary` has a bit for each dimension, set if positive,
    the first dimension highest; `binary` is that as signed bytes, less 128.
    """
    match encoding:
        case "float":
            return list(np.ascontiguousarray(vectors, dtype=np.float32))
        case "base64":
            return in_base64(vectors, "float")
        case "int8":
            return list(np.clip(np.rint(vectors * 127), -128, 127).astype(np.int8))
        case "uint8":
            return list(np.clip(np.rint((vectors + 1) * 127.5), 0, 255).astype(np.uint8))
        case "ubinary":
            return list(np.packbits(vectors > 0, axis=1))
        case "binary":
            bits = np.packbits(vectors > 0, axis=1).astype(np.int16)
            return list((bits - 128).astype(np.int8))


def in_base64(vectors: Units | Vectors, encoding: Encoding) -> Rows:
    """The bytes of each row in base64; numbers of several bytes are little-endian."""
    dtype = "<f4" if encoding == "float" else None
    rows = (np.asarray(row, dtype=dtype) for row in encoded(vectors, encoding))
    return [base64.b64encode(row.tobytes()).decode() for row in rows]


def embedding_objects(
    vectors: Units | Vectors, encoding: Encoding, *, is_base64: bool
) -> list[dict[str, object]]:
    """The `data` of an answer of OpenAI's or Voyage's; if it `is_base64`, the bytes of each row."""
    rows = (in_base64 if is_base64 else encoded)(vectors, encoding)
    return [
        {"object": "embedding", "index": index, "embedding": row} for index, row in enumerate(rows)
    ]
