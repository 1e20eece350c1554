"""`callback_url`: which are taken, and what is shown of them."""

from typing import Any

import pytest

from tests.api.request.test_forms import post
from tests.conftest import ClientMaker
from tests.images import encoded, noise

SECRET = f"whsec_{'A' * 32}"
# Nothing is ever sent there: the workers of these tests have no secret.
URL = "https://example.org/hook?token=of-theirs"
BODY = {"queries": [{"text": "a"}], "candidates": [{"text": "b"}]}
KEY = "a-key-0123456789abcdef"


def faults(answer: Any) -> list[tuple[str, str]]:
    assert answer.status_code == 422, answer.data
    return [(fault["pointer"], fault["code"]) for fault in answer.get_json()["errors"]]


def test_without_a_secret_none_is_taken(make_client: ClientMaker) -> None:
    client = make_client()
    answer = client.post("/rank?wait=0", json={**BODY, "callback_url": URL})
    assert faults(answer) == [("/callback_url", "no_webhooks")]
    assert "CLIP_WEBHOOK_SECRET" in answer.get_json()["detail"]
    answer = client.post("/encode", json=[{"text": "a"}], query_string={"callback_url": URL})
    assert faults(answer) == [("", "no_webhooks")]


def test_a_synchronous_request_has_none(make_client: ClientMaker) -> None:
    client = make_client(webhook_secret=SECRET)
    answer = client.post("/rank", json={**BODY, "callback_url": URL})
    assert faults(answer) == [("/callback_url", "not_asynchronous")]
    assert "respond-async" in answer.get_json()["detail"]


@pytest.mark.parametrize("prefer", ["respond-async", "respond-async, wait=20"])
def test_a_client_that_prefers_a_job_may_name_one_and_wait_too(
    make_client: ClientMaker, prefer: str
) -> None:
    client = make_client(webhook_secret=SECRET)
    body = {**BODY, "callback_url": URL}
    answer = client.post("/rank", json=body, headers={"Prefer": prefer})
    assert answer.status_code in (200, 202)
    job = client.get(f"/jobs/{answer.headers['X-Job-Id']}?wait=20").get_json()
    assert job["status"] == "done"
    assert job["callback"] == {
        "url": "https://example.org",
        "state": "pending",
        "attempts": 0,
        "last_status": None,
        "last_error": None,
        "next_attempt_at": job["finished_at"],
    }


def test_the_owner_of_a_key_is_shown_the_whole_url(make_client: ClientMaker) -> None:
    client = make_client(webhook_secret=SECRET, api_keys=KEY)
    mine = {"X-API-Key": KEY}
    answer = client.post("/rank?wait=0", json={**BODY, "callback_url": URL}, headers=mine)
    job = client.get(answer.headers["Location"], headers=mine).get_json()
    assert job["callback"]["url"] == URL


def test_a_job_without_one_says_nothing_of_it(make_client: ClientMaker) -> None:
    client = make_client(webhook_secret=SECRET)
    answer = client.post("/rank?wait=0", json=BODY)
    assert "callback" not in client.get(answer.headers["Location"]).get_json()


def test_a_form_may_name_one(make_client: ClientMaker) -> None:
    client = make_client(webhook_secret=SECRET)
    image = encoded(noise(8, 8))
    parts: list[tuple[str, str | bytes]] = [("image", image), ("candidate", "a")]
    answer = post(client, "/rank?wait=0", [*parts, ("callback_url", URL)])
    assert "callback" in client.get(answer.headers["Location"]).get_json()


@pytest.mark.parametrize(
    "url",
    [
        *("", "example.org", "ftp://example.org", "https://", "https://a b/", "https://a\n/"),
        *("https://user@example.org/", "https://user:secret@example.org/"),
        *("https://example.org/" + "a" * 8192, "https://a:0/", "https://[::1/"),
    ],
)
def test_what_is_no_url_is_refused(make_client: ClientMaker, url: str) -> None:
    client = make_client(webhook_secret=SECRET)
    answer = client.post("/rank?wait=0", json={**BODY, "callback_url": url})
    assert faults(answer) == [("/callback_url", "url_refused")]
    query = {"wait": "0", "callback_url": url}
    answer = client.post("/encode", json=[{"text": "a"}], query_string=query)
    assert faults(answer) == [("", "url_refused")]
    assert "secret@" not in answer.text


def test_two_are_one_too_many(make_client: ClientMaker) -> None:
    client = make_client(webhook_secret=SECRET)
    query = {"wait": "0", "callback_url": URL}
    answer = client.post("/rank", json={**BODY, "callback_url": URL}, query_string=query)
    assert faults(answer) == [("/callback_url", "ambiguous_callback")]


def test_another_callback_is_another_request(make_client: ClientMaker) -> None:
    client = make_client(webhook_secret=SECRET)
    headers = {"Idempotency-Key": "callback-1"}

    def ask(url: str) -> Any:
        query = {"wait": "0", "callback_url": url}
        return client.post(
            "/encode", json=[{"text": "a"}], query_string=query, headers=headers
        ).get_json()

    assert ask(URL)["id"] == ask(URL)["id"]
    assert ask(URL + "2")["code"] == "idempotency_key_reused"
