"""Calls of many queries."""

import threading
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest
from clip_api_client import Client, Progress, errors
from clip_api_client.pieces import cut
from clip_api_client.queries import Query
from clip_api_client.steps import Sleep, Steps
from clip_api_client.sync_driver import SyncDriver
from PIL import Image

from tests.client.troubled import TroubledProxy, refuse
from tests.images import encoded, noise
from tests.processes import wait_until


def test_pieces_are_neither_too_many_nor_too_large() -> None:
    queries = [Query(b"x" * 750) for _ in range(10)]
    by_count = list(cut(queries, max_queries=4))
    assert [(piece.start, len(piece.queries)) for piece in by_count] == [(0, 4), (4, 4), (8, 2)]
    by_bytes = list(cut(queries, max_bytes=3500))
    assert [len(piece.queries) for piece in by_bytes] == [3, 3, 3, 1]
    assert [len(piece.queries) for piece in cut(queries, max_bytes=1)] == [1] * 10
    assert list(cut([])) == []


def test_many_are_ranked_in_order_a_piece_at_a_time(proxy: TroubledProxy, tmp_path: Path) -> None:
    """More than the service takes at once, and three pieces meet an outage."""
    kinds = [encoded(noise(8, 8, seed=seed)) for seed in range(3)]
    paths = [tmp_path / f"{number}.png" for number in range(1100)]
    for number, path in enumerate(paths):
        path.write_bytes(kinds[number % 3])
    told: list[Progress] = []
    proxy.troubles += [refuse(503, Retry_After="0")] * 3
    with Client(proxy.url) as client:
        ranking = client.rank(paths, ["a", "b"], progress=told.append)
        expected = client.rank(kinds, ["a", "b"])
    assert [row.name for row in ranking] == [str(path) for path in paths]
    for row in ranking:
        assert row.probabilities == pytest.approx(expected[row.index % 3].probabilities, abs=1e-4)
    assert len(ranking.jobs) == 18
    assert len(set(proxy.keys)) == 18 + 1
    assert told[-1] == Progress(1100, 0, 1100)
    assert len(told) == 18


def test_what_is_transparent_is_counted_over_all_pieces(client: Client) -> None:
    told: list[Progress] = []
    images = [Image.new("RGBA", (8, 8), (shade, 0, 0, 0)) for shade in range(70)]
    labels = ["word " * 200, "b"]
    ranking = client.rank(images, labels, progress=told.append)
    assert len(told) == 2
    assert (ranking.transparent_images, ranking.truncated_texts) == (70, 1)
    assert (told[-1].transparent_images, told[-1].truncated_texts) == (70, 1)
    assert client.encode(images).transparent_images == 70


def test_only_what_is_needed_is_read(client: Client) -> None:
    """Ten thousand images of 200 kB would be 2 GB."""
    taken = 0

    def images() -> Iterator[bytes]:
        nonlocal taken
        while True:
            taken += 1
            yield content + bytes(200_000)

    content = encoded(noise(8, 8))
    tracemalloc.start()
    rows = client.rank_each(images(), ["a"])
    for _ in range(300):
        next(rows)
    rows.close()  # type: ignore[attr-defined]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert taken < 1200
    assert peak < 600_000_000
    wait_until(lambda: not own_threads(), "what was under way has ended")


def own_threads() -> list[threading.Thread]:
    return [each for each in threading.enumerate() if each.name.startswith("clip-api-client")]


def test_a_failure_names_the_place_in_the_whole_call(client: Client) -> None:
    images = [encoded(noise(8, 8))] * 100
    images[80] = b"no image"
    with pytest.raises(errors.InvalidRequest) as raised:
        client.rank(images, ["a"])
    assert [fault.index for fault in raised.value.faults] == [80]
    rows = client.rank(images, ["a"], allow_partial=True)
    assert [row.index for row in rows if row.error] == [80]
    embeddings = client.encode(images, allow_partial=True)
    assert [row.index for row in embeddings if row.error] == [80]


def test_no_more_run_at_once_than_may() -> None:
    now, most, lock = 0, 0, threading.Lock()

    def operation(number: int) -> Steps[int]:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        yield Sleep(0.01)
        with lock:
            now -= 1
        return number

    driver = SyncDriver(None)  # type: ignore[arg-type]
    results = list(driver.stream((operation(number) for number in range(30)), 3))
    assert results == list(range(30))
    assert most == 3


def test_who_sleeps_is_woken_when_another_fails() -> None:
    def sleeper() -> Steps[None]:
        yield Sleep(60)

    def failing() -> Steps[None]:
        yield Sleep(0.01)
        raise errors.NotAnImage

    driver = SyncDriver(None)  # type: ignore[arg-type]
    started = time.monotonic()
    with pytest.raises(errors.NotAnImage):
        list(driver.stream([failing(), sleeper(), sleeper()], 3))
    assert time.monotonic() - started < 10
