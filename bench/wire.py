"""The prepared requests, complete except for the number that makes each unique."""

import itertools
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bench.images import HOLE, Kind, pool, with_hole

MakeRequest = Callable[[], bytes]
"""The bytes of the next HTTP request, head and body."""
Wire = Callable[[str], object]
"""An image in base64 → the JSON body that asks about it."""

RANK = "/rank"
OPENAI = "/v1/embeddings"
INFINITY = "/embeddings"
LABELS = ("t-shirt", "jeans", "jacket", "dress", "skirt", "shorts", "coat", "shoes", "hat", "scarf")
"""A typical number of labels; the same in every request, as in practice."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where requests go."""

    port: int
    path: str = RANK
    host: str = "127.0.0.1"


def ranking(labels: tuple[str, ...] = LABELS) -> Wire:
    """`POST /rank` of one image against labels."""
    candidates = [{"text": label} for label in labels]
    return lambda blob: {"queries": [{"img_blob": blob}], "candidates": candidates}


def embedding(model: str) -> Wire:
    """OpenAI's embeddings with infinity-emb's `modality`: one image as a data URI.

    The answer is in base64, as OpenAI's own client asks for it.
    """
    return lambda blob: {
        "model": model,
        "modality": "image",
        "encoding_format": "base64",
        "input": [f"data:image/jpeg;base64,{blob}"],
    }


def many_labels(count: int) -> tuple[str, ...]:
    return tuple(f"{LABELS[number % len(LABELS)]} number {number}" for number in range(count))


def unique(address: Address, wire: Wire, kind: Kind) -> MakeRequest:
    """Requests of which no two carry the same image, in this run or any other."""
    halves = [post(address, wire(with_hole(jpeg))).split(HOLE.encode()) for jpeg in pool(kind)]
    # The time in microseconds has 16 digits, and no client sends a million requests a second.
    numbers = itertools.count(time.time_ns() // 1000)

    def make() -> bytes:
        number = next(numbers)
        before, after = halves[number % len(halves)]
        return b"%b%016d%b" % (before, number, after)

    return make


def repeated(address: Address, wire: Wire, kind: Kind) -> MakeRequest:
    """The same request, over and over."""
    request = unique(address, wire, kind)()
    return lambda: request


def post(address: Address, document: object) -> bytes:
    """A request, head and body."""
    body = json.dumps(document, separators=(",", ":")).encode()
    return _post(address, "application/json", body)


def post_form(address: Address, fields: Mapping[str, bytes]) -> bytes:
    """The same with a form."""
    parts = (
        f'--part\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'.encode() + content
        for name, content in fields.items()
    )
    body = b"\r\n".join([*parts, b"--part--\r\n"])
    return _post(address, "multipart/form-data; boundary=part", body)


def _post(address: Address, content_type: str, body: bytes) -> bytes:
    head = (
        f"POST {address.path} HTTP/1.1\r\n"
        f"Host: {address.host}:{address.port}\r\n"
        f"Content-Type: {content_type}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    ).encode()
    return head + body
