import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from redis import Redis
from werkzeug.test import TestResponse

from common.ledger.jobs import Ledger
from common.ledger.records import NewJob, RequestRecord
from common.protocol.messages import Item, Priority, queue_of
from common.redis.keys import KEYS
from tests.conftest import ClientMaker
from tests.image_server import ImageServer, Stalling
from tests.images import blob, encoded, image_item, noise
from tests.processes import Api

CAT, DOG = {"text": "a cat"}, {"text": "a dog"}
ASYNC = {"Prefer": "respond-async"}
NOT_SERVED = "a/model-without-workers"


def submit(service: Api, body: Any, path: str = "/rank", **headers: str) -> Any:
    sent = {**ASYNC, **headers}
    return service.session.post(f"{service.url}{path}", json=body, headers=sent, timeout=30)


def rank_body(*queries: Any, **more: Any) -> dict[str, Any]:
    return {"queries": list(queries), "candidates": [CAT, DOG], **more}


def finished(service: Api, location: str) -> Any:
    document = service.get(f"{location}?wait=30")
    assert document.status_code == 200
    assert document.json()["finished_at"], document.json()
    return document.json()


@pytest.fixture
def waiting_job(service: Api, service_redis_url: str) -> Iterator[str]:
    """A job of a model that no worker serves."""
    name = f"waiting{time.monotonic_ns()}"
    item = Item("text", "a", queries=1, required=True)
    request = RequestRecord({"": [0]}, "t", [1])
    job = NewJob(
        name, "encode", Priority.BULK, [[item]], request, "r", 60, 60, model_queue=NOT_SERVED
    )
    with Redis.from_url(service_redis_url) as redis:
        ledger = Ledger(redis)
        ledger.create(job, {}, max_open_items=10**6, worker_ttl_s=0)
        yield name
        ledger.forget(name)
        redis.delete(KEYS(queue_of(Priority.BULK, NOT_SERVED)))


class TestSubmitting:
    def test_an_asynchronous_request_is_answered_with_its_job(self, service: Api) -> None:
        answer = submit(service, rank_body(image_item()))
        assert answer.status_code == 202
        body = answer.json()
        assert set(body) == {"id", "status", "links"}
        assert answer.headers["Location"] == f"/jobs/{body['id']}" == body["links"]["self"]
        assert answer.headers["Preference-Applied"] == "respond-async"
        assert answer.headers["Vary"] == "Prefer"
        assert int(answer.headers["Retry-After"]) >= 1
        assert answer.headers["X-Job-Id"] == body["id"]

    def test_its_result_is_that_of_the_synchronous_request(self, service: Api) -> None:
        body = rank_body(image_item(1), image_item(2), CAT)
        location = submit(service, body).headers["Location"]
        result = finished(service, location)["result"]
        expected = service.post("/rank", body).json()
        assert list(result) == list(expected)
        for name, matrix in expected.items():
            assert np.array(result[name]) == pytest.approx(np.array(matrix), abs=1e-6)

    def test_encode_too(self, service: Api) -> None:
        items = [CAT, image_item()]
        location = submit(service, items, "/encode").headers["Location"]
        document = finished(service, location)
        assert document["kind"] == "encode"
        expected = np.array(service.post("/encode", items).json())
        assert np.array(document["result"]) == pytest.approx(expected, abs=1e-5)

    def test_who_waits_long_enough_gets_the_plain_result(self, service: Api) -> None:
        body = rank_body(image_item(3))
        answer = submit(service, body, Prefer="respond-async, wait=30")
        assert answer.status_code == 200
        assert answer.headers["Preference-Applied"] == "respond-async"
        assert list(answer.json()) == ["probabilities", "cosine_similarities"]
        by_parameter = service.post("/rank?wait=30", body)
        assert by_parameter.status_code == 200
        assert by_parameter.json().keys() == answer.json().keys()

    def test_wait_0_does_not_wait(self, service: Api) -> None:
        assert service.post("/rank?wait=0", rank_body(CAT)).status_code == 202

    def test_a_synchronous_answer_varies_too_and_names_its_job(self, service: Api) -> None:
        answer = service.post("/rank", rank_body({"text": f"new at {time.monotonic_ns()}"}))
        assert answer.headers["Vary"] == "Prefer"
        assert "Preference-Applied" not in answer.headers
        document = service.get(f"/jobs/{answer.headers['X-Job-Id']}").json()
        assert document["status"] == "done"

    def test_a_synchronous_request_that_takes_too_long_can_be_collected(
        self, service: Api, make_client: ClientMaker, image_server: ImageServer
    ) -> None:
        stalling = Stalling(image_server, encoded(noise(9, 9)))
        body = rank_body({"img_uri": stalling.url})
        answer = make_client(sync_timeout_s=0.2).post("/rank", json=body)
        assert answer.status_code == 504
        assert service.get(answer.headers["Location"]).json()["status"] == "running"
        stalling.let_go.set()
        assert finished(service, answer.headers["Location"])["status"] == "done"

    def test_more_items_are_taken_asynchronously(self, make_client: ClientMaker) -> None:
        client = make_client(max_queries=1, max_async_queries=3)
        body = rank_body(*[CAT] * 3)
        assert client.post("/rank", json=body).status_code == 422
        assert client.post("/rank", json=body, headers=ASYNC).status_code == 202
        too_many = rank_body(*[CAT] * 4)
        assert client.post("/rank", json=too_many, headers=ASYNC).status_code == 422

    def test_without_a_worker_asynchronous_work_is_accepted(
        self, make_api: ClientMaker, redis_url: str
    ) -> None:
        client = make_api(redis_url=redis_url)
        answer = client.post("/rank", json=rank_body(CAT), headers=ASYNC)
        assert answer.status_code == 202
        assert client.get(answer.headers["Location"]).get_json()["status"] == "queued"

    def test_beyond_the_limit_it_is_refused(self, make_api: ClientMaker, redis_url: str) -> None:
        client = make_api(redis_url=redis_url, max_open_items=4)
        assert client.post("/rank", json=rank_body(CAT), headers=ASYNC).status_code == 202
        answer = client.post("/rank", json=rank_body({"text": "x"}), headers=ASYNC)
        assert (answer.status_code, answer.get_json()["code"]) == (503, "queue_full")
        assert int(answer.headers["Retry-After"]) >= 1


class TestIdempotency:
    def test_the_same_key_and_body_give_the_same_job(self, service: Api) -> None:
        body = rank_body(image_item(4))
        key = {"Idempotency-Key": f"k{time.monotonic_ns()}"}
        first, second = (submit(service, body, **key) for _ in range(2))
        assert first.json()["id"] == second.json()["id"]
        waited = submit(service, body, Prefer="respond-async, wait=30", **key)
        assert waited.headers["X-Job-Id"] == first.json()["id"]
        assert waited.status_code == 200

    def test_another_body_is_refused(self, service: Api) -> None:
        key = {"Idempotency-Key": f"k{time.monotonic_ns()}"}
        submit(service, rank_body(CAT), **key)
        answer = submit(service, rank_body(DOG), **key)
        assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")

    def test_a_key_belongs_to_a_path(self, service: Api) -> None:
        key = {"Idempotency-Key": f"k{time.monotonic_ns()}"}
        assert submit(service, rank_body(CAT), **key).status_code == 202
        assert submit(service, [CAT], "/encode", **key).status_code == 202

    @pytest.mark.parametrize("key", ["", "x" * 300])
    def test_an_odd_key_is_refused(self, make_client: ClientMaker, key: str) -> None:
        headers = {"Idempotency-Key": key}
        answer = make_client().post("/rank", json=rank_body(CAT), headers=headers)
        assert answer.status_code == 422


class TestLooking:
    def test_a_job_that_is_done_has_everything(self, service: Api) -> None:
        long = {"text": "very " * 300}
        body = {"queries": [image_item(5), long], "candidates": [CAT, long]}
        document = finished(service, submit(service, body).headers["Location"])
        assert set(document) == {
            *("id", "kind", "status", "progress", "created_at", "started_at", "finished_at"),
            *("model", "timings", "errors", "result", "truncated", "transparent", "links"),
            *("labels", "metadata"),
        }
        assert (document["kind"], document["status"]) == ("rank", "done")
        assert document["progress"] == {"total": 2, "done": 2, "failed": 0}
        assert document["created_at"] <= document["started_at"] <= document["finished_at"]
        assert set(document["model"]) == {"name", "revision"}
        assert set(document["timings"]) == {"queue_s", "fetch_s", "decode_s", "inference_s"}
        assert document["truncated"] == ["/candidates/1/text", "/queries/1/text"]

    def test_a_job_that_waits_says_so_and_when_to_ask_again(
        self, service: Api, waiting_job: str
    ) -> None:
        answer = service.get(f"/jobs/{waiting_job}")
        assert answer.headers["Cache-Control"] == "no-store"
        assert int(answer.headers["Retry-After"]) >= 1
        document = answer.json()
        assert document["status"] == "queued"
        assert document["progress"] == {"total": 1, "done": 0, "failed": 0}
        assert document["finished_at"] is document["model"] is None
        assert "result" not in document

    def test_a_failed_job_is_no_failed_request(self, service: Api) -> None:
        body = rank_body(blob(b"no image"), image_item(), blob(b"nor this"))
        document = finished(service, submit(service, body).headers["Location"])
        assert document["status"] == "failed"
        assert [(e["pointer"], e["code"]) for e in document["errors"]] == [
            ("/queries/0/img_blob", "not_an_image"),
            ("/queries/2/img_blob", "not_an_image"),
        ]
        assert document["progress"] == {"total": 3, "done": 1, "failed": 2}
        assert "result" not in document

    def test_a_partly_failed_job_keeps_its_good_rows(self, service: Api) -> None:
        body = rank_body(blob(b"no image"), image_item(), allow_partial=True)
        document = finished(service, submit(service, body).headers["Location"])
        assert document["status"] == "done"
        assert document["result"]["probabilities"][0] is None
        assert document["errors"] == document["result"]["errors"]

    def test_waiting_ends_when_the_time_is_up(self, service: Api, waiting_job: str) -> None:
        started = time.monotonic()
        assert service.get(f"/jobs/{waiting_job}?wait=0.3").json()["status"] == "queued"
        assert 0.3 <= time.monotonic() - started < 5

    @pytest.mark.parametrize("job", ["nothing", "%00", "a:b", "x" * 1000])
    def test_an_unknown_job_is_404(self, service: Api, job: str) -> None:
        for answer in (
            service.get(f"/jobs/{job}"),
            service.post(f"/jobs/{job}/cancel", None),
            service.session.delete(f"{service.url}/jobs/{job}", timeout=10),
        ):
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found")

    def test_an_odd_wait_is_refused(self, service: Api) -> None:
        answer = service.get("/jobs/any?wait=soon")
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


class TestEnding:
    def test_a_waiting_job_is_cancelled(self, service: Api, waiting_job: str) -> None:
        answer = service.post(f"/jobs/{waiting_job}/cancel", None)
        assert answer.status_code == 200
        assert answer.json()["status"] == "cancelled"
        assert answer.json()["errors"][0]["code"] == "job_cancelled"
        again = service.post(f"/jobs/{waiting_job}/cancel", None)
        assert (again.status_code, again.json()["code"]) == (409, "job_has_ended")

    def test_a_deleted_job_is_gone(self, service: Api) -> None:
        location = submit(service, rank_body(image_item(6))).headers["Location"]
        finished(service, location)
        url = service.url + location
        answer = service.session.delete(url, timeout=10)
        assert (answer.status_code, answer.content) == (204, b"")
        assert service.get(location).status_code == 404

    def test_a_client_that_waits_for_a_cancelled_job_gets_an_error(
        self, make_api: ClientMaker, redis_url: str
    ) -> None:
        client = make_api(redis_url=redis_url)
        key = {"Idempotency-Key": "k", **ASYNC}
        job = client.post("/rank", json=rank_body(CAT), headers=key).get_json()["id"]
        client.post(f"/jobs/{job}/cancel")
        answer = client.post("/rank?wait=9", json=rank_body(CAT), headers=key)
        assert (answer.status_code, answer.get_json()["code"]) == (409, "job_cancelled")


class TestListing:
    @pytest.fixture
    def client(self, make_api: ClientMaker, redis_url: str) -> Any:
        client = make_api(redis_url=redis_url)
        for number in range(5):
            body = rank_body({"text": str(number)})
            job = client.post("/rank", json=body, headers=ASYNC).get_json()["id"]
            if number % 2:
                client.post(f"/jobs/{job}/cancel")
        return client

    def page(self, answer: TestResponse) -> tuple[list[Any], str | None]:
        assert answer.status_code == 200
        body = answer.get_json()
        return body["jobs"], body["next"]

    def test_newest_first_in_pages(self, client: Any) -> None:
        seen, cursor = self.page(client.get("/jobs?limit=2"))
        while cursor:
            more, cursor = self.page(client.get(f"/jobs?limit=2&cursor={cursor}"))
            seen += more
        assert len({job["id"] for job in seen}) == len(seen) == 5
        times = [job["created_at"] for job in seen]
        assert times == sorted(times, reverse=True)

    def test_of_one_status(self, client: Any) -> None:
        cancelled, _ = self.page(client.get("/jobs?status=cancelled"))
        assert [job["status"] for job in cancelled] == ["cancelled"] * 2
        queued, _ = self.page(client.get("/jobs?status=queued"))
        assert len(queued) == 3

    @pytest.mark.parametrize("query", ["status=odd", "limit=0", "limit=101", "limit=x", "cursor=x"])
    def test_odd_parameters_are_refused(self, client: Any, query: str) -> None:
        answer = client.get(f"/jobs?{query}")
        assert (answer.status_code, answer.get_json()["code"]) == (422, "invalid_request")


def test_workers_are_shown(service: Api) -> None:
    [worker] = service.get("/workers").json()["workers"]
    assert set(worker) == {
        *("name", "model", "revision", "device", "dtype", "batch_size", "in_flight", "since"),
        *("queues", "configured_batch_size", "node", "encoded_images", "encoded_texts"),
        "gpu",
    }
    assert worker["device"] == "cpu"
