"""Checks that contenders give the same answers."""

import numpy as np
import requests

from bench.contender import Server, awake
from bench.images import HOLE, Kind, draw, with_hole
from bench.wire import ranking

SEED = 1000
TIMEOUT_S = 60


class Disagree(Exception):
    """Two servers give different answers for the same image, so their speeds are not comparable."""


def largest_difference(server: Server, reference: Server, kind: Kind, tolerance: float) -> float:
    """The largest difference of any cosine similarity from the reference's.

    Raises:
        Disagree: it is larger than `tolerance`, which rounding explains.
    """
    image = with_hole(draw(kind, SEED)).replace(HOLE, "0" * len(HOLE))
    difference = float(np.abs(_cosines(server, image) - _cosines(reference, image)).max())
    if not difference <= tolerance:  # it may be no number
        raise Disagree(f"answers differ by {difference:.2g}")
    return difference


def _cosines(server: Server, image: str) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    url = f"http://{server.address.host}:{server.address.port}{server.address.path}"
    with awake(server):
        answer = requests.post(url, json=ranking()(image), timeout=TIMEOUT_S)
    answer.raise_for_status()
    return np.array(answer.json()["cosine_similarities"])
