"""Outages between the client and the service."""

import json
import time
from concurrent.futures import CancelledError
from pathlib import Path
from threading import Event, Timer

import pytest
from clip_api_client import Client, Retry, errors
from clip_api_client.pieces import MAX_QUERIES

from tests.client.conftest import KEY
from tests.client.troubled import Handler, TroubledProxy, drop, forward, lose_answer, refuse
from tests.image_server import ImageServer, Stalling
from tests.images import encoded, noise
from tests.processes import Api, free_port

OF_A_JOB = ("job_lost", "model_changed", "no_memory")


def unavailable(code: str) -> bytes:
    problem = {"type": "about:blank", "title": "t", "status": 503, "detail": "d", "code": code}
    return json.dumps(problem).encode()


def test_an_outage_is_outlived_with_one_key_and_one_body(proxy: TroubledProxy) -> None:
    retries: list[Retry] = []
    proxy.troubles += [drop, refuse(503, Retry_After="0"), refuse(502), drop]
    with Client(proxy.url, on_retry=retries.append) as client:
        assert client.rank(encoded(noise(8, 8)), ["a"]).probabilities == [[1.0]]
    assert len(proxy.seen) == 5
    assert len(set(proxy.keys)) == 1
    assert None not in proxy.keys
    assert len({seen.body for seen in proxy.seen}) == 1
    kinds = [type(retry.error) for retry in retries]
    assert kinds == [errors.Unreachable, errors.Unavailable, errors.Unavailable, errors.Unreachable]


def test_an_answer_that_is_lost_is_asked_for_again_without_new_work(
    proxy: TroubledProxy,
) -> None:
    proxy.troubles.append(lose_answer)
    with Client(proxy.url) as client:
        before = {job.id for job in client.jobs()}
        proxy.seen.clear()
        proxy.troubles.append(lose_answer)
        job = client.submit(encoded(noise(9, 9)), ["a"])
        job.wait()
        assert {job.id for job in client.jobs()} - before == {job.id}
    assert len(proxy.keys) == 2
    assert len(set(proxy.keys)) == 1


def test_what_a_closed_client_leaves_in_flight_is_not_tried_again(proxy: TroubledProxy) -> None:
    begun, go_on = Event(), Event()

    def hold(handler: Handler) -> None:
        begun.set()
        assert go_on.wait(30)
        drop(handler)

    retries: list[Retry] = []
    proxy.troubles += [forward, hold]
    with Client(proxy.url, on_retry=retries.append, at_once=1) as client:
        rows = client.rank_each([encoded(noise(8, 8))] * 3 * MAX_QUERIES, ["a"])
        assert next(rows).index == 0
        assert begun.wait(30)
    go_on.set()
    with pytest.raises(CancelledError):
        list(rows)
    assert not retries
    assert len(proxy.seen) == 2


def test_two_calls_have_two_keys(proxy: TroubledProxy) -> None:
    with Client(proxy.url) as client:
        for _ in range(2):
            client.rank(encoded(noise(8, 8)), ["a"])
    assert len(set(proxy.keys)) == 2


def test_retry_after_is_obeyed(proxy: TroubledProxy) -> None:
    retries: list[Retry] = []
    proxy.troubles.append(refuse(429, Retry_After="1"))
    with Client(proxy.url, on_retry=retries.append) as client:
        started = time.monotonic()
        client.encode(texts=["a"])
    assert time.monotonic() - started >= 1
    assert 1 <= retries[0].pause_s <= 1.2


@pytest.mark.parametrize("code", OF_A_JOB)
def test_a_job_that_the_service_spoilt_is_requested_again(proxy: TroubledProxy, code: str) -> None:
    proxy.troubles.append(refuse(503, unavailable(code), Retry_After="0"))
    with Client(proxy.url) as client:
        client.encode(texts=["a"])
    assert len(set(proxy.keys)) == 2


def test_what_is_wrong_is_not_tried_again(proxy: TroubledProxy) -> None:
    with Client(proxy.url) as client, pytest.raises(errors.InvalidRequest):
        client.rank(b"no image", ["a"])
    assert len(proxy.seen) == 1


def test_failures_are_put_up_with_so_often(proxy: TroubledProxy) -> None:
    proxy.troubles += [refuse(503, Retry_After="0")] * 9
    with Client(proxy.url, retries=2) as client, pytest.raises(errors.Unavailable):
        client.encode(texts=["a"])
    assert len(proxy.seen) == 3


def test_no_wait_is_longer_than_the_time_left(proxy: TroubledProxy) -> None:
    proxy.troubles += [refuse(429, Retry_After="30")] * 9
    started = time.monotonic()
    with Client(proxy.url, timeout_s=5) as client, pytest.raises(errors.RateLimited):
        client.encode(texts=["a"])
    assert time.monotonic() - started < 5


def test_a_delete_whose_answer_was_lost_has_succeeded(proxy: TroubledProxy) -> None:
    with Client(proxy.url) as client:
        job = client.submit_encode(texts=["a"])
        proxy.troubles.append(lose_answer)
        job.delete()
        with pytest.raises(errors.NotFound):
            job.delete()


def test_a_service_that_does_not_answer_is_unreachable() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    with Client(url, retries=1) as client, pytest.raises(errors.Unreachable, match=url):
        client.encode(texts=["a"])


def test_an_answer_from_the_cache_names_no_job(proxy: TroubledProxy) -> None:
    proxy.troubles.append(refuse(200, b"[[1, 2]]"))
    with Client(proxy.url) as client:
        embeddings = client.encode(texts=["a"])
    assert (embeddings.vectors, embeddings.jobs) == ([[1.0, 2.0]], [])


def test_another_service_is_reported(proxy: TroubledProxy) -> None:
    proxy.troubles.append(refuse(200, b"<html>hello"))
    with Client(proxy.url) as client, pytest.raises(errors.UnexpectedAnswer, match="hello"):
        client.encode(texts=["a"])


def test_where_the_service_waits_no_longer_the_job_is_waited_for(
    strict_api: Api, image_server: ImageServer
) -> None:
    slow = Stalling(image_server, encoded(noise(8, 8)))
    seen: list[str] = []
    with Client(
        strict_api.url, KEY, on_retry=lambda retry: seen.append(retry.error.code)
    ) as client:
        # The service answers 504 after half a second.
        letting_go = Timer(1.0, slow.let_go.set)
        letting_go.start()
        assert len(client.rank(slow.url, ["a", "b"])[0].candidates) == 2
        letting_go.join()


def test_a_rate_limit_is_waited_for_and_is_no_failure(strict_api: Api) -> None:
    codes: list[str] = []
    with Client(
        strict_api.url, KEY, retries=0, on_retry=lambda retry: codes.append(retry.error.code)
    ) as client:
        for number in range(6):
            assert len(client.encode(texts=[f"{number}"])) == 1
    assert set(codes) == {"rate_limited"}


def test_a_missing_key_is_reported(strict_api: Api) -> None:
    with Client(strict_api.url) as client, pytest.raises(errors.Unauthorized) as raised:
        client.rank(Path("/nowhere"), ["a"], texts=["b"], allow_partial=True)
    assert raised.value.status == 401
