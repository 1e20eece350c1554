"""Many images on one https host: kept connections against one connection per image."""

import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import certifi

from bench.bars import Verdict, at_least
from bench.figures import Sample, Series, rate_ratio
from bench.processes import Process, start, wait_until_ready
from bench.rounds import interleaved
from bench.rows.row import Bench, Result
from bench.tls_images import AUTHORITY, HOST, PORT
from worker.batching.policy import PartRef
from worker.net.exchange import ClientOptions, WebClient
from worker.net.fetch import Fetcher, FetchLimits
from worker.net.guard import Allowed, Guard, Ports
from worker.net.terms import Terms
from worker.net.trust import trusting

BAR = at_least(3)
URLS, FAKE_URLS = 1_000, 20
JOBS = 8
LIMITS = FetchLimits(max_bytes=1_000_000, timeout_s=60)
KEPT, ONE_EACH = "kept connections", "one connection per image"

Fetch = Callable[[Sequence[str]], list[float]]
"""Fetches URLs, and returns the seconds that each took."""


def run(bench: Bench) -> list[Result]:
    bench.progress.say("fetching")
    folder = bench.folder / "tls-images"
    folder.mkdir()
    server = start("tls images", [sys.executable, "-m", "bench.tls_images", folder], bench.folder)
    try:
        series = _measured(bench, folder, server)
    finally:
        server.stop()
    ratio = series[KEPT].against(series[ONE_EACH], rate_ratio)
    what = f"{URLS} images on one https host, against a connection per image"
    return [Result("fetching", list(series.values()), [Verdict(what, BAR, ratio)])]


def _measured(bench: Bench, folder: Path, server: Process) -> dict[str, Series]:
    port = folder / PORT
    wait_until_ready(lambda: port.exists() and bool(port.read_text()), [server])
    count = FAKE_URLS if bench.options.fake else URLS
    urls = [f"https://{HOST}:{port.read_text()}/{number}.jpg" for number in range(count)]
    # As many authorities as in production.
    options = ClientOptions(partial(trusting, [Path(certifi.where()), folder / AUTHORITY]))
    guard = Guard(Ports.parse("1-65535"), Allowed.parse(HOST))

    def kept(urls: Sequence[str]) -> list[float]:
        fetcher = Fetcher(guard, LIMITS, options=options)
        fetched = [
            fetcher.submit(url, PartRef(f"job-{number % JOBS}"), lambda _, seconds: seconds)
            for number, url in enumerate(urls)
        ]
        return [each.result() for each in fetched]

    def one_each(urls: Sequence[str]) -> list[float]:
        with ThreadPoolExecutor(LIMITS.per_host) as threads:
            return list(
                threads.map(partial(_fetched_alone, lambda: WebClient(guard, options)), urls)
            )

    def turn(name: str, fetch: Fetch) -> Sample:
        started = time.monotonic()
        latencies = fetch(urls)
        sample = Sample(time.monotonic() - started, len(latencies), latencies)
        bench.progress.sample(name, LIMITS.per_host, sample)
        return sample

    turns = {
        name: partial(turn, name, fetch) for name, fetch in ((KEPT, kept), (ONE_EACH, one_each))
    }
    taken = interleaved(turns, bench.options.rounds)
    return {name: Series(name, LIMITS.per_host, samples) for name, samples in taken.items()}


def _fetched_alone(make_client: Callable[[], WebClient], url: str) -> float:
    """Fetch with a new client, which keeps no connection."""
    started = time.monotonic()
    client = make_client()
    with client.deadline(LIMITS.timeout_s) as deadline:
        client.get(url, Terms(deadline, LIMITS.max_bytes))
    client.close()
    return time.monotonic() - started
