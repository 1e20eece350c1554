"""Checks that contenders give the same answers."""

import base64

import numpy as np
import numpy.typing as npt
import requests

from bench.contender import Server, awake
from bench.images import HOLE, Kind, draw, with_hole
from bench.wire import Wire, ranking

SEED = 1000
TIMEOUT_S = 60


class Disagree(Exception):
    """Two servers give different answers for the same image, so their speeds are not comparable."""


def largest_difference(server: Server, reference: Server, kind: Kind, tolerance: float) -> float:
    """The largest difference of any cosine similarity from the reference's.

    Raises:
        Disagree: it is larger than `tolerance`, which rounding explains.
    """
    mine, its = (_cosines(_ask(one, ranking(), kind)) for one in (server, reference))
    return _checked(float(np.abs(mine - its).max()), tolerance)


def distance(server: Server, reference: Server, wire: Wire, kind: Kind, tolerance: float) -> float:
    """1 - the cosine of two servers' embeddings in OpenAI's answers, of the same image.

    Raises:
        Disagree: it is larger than `tolerance`, which rounding explains.
    """
    mine, its = (_embedding(_ask(one, wire, kind)) for one in (server, reference))
    cosine = float(mine @ its / np.linalg.norm(mine) / np.linalg.norm(its))
    return _checked(1 - cosine, tolerance)


def _checked(difference: float, tolerance: float) -> float:
    if not difference <= tolerance:  # it may be no number
        raise Disagree(f"answers differ by {difference:.2g}")
    return difference


def _ask(server: Server, wire: Wire, kind: Kind) -> requests.Response:
    image = with_hole(draw(kind, SEED)).replace(HOLE, "0" * len(HOLE))
    url = f"http://{server.address.host}:{server.address.port}{server.address.path}"
    with awake(server):
        answer = requests.post(url, json=wire(image), timeout=TIMEOUT_S)
    answer.raise_for_status()
    return answer


def _cosines(answer: requests.Response) -> npt.NDArray[np.float64]:
    return np.array(answer.json()["cosine_similarities"])


def _embedding(answer: requests.Response) -> npt.NDArray[np.float64]:
    [item] = answer.json()["data"]
    return np.frombuffer(base64.b64decode(item["embedding"]), dtype="<f4").astype(np.float64)
