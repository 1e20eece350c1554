"""Behind proxies, all links have the URL that the client used."""

import re
from typing import Any

import orjson
import pytest
from openapi_spec_validator import validate
from redis import Redis

from common.fleet.heartbeats import Heartbeat, Heartbeats
from common.protocol.messages import ModelInfo
from common.webhooks.outbox import Deliveries
from tests.conftest import ClientMaker

BODY = {"queries": [{"text": "a"}], "candidates": [{"text": "b"}]}
PROXIED = {
    "X-Forwarded-Prefix": "/clip",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Host": "images.example:8443",
}


def forwarded(**values: str) -> dict[str, str]:
    return {f"X-Forwarded-{name.title()}": value for name, value in values.items()}


def servers(make_api: ClientMaker, headers: dict[str, str], proxies: int = 1) -> list[str]:
    client = make_api(trusted_proxies=proxies)
    document = client.get("/openapi.json", headers={"Host": "api:3000", **headers}).get_json()
    return [server["url"] for server in document.get("servers", ())]


def test_a_job_is_below_the_prefix(make_api: ClientMaker, redis_url: str) -> None:
    client = make_api(redis_url=redis_url, trusted_proxies=1)
    accepted = client.post("/rank?wait=0", json=BODY, headers=PROXIED)
    own = accepted.headers["Location"]
    assert re.fullmatch("/clip/jobs/[0-9a-f]{32}", own)
    links = {"self": own, "cancel": f"{own}/cancel"}
    assert accepted.get_json()["links"] == links
    path = own.removeprefix("/clip")
    assert client.get(path, headers=PROXIED).get_json()["links"] == links
    [listed] = client.get("/jobs", headers=PROXIED).get_json()["jobs"]
    assert listed["links"] == links
    assert client.post(f"{path}/cancel", headers=PROXIED).get_json()["links"] == links


def test_the_event_of_a_job_is_below_the_prefix(
    make_api: ClientMaker, redis_url: str, redis: Redis
) -> None:
    client = make_api(redis_url=redis_url, trusted_proxies=1, webhook_secret=f"whsec_{'A' * 32}")
    body = {**BODY, "callback_url": "https://example.org/hook"}
    job = client.post("/rank?wait=0", json=body, headers=PROXIED).headers["Location"]
    client.post(f"{job.removeprefix('/clip')}/cancel")
    delivery = Deliveries(redis).read(job.rpartition("/")[2])
    assert delivery
    assert orjson.loads(delivery.links)["self"] == job


def test_a_job_that_continues_after_its_deadline_is_below_the_prefix(
    make_api: ClientMaker, redis_url: str, redis: Redis
) -> None:
    info = ModelInfo("one", "r", 2, 1.0)
    Heartbeats(redis, 60).beat(Heartbeat("idle", info, "cpu", "float32", 4, 0, 1.0))
    client = make_api(redis_url=redis_url, trusted_proxies=1, sync_timeout_s=0.2)
    answer = client.post("/encode", json=[{"text": "a"}], headers=PROXIED)
    assert answer.status_code == 504
    assert answer.headers["Location"].startswith("/clip/jobs/")


def test_a_label_set_is_below_the_prefix(make_client: ClientMaker) -> None:
    client = make_client(trusted_proxies=1)
    body = {"candidates": [{"text": "a hat"}]}
    answer = client.put("/label-sets/proxied", json=body, headers=PROXIED)
    client.delete("/label-sets/proxied")
    assert answer.headers["Location"] == "/clip/label-sets/proxied"


def test_the_document_names_the_server_that_the_client_used(make_api: ClientMaker) -> None:
    assert servers(make_api, PROXIED) == ["https://images.example:8443/clip"]
    assert servers(make_api, {}) == ["http://api:3000"]
    document = make_api(trusted_proxies=1).get("/openapi.json", headers=PROXIED).get_json()
    validate(document)


def test_without_a_trusted_proxy_the_headers_are_ignored(
    make_api: ClientMaker, redis_url: str
) -> None:
    assert servers(make_api, PROXIED, proxies=0) == []
    client = make_api(redis_url=redis_url)
    accepted = client.post("/rank?wait=0", json=BODY, headers=PROXIED)
    assert accepted.headers["Location"].startswith("/jobs/")
    assert b"<base" not in client.get("/", headers=PROXIED).data


@pytest.mark.parametrize(
    ("headers", "url"),
    [
        (forwarded(prefix="/clip/"), "http://api:3000/clip"),
        (forwarded(prefix="/a/b-c.d/~e"), "http://api:3000/a/b-c.d/~e"),
        (forwarded(prefix="/my%20images"), "http://api:3000/my%20images"),
        (forwarded(prefix="/bilder/%C3%BC"), "http://api:3000/bilder/%C3%BC"),
        (forwarded(prefix="/"), "http://api:3000"),
        (forwarded(proto="HTTPS"), "https://api:3000"),
        (forwarded(host="images.example"), "http://images.example"),
        (forwarded(host="images.example:443", proto="https"), "https://images.example"),
        (forwarded(host="[2001:db8::1]:8443"), "http://[2001:db8::1]:8443"),
    ],
)
def test_valid_values(make_api: ClientMaker, headers: dict[str, str], url: str) -> None:
    assert servers(make_api, headers) == [url]


@pytest.mark.parametrize(
    "headers",
    [
        *(forwarded(prefix=odd) for odd in ("clip", "//evil.example", "/a//b", "/../a", "/a b")),
        *(forwarded(prefix=odd) for odd in ("/%2F/evil.example", "/a%2fb", "/%2e%2e/a", "/a%5Cb")),
        *(forwarded(prefix=odd) for odd in ('/"><script>', "/a?b", "/a#b", "https://e.example/")),
        *(forwarded(proto=odd) for odd in ("javascript", "https:", "")),
        *(forwarded(host=odd) for odd in ("a b", "a/b", "user@a", "a:b", "[::1", "")),
    ],
)
def test_invalid_values_are_ignored(make_api: ClientMaker, headers: dict[str, str]) -> None:
    assert servers(make_api, headers) == ["http://api:3000"]


@pytest.mark.parametrize(
    ("proxies", "given", "scheme"),
    [
        (1, "https, http", "http"),
        (2, "https, http", "https"),
        (2, "https", "https"),
        (2, "https, http, http", "http"),
    ],
)
def test_of_several_proxies_the_first_trusted_counts(
    make_api: ClientMaker, proxies: int, given: str, scheme: str
) -> None:
    found = servers(make_api, forwarded(proto=given), proxies)
    assert found == [f"{scheme}://api:3000"]


def test_the_playground_finds_its_files_below_the_prefix(make_api: ClientMaker) -> None:
    client = make_api(trusted_proxies=1)
    page = client.get("/", headers=PROXIED)
    assert page.text.count('<base href="/clip/">') == 1
    scripts = re.findall(r'src="([^"]+\.js)"', page.text)
    assert scripts
    assert not [each for each in scripts if each.startswith("/")], "they are below the base"
    policy = page.headers["Content-Security-Policy"]
    assert "base-uri 'self'" in policy
    again = client.get("/", headers={**PROXIED, "If-None-Match": page.headers["ETag"]})
    assert again.status_code == 304
    assert client.get("/", headers={"If-None-Match": page.headers["ETag"]}).status_code == 200


def test_the_prefix_does_not_change_routing(make_api: ClientMaker) -> None:
    """The proxy has removed the prefix from the path."""
    client = make_api(trusted_proxies=1)
    answers: list[Any] = [
        client.get(path, headers=PROXIED).status_code for path in ("/healthz", "/clip/healthz")
    ]
    assert answers == [200, 404]
