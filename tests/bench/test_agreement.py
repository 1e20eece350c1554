import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import numpy as np
import pytest

from bench.agreement import Disagree, largest_difference
from bench.contender import Server
from bench.images import PHOTO, THUMBNAIL, draw
from bench.peers.plain import create_app
from bench.wire import Address, ranking
from tests.images import blob
from tests.loopback import serving
from tests.processes import DEMO_MODEL, Api


@contextmanager
def telling(cosine: float) -> Iterator[Server]:
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
            self.wfile.write(json.dumps({"cosine_similarities": [[cosine, 0.5]]}).encode())

        def log_message(self, *_: object) -> None:
            pass

    with serving(HTTPServer(("127.0.0.1", 0), Handler)) as server:
        yield Server([], Address(server.server_port), "/", bytes)


def difference(cosine: float, expected: float, tolerance: float = 0.01) -> float:
    with telling(cosine) as server, telling(expected) as reference:
        return largest_difference(server, reference, THUMBNAIL, tolerance)


def test_servers_that_say_the_same_are_compared() -> None:
    assert difference(0.25, 0.2501) == pytest.approx(0.0001)


@pytest.mark.parametrize("cosine", [0.35, math.nan])
def test_servers_that_do_other_work_are_not_compared(cosine: float) -> None:
    with pytest.raises(Disagree, match=r"0\.1|nan"):
        difference(cosine, 0.25)


def test_a_coarser_precision_is_given_more_room() -> None:
    assert difference(0.27, 0.25, tolerance=0.05) == pytest.approx(0.02)


def test_the_plain_service_answers_as_ours_does(service: Api) -> None:
    plain = create_app(str(DEMO_MODEL)).test_client()
    asked = ranking()(blob(draw(PHOTO, seed=3))["img_blob"])
    its, ours = plain.post("/rank", json=asked).get_json(), service.post("/rank", asked).json()
    assert its.keys() == ours.keys()
    for key, values in ours.items():
        assert np.allclose(its[key], values, atol=1e-4), key
