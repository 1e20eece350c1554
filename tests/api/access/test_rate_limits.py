"""Rate limits: which client a request counts for, the headers, and behaviour without Redis."""

import re
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from flask.testing import FlaskClient
from redis import Redis
from structlog.testing import capture_logs
from werkzeug.test import TestResponse

from api.settings import ApiSettings
from common.settings import read
from standalone.valkey import EmbeddedValkey
from tests.conftest import ClientMaker
from tests.processes import wait_until

KEY = {"X-API-Key": "a-key-0123456789abcdef"}
OTHER = {"X-API-Key": "another-key-0123456789"}
KEYS = ",".join([*KEY.values(), *OTHER.values()])
NOWHERE = "redis://127.0.0.1:1/0"


def statuses(client: FlaskClient, times: int, **options: object) -> list[int]:
    return [client.get("/jobs", **options).status_code for _ in range(times)]


def by(address: str) -> dict[str, dict[str, str]]:
    return {"environ_overrides": {"REMOTE_ADDR": address}}


def left_s(answer: TestResponse) -> int:
    [seconds] = re.findall(r";t=(\d+)", answer.headers["RateLimit"])
    return int(seconds)


def test_over_the_limit_is_refused_and_told_when_to_retry(
    make_api: ClientMaker, redis_url: str
) -> None:
    client = make_api(redis_url=redis_url, rate_limit="2 per minute")
    assert statuses(client, 2) == [200, 200]
    answer = client.get("/jobs")
    assert (answer.status_code, answer.get_json()["code"]) == (429, "rate_limited")
    assert answer.content_type == "application/problem+json"
    assert 1 <= int(answer.headers["Retry-After"]) == left_s(answer) <= 60
    assert answer.headers["RateLimit"].startswith('"default";r=0;')


def test_a_client_that_waits_as_told_is_served(make_api: ClientMaker, redis_url: str) -> None:
    client = make_api(redis_url=redis_url, rate_limit="1 per 2 seconds")
    assert statuses(client, 1) == [200]
    told_s = int(client.get("/jobs").headers["Retry-After"])
    time.sleep(told_s)  # the wait itself is tested
    assert client.get("/jobs").status_code == 200


def test_every_limited_answer_has_policy_and_remaining_requests(
    make_client: ClientMaker, service_redis_url: str
) -> None:
    client = make_client(rate_limit="100 per minute", api_keys=KEYS)
    with Redis.from_url(service_redis_url) as redis:
        for name in redis.scan_iter("clip:rate:*"):
            redis.delete(name)
    body = {"queries": [{"text": "a"}], "candidates": [{"text": "b"}]}
    for left, answer in (
        (99, client.post("/rank", json=body, headers=KEY)),
        (98, client.post("/rank", json={}, headers=KEY)),
        (97, client.get("/jobs/nothing", headers=KEY)),
        (99, client.get("/jobs")),
    ):
        assert answer.headers["RateLimit-Policy"] == '"default";q=100;w=60'
        assert answer.headers["RateLimit"].startswith(f'"default";r={left};t=')
        assert 1 <= left_s(answer) <= 60
        assert "Retry-After" not in answer.headers


def test_of_several_limits_the_tightest_refuses(make_api: ClientMaker, redis_url: str) -> None:
    client = make_api(redis_url=redis_url, rate_limit="3 per hour; 2 per minute")
    answer = client.get("/jobs")
    assert answer.headers.getlist("RateLimit-Policy") == [
        '"default";q=2;w=60',
        '"default-2";q=3;w=3600',
    ]
    assert statuses(client, 2) == [200, 429]
    assert 1 <= int(client.get("/jobs").headers["Retry-After"]) <= 60


def test_every_key_has_its_own_limit(make_api: ClientMaker, redis_url: str) -> None:
    client = make_api(redis_url=redis_url, rate_limit="1 per hour", api_keys=KEYS)
    assert statuses(client, 2, headers=KEY) == [200, 429]
    assert statuses(client, 2, headers=OTHER) == [200, 429]


def test_a_keys_limit_holds_from_wherever_it_calls(make_api: ClientMaker, redis_url: str) -> None:
    client = make_api(redis_url=redis_url, rate_limit="1 per hour", api_keys=KEYS)
    assert statuses(client, 1, headers=KEY, **by("192.0.2.1")) == [200]
    assert statuses(client, 1, headers=KEY, **by("192.0.2.2")) == [429]


def test_wrong_keys_are_limited_by_address_and_do_not_hurt_good_ones(
    make_api: ClientMaker, redis_url: str
) -> None:
    client = make_api(redis_url=redis_url, rate_limit="2 per hour", api_keys=KEYS)
    for number, status in enumerate((401, 401, 429)):
        headers = {"X-API-Key": f"guess-{number}-0123456789"}
        assert client.get("/jobs", headers=headers).status_code == status
    assert statuses(client, 1) == [429]
    assert statuses(client, 1, headers=KEY) == [200]
    assert statuses(client, 1, **by("192.0.2.9")) == [401]


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("192.0.2.1", "192.0.2.2", False),
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.2", False),
        ("", "no address", True),
    ],
)
def test_an_address_is_that_of_one_customer(
    make_api: ClientMaker, redis_url: str, one: str, other: str, is_same: bool
) -> None:
    client = make_api(redis_url=redis_url, rate_limit="1 per hour")
    assert statuses(client, 1, **by(one)) == [200]
    assert statuses(client, 1, **by(other)) == [429 if is_same else 200]


def test_without_a_trusted_proxy_a_header_hides_no_client(
    make_api: ClientMaker, redis_url: str
) -> None:
    client = make_api(redis_url=redis_url, rate_limit="1 per hour")
    for number, status in enumerate((200, 429)):
        headers = {"X-Forwarded-For": f"192.0.2.{number}"}
        assert client.get("/jobs", headers=headers).status_code == status


def test_behind_a_trusted_proxy_its_word_counts_and_no_other(
    make_api: ClientMaker, redis_url: str
) -> None:
    client = make_api(redis_url=redis_url, rate_limit="1 per hour", trusted_proxies=1)
    for header, status in (
        ("192.0.2.1", 200),
        ("192.0.2.2", 200),
        ("192.0.2.1", 429),
        ("203.0.113.5, 192.0.2.1", 429),
    ):
        answer = client.get("/jobs", headers={"X-Forwarded-For": header})
        assert answer.status_code == status


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("203.0.113.7:40001", "203.0.113.7:40002", True),
        ("203.0.113.7:40001", "203.0.113.7", True),
        ("203.0.113.7:40001", "203.0.113.8:40001", False),
        ("[2001:db8::1]:443", "2001:db8::1", True),
        ("[2001:db8::1]", '"[2001:db8::1]:443"', True),
        ("[2001:db8::1]:443", "[2001:db8:0:1::1]:443", False),
        ("[::ffff:203.0.113.7]:443", "203.0.113.7", True),
        ("fe80::1%eth0", "fe80::1", True),
        ("unknown", "_hidden:443", True),
        ("203.0.113.7:port", "[2001:db8::1", True),
        ("203.0.113.7:40001:1", "[203.0.113.7]x", True),
    ],
)
def test_the_port_of_a_client_does_not_count(
    make_api: ClientMaker, redis_url: str, one: str, other: str, is_same: bool
) -> None:
    client = make_api(redis_url=redis_url, rate_limit="1 per hour", trusted_proxies=1)
    statuses = [
        client.get("/jobs", headers={"X-Forwarded-For": header}).status_code
        for header in (one, other)
    ]
    assert statuses == [200, 429 if is_same else 200]


def test_an_invalid_address_is_logged_once(make_api: ClientMaker, redis_url: str) -> None:
    client = make_api(redis_url=redis_url, rate_limit="9 per hour", trusted_proxies=1)
    with capture_logs() as lines:
        for header in ("unknown", "203.0.113.7", "_other", "unknown"):
            client.get("/jobs", headers={"X-Forwarded-For": header})
    warnings = [line for line in lines if line["event"] == "invalid_client_address"]
    assert [line["given"] for line in warnings] == ["unknown"]


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/openapi.json", "/nothing"])
def test_what_is_open_is_not_limited(make_api: ClientMaker, redis_url: str, path: str) -> None:
    client = make_api(redis_url=redis_url, rate_limit="1 per hour")
    assert statuses(client, 2) == [200, 429]
    answer = client.get(path)
    assert answer.status_code != 429
    assert "RateLimit" not in answer.headers
    assert client.options("/jobs").status_code == 200


def test_without_a_limit_there_are_no_headers(make_api: ClientMaker, redis_url: str) -> None:
    answer = make_api(redis_url=redis_url).get("/jobs")
    assert {"RateLimit", "RateLimit-Policy"}.isdisjoint(answer.headers.keys())


def test_processes_count_together(make_api: ClientMaker, redis_url: str) -> None:
    one, other = (make_api(redis_url=redis_url, rate_limit="1 per hour") for _ in range(2))
    assert statuses(one, 1) == [200]
    assert statuses(other, 1) == [429]


def test_its_keys_are_named_as_all_others_and_expire(
    make_api: ClientMaker, redis_url: str, redis: Redis
) -> None:
    make_api(redis_url=redis_url, rate_limit="1 per minute", api_keys=KEYS).get(
        "/jobs", headers=KEY
    )
    [name] = redis.scan_iter("*")
    assert name.startswith(b"clip:rate:")
    assert KEY["X-API-Key"].encode() not in name
    assert 0 < redis.ttl(name) <= 60


def test_without_redis_the_limiter_says_so_and_health_goes_on(make_api: ClientMaker) -> None:
    client = make_api(redis_url=NOWHERE, rate_limit="100 per minute")
    answer = client.get("/jobs")
    assert (answer.status_code, answer.get_json()["code"]) == (503, "broker_away")
    assert "Retry-After" in answer.headers
    assert client.get("/healthz").status_code == 200
    assert client.get("/readyz").get_json()["redis"] is False


def test_redis_lost_while_a_request_waits_is_no_bug_of_ours(
    make_api: ClientMaker, tmp_path_factory: pytest.TempPathFactory
) -> None:
    server = EmbeddedValkey(tmp_path_factory.mktemp("l"))
    server.start()
    client = make_api(redis_url=server.url, rate_limit="9 per hour")
    body = {"queries": [{"text": "a"}], "candidates": [{"text": "b"}]}
    job = client.post("/rank?wait=0", json=body).headers["Location"]
    with Redis.from_url(server.url) as redis, ThreadPoolExecutor(1) as pool:
        [counter] = redis.scan_iter("clip:rate:*")
        waiting = pool.submit(client.get, f"{job}?wait=2")
        wait_until(lambda: redis.get(counter) == b"2", "the request is counted")
        server.kill()
        answer = waiting.result()
    assert (answer.status_code, answer.get_json()["code"]) == (503, "broker_away")
    assert "RateLimit" not in answer.headers


def test_after_an_outage_it_counts_again(
    make_api: ClientMaker, tmp_path_factory: pytest.TempPathFactory
) -> None:
    server = EmbeddedValkey(tmp_path_factory.mktemp("l"))
    server.start()
    client = make_api(redis_url=server.url, rate_limit="2 per hour")
    assert statuses(client, 1) == [200]
    server.stop()
    assert statuses(client, 3) == [503, 503, 503]
    server.start()
    assert statuses(client, 3) == [200, 200, 429]
    server.stop()


@pytest.mark.parametrize(
    "value", ["many", "10", "10 per fortnight", "0 per minute", "5 per 3 years", "1/s;"]
)
def test_a_wrong_limit_ends_the_process_and_names_the_variable(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], value: str
) -> None:
    monkeypatch.setenv("CLIP_RATE_LIMIT", value)
    with pytest.raises(SystemExit) as ended:
        read(ApiSettings)
    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith("CLIP_RATE_LIMIT: ")


def test_a_full_redis_limits_no_client(make_api: ClientMaker, redis_url: str, redis: Redis) -> None:
    """Otherwise no job could be cancelled or deleted, which frees memory."""
    client = make_api(redis_url=redis_url, rate_limit="2 per minute")
    redis.config_set("maxmemory", 1)
    try:
        statuses = {client.delete("/jobs/none").status_code for _ in range(4)}
    finally:
        redis.config_set("maxmemory", 0)
    assert statuses == {404}
