"""Bytes → other bytes, by a generator of random numbers."""

import random
from collections.abc import Callable

EDGES = (0, 1, 2, 7, 8, 127, 128, 255, 256, 65535, 65536, 2**31 - 1, 2**31, 2**32 - 1)
MAX_BYTES = 200_000


def flip_bits(content: bytes, generator: random.Random) -> bytes:
    changed = bytearray(content)
    for _ in range(generator.choice((1, 1, 2, 8, 64))):
        changed[generator.randrange(len(changed))] ^= 1 << generator.randrange(8)
    return bytes(changed)


def cut_off(content: bytes, generator: random.Random) -> bytes:
    return content[: generator.randrange(len(content))]


def cut_out(content: bytes, generator: random.Random) -> bytes:
    start, end = _span(content, generator)
    return content[:start] + content[end:]


def repeat(content: bytes, generator: random.Random) -> bytes:
    """As a chunk, a segment or a block that comes more than once."""
    start, end = _span(content, generator)
    return content[:end] + content[start:end] * generator.choice((1, 2, 30)) + content[end:]


def move(content: bytes, generator: random.Random) -> bytes:
    start, end = _span(content, generator)
    rest = content[:start] + content[end:]
    place = generator.randrange(len(rest) + 1)
    return rest[:place] + content[start:end] + rest[place:]


def set_number(content: bytes, generator: random.Random) -> bytes:
    """As a length, a size or an offset that lies."""
    width = generator.choice((1, 2, 3, 4, 8))
    value = (generator.choice(EDGES) + generator.choice((-1, 0, 1))) % (1 << 8 * width)
    # Most numbers of interest are near the beginning.
    most = generator.choice((40, 400, len(content)))
    place = generator.randrange(min(most, len(content)))
    number = value.to_bytes(width, generator.choice(("big", "little")))
    return content[:place] + number + content[place + width :]


def _span(content: bytes, generator: random.Random) -> tuple[int, int]:
    start = generator.randrange(len(content))
    return start, start + generator.choice((1, 4, 16, 64, 512))


MUTATIONS: tuple[Callable[[bytes, random.Random], bytes], ...] = (
    flip_bits,
    flip_bits,
    cut_off,
    cut_out,
    repeat,
    move,
    set_number,
    set_number,
)


def splice(content: bytes, other: bytes, generator: random.Random) -> bytes:
    """The beginning of one, the end of another."""
    return (
        content[: generator.randrange(len(content) + 1)]
        + other[generator.randrange(len(other) + 1) :]
    )


def mutated(corpus: list[bytes], seed: int, number: int) -> bytes:
    """The input of this number: always the same for the same corpus and seed."""
    generator = random.Random(f"{seed} {number}")
    content = generator.choice(corpus)
    if generator.random() < 0.05:
        content = splice(content, generator.choice(corpus), generator)
    for _ in range(generator.choice((1, 1, 1, 2, 4))):
        if content:
            content = generator.choice(MUTATIONS)(content, generator)
    return content[:MAX_BYTES]
