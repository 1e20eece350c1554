"""Lists of candidates that come again: answered alike, and encoded no more."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import orjson
import pytest
from flask.testing import FlaskClient
from redis import Redis

from common.jobs import job_key
from common.label_sets import LabelSetStore, LabelSetVersion
from common.protocol import ModelInfo, PartAbout, PartResult
from common.unnamed_sets import MOST_BYTES
from tests.conftest import ClientMaker
from tests.faults.deployment import Deployment, deployed
from tests.pictures import blob, picture_item

LIST = [{"text": "x" * (number % 8 + 1) + "y" * (number // 8)} for number in range(20)]
PICTURES = [picture_item(seed) for seed in range(2)]
MINE = {"X-API-Key": "my-key-0123456789abcdef"}
YOURS = {"X-API-Key": "your-key-0123456789abcdef"}
LONGEST_S = 90_300


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """With a fake model, which makes the same bytes however its batches fall."""
    with deployed(tmp_path_factory.mktemp("r"), model="fake") as deployment:
        yield deployment


@pytest.fixture
def redis(deployment: Deployment) -> Iterator[Redis]:
    with deployment.redis() as client:
        client.delete(*client.scan_iter("clip:label*"), "nothing")
        yield client


Make = Callable[..., FlaskClient]


@pytest.fixture
def make(redis: Redis, deployment: Deployment, make_api: ClientMaker) -> Make:
    """An API process that has seen no list yet."""
    assert redis.ping()
    return lambda **settings: make_api(redis_url=deployment.valkey.url, **settings)


@pytest.fixture
def client(make: Make) -> FlaskClient:
    return make()


def rank(client: FlaskClient, path: str = "/rank", headers: Any = None, **body: Any) -> Any:
    body = {"queries": PICTURES, "candidates": LIST, **body}
    return client.post(path, json=body, headers=headers or {})


def encoded(redis: Redis, answer: Any) -> str:
    """The kinds of the items that were encoded for a request."""
    job = answer.headers["X-Job-Id"]
    kinds: str = orjson.loads(redis.hget(job_key(job), "request") or "")["kinds"]
    return kinds


def is_short(redis: Redis, answer: Any) -> bool:
    """Whether just the two pictures were encoded for a request."""
    assert answer.status_code == 200, answer.data
    return encoded(redis, answer) == "bb"


def kept(redis: Redis) -> list[bytes]:
    return list(redis.scan_iter("clip:label*"))


def repeat(client: FlaskClient, times: int = 3, **body: Any) -> list[Any]:
    return [rank(client, **body) for _ in range(times)]


@pytest.mark.parametrize("options", [{}, {"temperature": 3, "top_k": 2, "activation": "none"}])
@pytest.mark.parametrize("templates", [None, ["a {}"], ["a {}", "{}", "{} and more"]])
def test_from_the_third_time_on_only_queries_are_encoded(
    client: FlaskClient, make: Make, redis: Redis, options: Any, templates: Any
) -> None:
    candidates = [*LIST, LIST[0]]
    body = {"candidates": candidates, "templates": templates, **options}
    answers = repeat(client, 4, **body)
    plain = rank(make(max_kept_lists=0), **body)
    assert [is_short(redis, answer) for answer in answers] == [False, False, True, True]
    assert not is_short(redis, plain)
    assert {answer.data for answer in answers} == {plain.data}
    assert {*map(tuple, (sorted(answer.headers.keys()) for answer in answers))} == {
        tuple(sorted(plain.headers.keys()))
    }


def test_other_pictures_find_the_same_list(client: FlaskClient, make: Make, redis: Redis) -> None:
    repeat(client, 2)
    queries = [picture_item(7), picture_item(8), {"text": "y"}]
    answer = rank(client, queries=queries)
    assert encoded(redis, answer) == "bbt"
    assert answer.data == rank(make(), queries=queries).data


def test_a_list_that_comes_once_leaves_nothing(client: FlaskClient, redis: Redis) -> None:
    for number in range(3):
        rank(client, candidates=[*LIST, {"text": f"list {number}"}])
        rank(client, template=f"{number} {{}}")
    assert kept(redis) == []


@pytest.mark.parametrize(
    "candidates",
    [
        LIST[:15],
        [*LIST, PICTURES[0]],
        [{**item, "img_uri": None} for item in LIST],
        [{"text": f"{number} {'x' * 2000}"} for number in range(MOST_BYTES // 2000)],
    ],
    ids=["few", "a picture", "other keys", "large"],
)
def test_few_large_and_other_lists_are_not_kept(
    client: FlaskClient, redis: Redis, candidates: Any
) -> None:
    answers = repeat(client, candidates=candidates)
    assert not any(is_short(redis, answer) for answer in answers)
    assert kept(redis) == []


def test_none_are_kept_where_none_may_be(make: Make, redis: Redis) -> None:
    answers = repeat(make(max_kept_lists=0))
    assert not any(is_short(redis, answer) for answer in answers)
    assert kept(redis) == []


def test_an_owner_has_so_many_kept(make: Make, redis: Redis) -> None:
    client = make(max_kept_lists=1)
    first = repeat(client)
    others = repeat(client, candidates=LIST[::-1])
    assert is_short(redis, first[-1])
    assert not any(is_short(redis, answer) for answer in others)
    redis.zremrangebyscore("clip:label-lists:", 0, "inf")  # as if the time of the first were over
    others = repeat(client, candidates=LIST[::-1])
    assert [is_short(redis, answer) for answer in others] == [False, True, True]


def test_what_is_kept_expires_unless_it_is_used(client: FlaskClient, redis: Redis) -> None:
    repeat(client)
    keys = kept(redis)
    assert len(keys) == 4
    for key in keys:
        redis.expire(key, 10)
    rank(client)
    assert all(LONGEST_S - 100 < redis.ttl(key) <= LONGEST_S for key in keys)


def test_texts_that_were_cut_are_told_alike(client: FlaskClient, redis: Redis) -> None:
    long = {"text": "z" * 20}
    body: Any = {
        "queries": [long, *PICTURES],
        "candidates": [*LIST[:3], long, *LIST],
        "templates": ["{}", "{}a"],
    }
    answers = repeat(client, path="/rank?wait=30", **body)
    assert encoded(redis, answers[-1]) == "tbb"
    [told] = {answer.headers["X-Truncated-Texts"] for answer in answers}
    jobs = [client.get(f"/jobs/{answer.headers['X-Job-Id']}").get_json() for answer in answers]
    assert jobs[0]["truncated"] == jobs[1]["truncated"] == jobs[2]["truncated"]
    assert len(jobs[0]["truncated"]) == int(told)
    assert {"/candidates/3/text", "/queries/0/text"} <= set(jobs[0]["truncated"])


def test_jobs_are_answered_alike_wherever_they_are_read(
    client: FlaskClient, make: Make, redis: Redis
) -> None:
    documents = []
    for reader in (client, make(), make(), client):
        answer = rank(client, "/rank?wait=0")
        assert (answer.status_code, "X-Label-Set" in answer.headers) == (202, False)
        documents.append(reader.get(answer.headers["Location"] + "?wait=30").get_json())
        assert "X-Label-Set" not in answer.headers
    assert encoded(redis, answer) == "bb"
    assert {orjson.dumps(document["result"]) for document in documents} == {
        orjson.dumps(documents[0]["result"])
    }
    assert {tuple(document) for document in documents} == {tuple(documents[0])}
    assert "label_set" not in documents[0]


def test_a_job_that_nobody_read_leaves_the_next_one_plain(
    client: FlaskClient, redis: Redis
) -> None:
    for _ in range(4):
        answer = rank(client, "/rank?wait=0")
        assert len(encoded(redis, answer)) == len(LIST) + 2
    client.get(answer.headers["Location"] + "?wait=30")
    assert is_short(redis, rank(client))


def test_another_process_needs_to_see_a_list_twice(
    client: FlaskClient, make: Make, redis: Redis
) -> None:
    repeat(client)
    answers = repeat(make())
    assert [is_short(redis, answer) for answer in answers] == [False, False, True]


LOST = {
    "embeddings": ["clip:label-vectors:*"],
    "models": ["clip:label-models:*"],
    "content": ["clip:label-content:*"],
    "all": ["clip:label*"],
}


@pytest.mark.parametrize("name", LOST)
def test_what_was_lost_is_made_anew(client: FlaskClient, redis: Redis, name: str) -> None:
    expected = repeat(client)[-1].data
    for key in [key for pattern in LOST[name] for key in redis.scan_iter(pattern)]:
        redis.delete(key)
    answers = repeat(client, 2)
    assert [answer.data for answer in answers] == [expected] * 2
    assert [is_short(redis, answer) for answer in answers] == [False, True]


def test_embeddings_lost_before_a_job_is_read_are_made_anew(
    client: FlaskClient, make: Make, redis: Redis
) -> None:
    expected = repeat(client)[-1].get_json()
    location = rank(client, "/rank?wait=0").headers["Location"]
    client.get(f"{location}?wait=30")
    redis.delete(*redis.scan_iter("clip:label-vectors:*"))
    assert make().get(location).get_json()["result"] == expected
    assert len(list(redis.scan_iter("clip:label-vectors:*"))) == 1


def test_many_at_once_are_answered_alike(client: FlaskClient) -> None:
    app = client.application
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: rank(app.test_client()), range(32)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.data for answer in answers}) == 1


def test_the_embeddings_of_another_revision_are_not_used(
    client: FlaskClient, make: Make, redis: Redis
) -> None:
    expected = repeat(client)[-1].data
    [content] = redis.scan_iter("clip:label-content:*")
    version = content.decode().rpartition(":")[2]
    redis.delete(*redis.scan_iter("clip:label-[vm]*"))
    old = PartAbout(ModelInfo("fake", "old", 2, 1.0))
    store = LabelSetStore(redis, most=1, grace_s=100)
    vectors = np.ones((len(LIST), 2), dtype=np.float32)
    store.add("", LabelSetVersion(".", version), PartResult(vectors, old))
    fresh = make()
    answers = repeat(fresh)
    assert {answer.data for answer in answers} == {expected}


def test_each_model_has_embeddings_of_its_own(
    tmp_path_factory: pytest.TempPathFactory, make_api: ClientMaker
) -> None:
    models = "one,two"
    with deployed(tmp_path_factory.mktemp("t"), workers=0, models=models) as service:
        for model in ("one", "two"):
            service.add_worker(model=model, models=models)
        client = make_api(redis_url=service.valkey.url, models=models)
        with service.redis() as redis:
            assert [is_short(redis, each) for each in repeat(client)] == [False, False, True]
            named = repeat(client, model="two")
            assert [is_short(redis, each) for each in named] == [False, True, True]
            by_query = rank(client, "/rank?model=two")
            assert is_short(redis, by_query)
            assert len(list(redis.scan_iter("clip:label-vectors:*"))) == 2
        job = client.get(f"/jobs/{by_query.headers['X-Job-Id']}").get_json()
        assert job["model"]["name"] == "two"


def test_owners_share_nothing(make: Make, redis: Redis) -> None:
    client = make(api_keys=" ".join([*MINE.values(), *YOURS.values()]))
    repeat(client, headers=MINE)
    answers = repeat(client, headers=YOURS)
    assert [is_short(redis, answer) for answer in answers] == [False, False, True]
    assert len(list(redis.scan_iter("clip:label-content:*"))) == 2


def test_no_label_set_is_seen_of_it(make: Make) -> None:
    client = make(max_label_sets=1)
    repeat(client)
    assert client.get("/label-sets").get_json() == {"label_sets": []}
    assert client.get("/label-sets/.").status_code == 404
    assert client.put("/label-sets/.", json={"candidates": LIST}).status_code in (404, 422)
    assert client.delete("/label-sets/.").status_code == 404
    body = {"queries": PICTURES, "label_set": "."}
    assert client.post("/rank", json=body).status_code == 422
    assert client.put("/label-sets/a", json={"candidates": LIST}).status_code == 201


DEEP = orjson.loads("[" * 300 + "]" * 300)
BAD: dict[str, dict[str, Any]] = {
    "a candidate": {"candidates": [*LIST[:3], {"text": 1}, *LIST]},
    "a long candidate": {"candidates": [*LIST[:3], {"text": "x" * 20_001}, *LIST]},
    "a deep candidate": {"candidates": [*LIST[:3], {"text": DEEP}, *LIST]},
    "a candidate of another key": {"candidates": [*LIST, {"img_url": "a"}]},
    "a string for a candidate": {"candidates": [*LIST, "text"]},
    "a number for a candidate": {"candidates": [*LIST, 1]},
    "too many candidates": {"candidates": LIST * 51},
    "a template": {"templates": ["{}", "a"]},
    "templates of another type": {"templates": 1},
    "a long template": {"template": "{}" + "x" * 20_000},
    "both kinds of templates": {"template": "{}", "templates": ["{}"]},
    "a query": {"queries": [*PICTURES, {"text": 1}]},
    "a broken picture": {"queries": [*PICTURES, blob(b"not a picture")]},
    "no queries": {"queries": []},
    "an unknown key": {"template_": "a"},
    "an unknown activation": {"activation": "a"},
    "an unknown model": {"model": "a"},
    "a model of another type": {"model": DEEP},
    "a label set": {"label_set": "a"},
}


@pytest.mark.parametrize("name", BAD)
def test_faults_are_told_alike(client: FlaskClient, make: Make, name: str) -> None:
    repeat(client)
    expected = rank(make(max_kept_lists=0), **BAD[name])
    answers = repeat(client, **BAD[name])
    assert expected.status_code == 422
    assert {(answer.status_code, answer.data) for answer in answers} == {(422, expected.data)}


def test_a_failing_query_is_told_alike(client: FlaskClient, make: Make, redis: Redis) -> None:
    body: Any = {"queries": [*PICTURES, blob(b"not a picture")], "allow_partial": True}
    repeat(client)
    answer = rank(client, **body)
    assert encoded(redis, answer) == "bbb"
    assert answer.data == rank(make(), **body).data


def test_an_idempotency_key_still_finds_its_job(client: FlaskClient, redis: Redis) -> None:
    key = {"Idempotency-Key": f"k{redis.time()}"}
    answers = repeat(client, headers=key)
    assert len({answer.headers["X-Job-Id"] for answer in answers}) == 1
    assert len({answer.data for answer in answers}) == 1


def test_what_others_write_there_stops_no_answer(client: FlaskClient, redis: Redis) -> None:
    expected = repeat(client)[-1].data
    for pattern in ("lists", "models", "content"):
        for key in list(redis.scan_iter(f"clip:label-{pattern}*")):
            redis.delete(key)
            redis.set(key, "something else")
        assert {answer.data for answer in repeat(client)} == {expected}
