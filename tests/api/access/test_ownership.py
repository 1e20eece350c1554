"""Jobs and idempotency keys belong to the API key that made them."""

import time

import pytest
from flask.testing import FlaskClient

from tests.conftest import ClientMaker
from tests.image_server import ImageServer, Stalling
from tests.images import encoded, noise

MINE = {"X-API-Key": "my-key-0123456789abcdef"}
YOURS = {"X-API-Key": "your-key-0123456789abcdef"}
BOTH = " ".join([*MINE.values(), *YOURS.values()])
BODY = {"queries": [{"text": "a"}], "candidates": [{"text": "b"}]}
ASYNC = {"Prefer": "respond-async"}


@pytest.fixture
def client(make_api: ClientMaker, redis_url: str) -> FlaskClient:
    """A Redis without workers, so that jobs stay queued."""
    return make_api(redis_url=redis_url, api_keys=BOTH)


def submit(client: FlaskClient, key: dict[str, str], **headers: str) -> str:
    sent = {**ASYNC, **key, **headers}
    answer = client.post("/rank", json=BODY, headers=sent)
    assert answer.status_code == 202
    job: str = answer.get_json()["id"]
    return job


def ids(client: FlaskClient, key: dict[str, str], query: str = "") -> list[str]:
    return [job["id"] for job in client.get(f"/jobs{query}", headers=key).get_json()["jobs"]]


def test_its_owner_may_do_everything_with_a_job(client: FlaskClient) -> None:
    job = submit(client, MINE)
    assert client.get(f"/jobs/{job}", headers=MINE).get_json()["status"] == "queued"
    assert client.post(f"/jobs/{job}/cancel", headers=MINE).get_json()["status"] == "cancelled"
    assert client.delete(f"/jobs/{job}", headers=MINE).status_code == 204


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/jobs/{job}"),
        ("GET", "/jobs/{job}?wait=30"),
        ("POST", "/jobs/{job}/cancel"),
        ("DELETE", "/jobs/{job}"),
    ],
)
def test_to_others_a_job_is_not_there(client: FlaskClient, method: str, path: str) -> None:
    job = submit(client, MINE)
    started = time.monotonic()
    foreign, missing = (
        client.open(path.format(job=name), method=method, headers=YOURS)
        for name in (job, "0" * len(job))
    )
    assert time.monotonic() - started < 5
    assert foreign.status_code == missing.status_code == 404
    assert foreign.data == missing.data
    unlike = {"X-Request-Id"}
    told = [{k: v for k, v in a.headers if k not in unlike} for a in (foreign, missing)]
    assert told[0] == told[1]
    assert client.get(f"/jobs/{job}", headers=MINE).get_json()["status"] == "queued"


def test_an_ended_job_of_another_is_not_there_either(client: FlaskClient) -> None:
    job = submit(client, MINE)
    client.post(f"/jobs/{job}/cancel", headers=MINE)
    assert client.post(f"/jobs/{job}/cancel", headers=YOURS).status_code == 404


def test_each_owner_lists_its_own_jobs(client: FlaskClient) -> None:
    mine = [submit(client, MINE) for _ in range(3)]
    yours = submit(client, YOURS)
    assert ids(client, MINE) == mine[::-1]
    assert ids(client, YOURS) == ids(client, YOURS, "?status=queued") == [yours]
    client.delete(f"/jobs/{mine[1]}", headers=MINE)
    assert ids(client, MINE) == [mine[2], mine[0]]


def test_a_job_that_took_too_long_is_listed_with_its_owner(
    make_client: ClientMaker, image_server: ImageServer
) -> None:
    client = make_client(api_keys=BOTH, sync_timeout_s=0.2)
    stalling = Stalling(image_server, encoded(noise(8, 8)))
    body = {**BODY, "queries": [{"img_uri": stalling.url}]}
    answer = client.post("/rank", json=body, headers=MINE)
    stalling.let_go.set()
    assert answer.status_code == 504
    job = answer.headers["Location"].removeprefix("/jobs/")
    assert job in ids(client, MINE)
    assert job not in ids(client, YOURS)
    assert client.get(f"/jobs/{job}?wait=30", headers=MINE).get_json()["status"] == "done"


def test_the_same_idempotency_key_of_two_is_two_things(client: FlaskClient) -> None:
    key = {"Idempotency-Key": "k"}
    mine, yours = submit(client, MINE, **key), submit(client, YOURS, **key)
    assert mine != yours
    assert submit(client, MINE, **key) == mine
    assert submit(client, YOURS, **key) == yours


def test_with_another_header_the_same_key_is_the_same_owner(client: FlaskClient) -> None:
    job = submit(client, MINE)
    headers = {"Authorization": f"Bearer {MINE['X-API-Key']}"}
    assert client.get(f"/jobs/{job}", headers=headers).status_code == 200


def test_jobs_made_without_keys_belong_to_no_key(
    make_api: ClientMaker, redis_url: str, client: FlaskClient
) -> None:
    open_to_all = make_api(redis_url=redis_url)
    job = submit(open_to_all, {})
    assert ids(open_to_all, {}) == [job]
    assert client.get(f"/jobs/{job}", headers=MINE).status_code == 404
    mine = submit(client, MINE)
    assert open_to_all.get(f"/jobs/{mine}").status_code == 404
