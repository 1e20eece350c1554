import base64
import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import numpy as np
import pytest

from bench.agreement import Disagree, distance, largest_difference
from bench.contender import Server
from bench.images import PHOTO, THUMBNAIL, draw
from bench.peers.plain import create_app
from bench.wire import Address, embedding, ranking
from tests.images import blob
from tests.loopback import serving
from tests.processes import DEMO_MODEL, Api


@contextmanager
def telling(answer: object) -> Iterator[Server]:
    """A server that always gives the same answer."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self._tell()

        def do_GET(self) -> None:
            self._tell()

        def _tell(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps(answer).encode())

        def log_message(self, *_: object) -> None:
            pass

    with serving(HTTPServer(("127.0.0.1", 0), Handler)) as server:
        yield Server([], Address(server.server_port), "/", bytes)


def difference(cosine: float, expected: float, tolerance: float = 0.01) -> float:
    answers = [{"cosine_similarities": [[cosine, 0.5]]} for cosine in (cosine, expected)]
    with telling(answers[0]) as server, telling(answers[1]) as reference:
        return largest_difference(server, reference, THUMBNAIL, tolerance)


def apart(vector: list[float], reference: list[float]) -> float:
    encoded = [
        base64.b64encode(np.array(values, "<f4").tobytes()) for values in (vector, reference)
    ]
    answers = [{"data": [{"embedding": text.decode()}]} for text in encoded]
    with telling(answers[0]) as server, telling(answers[1]) as peer:
        return distance(server, peer, embedding("bench"), THUMBNAIL, 1e-3)


def test_servers_that_say_the_same_are_compared() -> None:
    assert difference(0.25, 0.2501) == pytest.approx(0.0001)


@pytest.mark.parametrize("cosine", [0.35, math.nan])
def test_servers_that_do_other_work_are_not_compared(cosine: float) -> None:
    with pytest.raises(Disagree, match=r"0\.1|nan"):
        difference(cosine, 0.25)


def test_embeddings_of_any_length_are_compared_by_their_direction() -> None:
    assert apart([3.0, 4.0], [0.6, 0.8]) == pytest.approx(0, abs=1e-6)
    with pytest.raises(Disagree, match=r"0\.04"):
        apart([3.0, 4.0], [0.8, 0.6])


def test_a_coarser_precision_is_given_more_room() -> None:
    assert difference(0.27, 0.25, tolerance=0.05) == pytest.approx(0.02)


def test_the_plain_service_answers_as_ours_does(service: Api) -> None:
    plain = create_app(str(DEMO_MODEL)).test_client()
    asked = ranking()(blob(draw(PHOTO, seed=3))["img_blob"])
    its, ours = plain.post("/rank", json=asked).get_json(), service.post("/rank", asked).json()
    assert its.keys() == ours.keys()
    for key, values in ours.items():
        assert np.allclose(its[key], values, atol=1e-4), key
