"""Webhooks from the end of a job to their receiver, with real workers."""

import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
from flask.testing import FlaskClient

from common.errors import UrlRefused
from common.webhooks.outbox import Claim, Delivery
from common.webhooks.secrets import key_of
from tests.conftest import ClientMaker
from tests.faults.deployment import Deployment, deployed
from tests.image_server import ImageServer, Stalling
from tests.images import blob, encoded, image_item, noise
from tests.loopback import hanging_port, many_hosts, one_host
from tests.processes import wait_until
from tests.webhook_receiver import Receiver, Stalled, answering, signature
from worker.net.guard import Allowed, Guard, Ports
from worker.webhooks.delivery import Sender

SECRET, OLD_SECRET = f"whsec_{'A' * 32}", f"whsec_{'B' * 48}"
KEY = "a-key-0123456789abcdef"
TIMEOUT_S, ATTEMPTS, BACKOFF_S = 2, 3, 0.1
SOON_S = 4
"""Ten times what it takes; a busy machine is slow to tell of any job."""
SETTINGS: dict[str, Any] = {
    "model": "fake",
    "webhook_secret": f"{SECRET} {OLD_SECRET}",
    "webhook_timeout_s": TIMEOUT_S,
    "webhook_attempts": ATTEMPTS,
    "webhook_backoff_s": BACKOFF_S,
}
TEXT = {"text": "a"}
REFUSED = "http://169.254.169.254/latest"


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    with deployed(tmp_path_factory.mktemp("w"), **SETTINGS) as deployment:
        yield deployment


@pytest.fixture
def client(deployment: Deployment, make_api: ClientMaker) -> FlaskClient:
    url = deployment.valkey.url
    client = make_api(redis_url=url, webhook_secret=SECRET, api_keys=KEY)
    client.environ_base["HTTP_X_API_KEY"] = KEY
    return client


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver().running() as receiver:
        yield receiver


def submit(client: FlaskClient, url: str, *queries: Any) -> str:
    body = {
        "queries": list(queries) or [image_item()],
        "candidates": [{"text": "a"}],
        "callback_url": url,
    }
    answer = client.post("/rank?wait=0", json=body)
    assert answer.status_code == 202, answer.data
    return str(answer.headers["Location"])


def callback(client: FlaskClient, job: str) -> Any:
    return client.get(job).get_json()["callback"]


def settled(client: FlaskClient, job: str) -> Any:
    wait_until(lambda: callback(client, job)["state"] != "pending", "the delivery is settled")
    return callback(client, job)


def test_the_webhook_of_a_job_is_sent_and_signed(client: FlaskClient, receiver: Receiver) -> None:
    job = submit(client, receiver.url)
    [told] = receiver.wait_for(1)
    assert told.path == "/hook?token=of-theirs"
    assert told.headers["content-type"] == "application/json"
    signatures = [signature(secret, told.headers, told.body) for secret in (SECRET, OLD_SECRET)]
    assert told.headers["webhook-signature"].split() == signatures
    document = client.get(job).get_json()
    kept = ("id", "kind", "status", "progress", "created_at", "started_at", "finished_at")
    assert told.json == {
        "type": "job.done",
        "timestamp": document["finished_at"],
        "data": {name: document[name] for name in (*kept, "model", "links", "metadata")},
    }
    assert settled(client, job) == {
        "url": receiver.url,
        "state": "delivered",
        "attempts": 1,
        "last_status": 204,
        "last_error": None,
        "next_attempt_at": None,
    }


def test_encode_names_its_callback_as_a_parameter(client: FlaskClient, receiver: Receiver) -> None:
    query = {"wait": "0", "callback_url": receiver.url}
    answer = client.post("/encode", json=[{"text": "a"}, {"text": "b"}], query_string=query)
    assert answer.status_code == 202
    [told] = receiver.wait_for(1)
    assert told.json["data"]["id"] == answer.get_json()["id"]
    assert told.json["data"]["progress"] == {"total": 2, "done": 2, "failed": 0}


def test_it_is_tried_again_as_the_same_message(client: FlaskClient, receiver: Receiver) -> None:
    receiver.answers = [answering(503), answering(500)]
    job = submit(client, receiver.url)
    attempts = receiver.wait_for(3)
    assert len({each.headers["webhook-id"] for each in attempts}) == 1
    assert len({each.body for each in attempts}) == 1
    done = settled(client, job)
    assert (done["state"], done["attempts"], done["last_status"]) == ("delivered", 3, 204)


def test_the_url_is_encoded_and_stripped_as_browsers_do_it(
    client: FlaskClient, receiver: Receiver
) -> None:
    url = receiver.url.partition("/hook")[0]
    submit(client, f" {url}/my hook/café?q=a b#part\n")
    assert receiver.wait_for(1)[0].path == "/my%20hook/caf%C3%A9?q=a%20b"


def test_it_is_given_up_after_so_many_attempts(client: FlaskClient, receiver: Receiver) -> None:
    receiver.answers = [answering(500)] * (ATTEMPTS + 1)
    given_up = settled(client, submit(client, receiver.url))
    assert (given_up["state"], given_up["attempts"]) == ("failed", ATTEMPTS)
    assert (given_up["last_status"], given_up["next_attempt_at"]) == (500, None)
    assert len(receiver.received) == ATTEMPTS


def test_a_receiver_says_when_to_come_again(client: FlaskClient, receiver: Receiver) -> None:
    receiver.answers = [answering(429, Retry_After="2")]
    job = submit(client, receiver.url)
    wait_until(lambda: callback(client, job)["last_status"] == 429, "the first is noted")
    waiting = callback(client, job)
    assert waiting["state"] == "pending"
    assert waiting["next_attempt_at"] is not None
    first, second = receiver.wait_for(2)
    assert 1.9 < second.at - first.at < 8


@pytest.mark.parametrize("status", [302, 400, 404, 410])
def test_other_answers_are_final(client: FlaskClient, receiver: Receiver, status: int) -> None:
    receiver.answers = [answering(status, Location=f"{receiver.url}&again")]
    given_up = settled(client, submit(client, receiver.url))
    assert (given_up["state"], given_up["last_status"]) == ("failed", status)
    assert len(receiver.received) == 1


def test_a_receiver_that_is_away_is_tried_again(client: FlaskClient, receiver: Receiver) -> None:
    away = receiver.url.replace(str(receiver.port), "1")
    given_up = settled(client, submit(client, away))
    assert (given_up["state"], given_up["attempts"]) == ("failed", ATTEMPTS)
    assert (given_up["last_status"], given_up["last_error"]) == (None, "fetch_failed")


def test_nothing_is_sent_inside_unless_the_guard_allows_it(
    client: FlaskClient, receiver: Receiver
) -> None:
    given_up = settled(client, submit(client, REFUSED))
    assert (given_up["state"], given_up["attempts"]) == ("failed", 1)
    assert given_up["last_error"] == "url_refused"
    guard = Guard(Ports.parse("1-65535"), Allowed())
    sender = Sender(guard, [key_of(SECRET)], TIMEOUT_S, use_proxies=False)
    delivery = Delivery(receiver.url, "rank", "done", 1, 1, 0, 1.0, 2.0, "pending", 0, 0)
    with pytest.raises(UrlRefused):
        sender.send(Claim("j", 1, "127.0.0.1", delivery))
    assert receiver.received == []


def test_an_answer_without_end_is_not_read(client: FlaskClient, receiver: Receiver) -> None:
    def endless(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        while True:
            handler.wfile.write(b"x" * 65_536)

    receiver.answers = [endless]
    done = settled(client, submit(client, receiver.url))
    assert (done["state"], done["attempts"], done["last_status"]) == ("delivered", 1, 200)


def test_slow_receivers_keep_no_other_waiting(client: FlaskClient, receiver: Receiver) -> None:
    stalled = Stalled()
    receiver.answers = [stalled] * 2
    slow = [submit(client, receiver.url) for _ in range(6)]
    receiver.wait_for(2)
    other = submit(client, receiver.url.replace("127.0.0.1", "127.0.0.2"))
    assert settled(client, other)["state"] == "delivered"
    stalled.let_go.set()
    assert {settled(client, job)["state"] for job in slow} == {"delivered"}
    assert max(callback(client, job)["attempts"] for job in slow) <= 2


@pytest.mark.parametrize(("deliveries", "host_of"), [(80, many_hosts), (300, one_host)])
def test_hosts_that_hang_keep_no_other_waiting(
    client: FlaskClient, receiver: Receiver, deliveries: int, host_of: Callable[[int], str]
) -> None:
    with hanging_port() as port:
        for number in range(deliveries):
            last = submit(client, f"http://{host_of(number)}:{port}/", TEXT)
        wait_until(lambda: client.get(last).get_json()["status"] == "done", "their jobs are done")
        submit(client, receiver.url)
        receiver.wait_for(1, SOON_S)


def test_a_worker_ends_soon_while_many_hosts_hang(
    deployment: Deployment, client: FlaskClient
) -> None:
    [old] = deployment.workers
    with hanging_port() as port:
        for number in range(80):
            last = submit(client, f"http://{many_hosts(number)}:{port}/", TEXT)
        wait_until(lambda: callback(client, last)["attempts"], "they are tried")
        started = time.monotonic()
        assert old.stop() == 0
        assert time.monotonic() - started < TIMEOUT_S + SOON_S
    deployment.workers.remove(old)
    deployment.add_worker(**SETTINGS)


class TestEndings:
    def test_a_cancelled_job(
        self, client: FlaskClient, receiver: Receiver, image_server: ImageServer
    ) -> None:
        stalling = Stalling(image_server, encoded(noise(8, 8)))
        job = submit(client, receiver.url, {"img_uri": stalling.url})
        assert stalling.asked.acquire(timeout=10)
        assert callback(client, job)["state"] == "pending"
        assert client.post(f"{job}/cancel").status_code == 200
        [told] = receiver.wait_for(1)
        stalling.let_go.set()
        assert (told.json["type"], told.json["data"]["status"]) == ("job.cancelled", "cancelled")
        assert told.json["data"]["model"] is None

    def test_a_failed_job(self, client: FlaskClient, receiver: Receiver) -> None:
        submit(client, receiver.url, blob(b"no image"))
        [told] = receiver.wait_for(1)
        assert told.json["type"] == "job.failed"
        assert told.json["data"]["progress"] == {"total": 1, "done": 0, "failed": 1}

    def test_a_job_that_is_forgotten_meanwhile(
        self, client: FlaskClient, receiver: Receiver, image_server: ImageServer
    ) -> None:
        stalling = Stalling(image_server, encoded(noise(8, 8)))
        job = submit(client, receiver.url, {"img_uri": stalling.url})
        assert stalling.asked.acquire(timeout=10)
        assert client.delete(job).status_code == 204
        [told] = receiver.wait_for(1)
        stalling.let_go.set()
        assert told.json["type"] == "job.cancelled"


def test_another_worker_delivers_the_webhooks_of_a_killed_one(
    deployment: Deployment, client: FlaskClient, receiver: Receiver
) -> None:
    stalled = Stalled()
    receiver.answers = [stalled]
    job = submit(client, receiver.url)
    assert stalled.asked.acquire(timeout=10)
    [killed] = deployment.workers
    killed.kill()
    deployment.workers.remove(killed)
    deployment.start_worker(**SETTINGS)
    first, second = receiver.wait_for(2, 60)
    stalled.let_go.set()
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert settled(client, job)["state"] == "delivered"
    assert callback(client, job)["attempts"] == 2


def test_no_log_has_a_url_or_a_secret(deployment: Deployment) -> None:
    for worker in deployment.workers:
        for secret in ("token=of-theirs", SECRET, OLD_SECRET):
            assert secret not in worker.log
