"""A service that restarts while the command line uses it."""

import json
from pathlib import Path
from threading import Thread

import numpy as np
import pytest
from clip_api_client import Client, Retry
from clip_api_client.pieces import MAX_QUERIES

from tests.client.commands import environment, run
from tests.client.troubled import Handler, Trouble, TroubledProxy, drop, forward, refuse
from tests.processes import SAMPLES, Api, free_port

RANK = ("rank", "jeans.png", "-l", "a")
WRONG = {"type": "about:blank", "title": "t", "status": 400, "detail": "d", "code": "bad_request"}


@pytest.mark.parametrize("trouble", [drop, refuse(503, Retry_After="1"), refuse(502)])
def test_an_outage_is_waited_for(proxy: TroubledProxy, trouble: Trouble) -> None:
    proxy.troubles += [trouble] * 5
    ended = run(*RANK, "--url", proxy.url, folder=SAMPLES, env=environment())
    assert ended.code == 0, ended.errors
    assert len(ended.errors.splitlines()) == 5


def test_a_service_that_is_not_there_yet_is_waited_for(service: Api) -> None:
    port, retries = free_port(), list[Retry]()

    def start_late() -> None:
        with TroubledProxy(service.url, port).running():
            thread.join()

    def note(retry: Retry) -> None:
        retries.append(retry)
        if len(retries) == 5:
            starting.start()

    def rank() -> None:
        with Client(f"http://127.0.0.1:{port}", on_retry=note) as client:
            counts.append(len(client.encode(texts=["a"])))

    counts = list[int]()
    starting, thread = Thread(target=start_late), Thread(target=rank)
    thread.start()
    thread.join()
    starting.join()
    assert counts == [1]


def test_the_timeout_bounds_the_wait() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    ended = run(*RANK, "--url", url, "--timeout", "2", folder=SAMPLES, env=environment())
    assert ended.code == 3
    assert ended.errors.count("retrying in") >= 2


def fail_at(text: bytes) -> Trouble:
    def trouble(handler: Handler) -> None:
        is_at_fault = text in handler.body
        (refuse(400, json.dumps(WRONG).encode()) if is_at_fault else forward)(handler)

    return trouble


@pytest.mark.parametrize("flag", ["--quiet", "--timeout=60"])
def test_the_rows_before_a_failure_are_kept(
    proxy: TroubledProxy, tmp_path: Path, flag: str
) -> None:
    proxy.troubles += [fail_at(b"the last")] * 2
    texts = [f"--text={number}" for number in range(MAX_QUERIES)]
    npy = tmp_path / "out.npy"
    ended = run(
        *("encode", "nope.png", *texts[1:], "--text", "the last", "--npy", npy, flag),
        *("--url", proxy.url),
        folder=SAMPLES,
        env=environment(),
    )
    assert ended.code == 2
    assert f"kept the first {MAX_QUERIES} of {MAX_QUERIES + 1} rows in {npy}.part" in ended.errors
    rows = np.load(f"{npy}.part")
    assert rows.shape[0] == MAX_QUERIES
    assert np.isnan(rows[0]).all()
    assert np.isfinite(rows[1:]).all()
    assert not npy.exists()


def test_nothing_is_kept_where_there_is_nothing(proxy: TroubledProxy, tmp_path: Path) -> None:
    proxy.troubles.append(fail_at(b"a"))
    arguments = ("encode", "--text", "a", "--npy", tmp_path / "out.npy", "--url", proxy.url)
    assert run(*arguments, folder=SAMPLES, env=environment()).code == 2
    assert list(tmp_path.iterdir()) == []
