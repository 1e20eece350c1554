"""A client process: `python -m bench.gpu.client '{…}'`, an order in JSON, prints what it measured.

One process of Python cannot keep a GPU busy, so several share the connections.
"""

import itertools
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from bench.figures import Sample
from bench.images import HOLE, PHOTO, POOL, draw, with_hole
from bench.load import ClosedLoop
from bench.processes import ROOT
from bench.wire import Address, MakeRequest, post, ranking

APART = 10**11
"""Between the numbers of images of two clients: what is alike is encoded once."""


@dataclass(frozen=True, slots=True)
class Order:
    """`images` in one request: one is ranked against labels, more are encoded."""

    port: int
    connections: int
    seconds: float
    warm_s: float
    images: int = 1
    number: int = 0


def requests_of(order: Order) -> MakeRequest:
    """Requests of which no two have an image in common."""
    address = Address(order.port, "/rank" if order.images == 1 else "/encode")
    variants = [_pieces(address, order.images, seed) for seed in range(_variants(order))]
    holes = itertools.count(time.time_ns() // 1000 + APART * order.number)

    def make() -> bytes:
        pieces = variants[next(holes) % len(variants)]
        filled = [pieces[0]]
        for piece in pieces[1:]:
            filled += (b"%016d" % next(holes), piece)
        return b"".join(filled)

    return make


def _variants(order: Order) -> int:
    return max(1, POOL // order.images)


def _pieces(address: Address, images: int, seed: int) -> list[bytes]:
    """A request, cut where each of its images has room for a number."""
    blobs = [with_hole(draw(PHOTO, (seed + at) % POOL)) for at in range(images)]
    document = ranking()(blobs[0]) if images == 1 else [{"img_blob": blob} for blob in blobs]
    return post(address, document).split(HOLE.encode())


class Clients:
    """All at the same time, each in a process of its own, once they all have their requests."""

    def __init__(self, orders: Sequence[Order]) -> None:
        self._processes = [
            subprocess.Popen(
                [sys.executable, "-m", "bench.gpu.client", json.dumps(asdict(order))],
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for order in orders
        ]
        for process in self._processes:
            assert process.stdout
            process.stdout.readline()
        for process in self._processes:
            assert process.stdin
            process.stdin.write("go\n")
            process.stdin.flush()

    def samples(self) -> list[Sample]:
        """Wait for them to end. Raises ValueError: one of them measured nothing."""
        try:
            said = [process.communicate()[0] for process in self._processes]
        finally:
            for process in self._processes:
                process.kill()
        return [Sample(**json.loads(line)) for line in said]


if __name__ == "__main__":
    order = Order(**json.loads(sys.argv[1]))
    loop = ClosedLoop(Address(order.port), requests_of(order), order.connections)
    print("ready", flush=True)
    sys.stdin.readline()
    print(json.dumps(asdict(loop.run_for(order.seconds, order.warm_s))))
