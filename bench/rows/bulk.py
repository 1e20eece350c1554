"""The latency of interactive requests beside a backlog of bulk work whose images fetch slowly."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import requests

from bench.bars import Verdict, at_most
from bench.contender import ended_in_the_end
from bench.figures import Sample, Series, p99_ratio
from bench.images import THUMBNAIL, draw
from bench.load import ClosedLoop
from bench.models import folder_of
from bench.rounds import interleaved
from bench.rows.row import Bench, Result
from bench.service import Plan, Service

BACKLOG = 400
FETCH_S = 1.0
CONNECTIONS = 4
BAR = at_most(2, " ×")
FETCHING = {
    "CLIP_FETCH_ALLOW": "127.0.0.0/8",
    "CLIP_FETCH_PORTS": "1-65535",
    "CLIP_FETCH_PER_HOST": 256,
}


def run(bench: Bench) -> list[Result]:
    bench.progress.say(f"interactive requests beside {BACKLOG} slow bulk parts")
    service = bench.service(Plan(str(folder_of("demo")), environment=FETCHING))
    with ended_in_the_end({"service": service}), slow_images() as url:

        def turn(name: str, backlog: int) -> Callable[[], Sample]:
            def take() -> Sample:
                with waiting(service, url, backlog):
                    loop = ClosedLoop(service.address, service.make_request, CONNECTIONS)
                    sample = loop.run_for(bench.options.seconds, bench.options.warm_s)
                bench.progress.sample(name, CONNECTIONS, sample)
                return sample

            return take

        turns = {"alone": turn("alone", 0), "beside bulk work": turn("beside bulk work", BACKLOG)}
        taken = interleaved(turns, bench.options.rounds)
    alone, beside = (Series(name, CONNECTIONS, samples) for name, samples in taken.items())
    what = f"demo, {CONNECTIONS} connections beside {BACKLOG} slow bulk parts: p99"
    verdict = Verdict(what, BAR, beside.against(alone, p99_ratio))
    return [Result("interactive beside bulk", [alone, beside], [verdict])]


@contextmanager
def waiting(service: Service, url: str, parts: int) -> Iterator[None]:
    """So many asynchronous jobs of one slow image each, deleted at the end."""
    base = f"http://{service.address.host}:{service.address.port}"
    with requests.Session() as session:
        jobs = []
        for _ in range(parts):
            answer = session.post(f"{base}/encode?wait=0", json=[{"img_uri": url}], timeout=30)
            answer.raise_for_status()
            jobs.append(answer.headers["Location"])
        yield
        for job in jobs:
            session.delete(base + job, timeout=30)


@contextmanager
def slow_images() -> Iterator[str]:
    """A server of one image that takes a second to answer."""
    content = draw(THUMBNAIL, 0)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            time.sleep(FETCH_S)
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/image.jpg"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
