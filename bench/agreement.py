"""Checks that all contenders give the same answers."""

from collections.abc import Iterable

import numpy as np
import requests

from bench.contender import Server, awake
from bench.images import HOLE, Kind, draw, with_hole
from bench.wire import ranking

SAME = 1e-3
"""Of cosine similarities; different preprocessing or weights give far larger differences."""
SEED = 1000
TIMEOUT_S = 60


class Disagree(Exception):
    """Two servers give different answers for the same image, so their speeds are not comparable."""


def largest_difference(servers: Iterable[Server], kind: Kind) -> float:
    """The largest difference of any cosine similarity from the first server's.

    Raises:
        Disagree: it is larger than what rounding explains.
    """
    image = with_hole(draw(kind, SEED)).replace(HOLE, "0" * len(HOLE))
    answers = [_cosines(server, image) for server in servers]
    difference = max(float(np.abs(answer - answers[0]).max()) for answer in answers)
    if difference > SAME:
        raise Disagree(f"answers differ by {difference:.2g}")
    return difference


def _cosines(server: Server, image: str) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    url = f"http://{server.address.host}:{server.address.port}{server.address.path}"
    with awake(server):
        answer = requests.post(url, json=ranking()(image), timeout=TIMEOUT_S)
    answer.raise_for_status()
    return np.array(answer.json()["cosine_similarities"])
