import hashlib
from collections.abc import Iterable
from dataclasses import replace
from typing import cast, get_args

import numpy as np
import pytest
from redis import Redis
from structlog.testing import capture_logs

from common.cache.embeddings import (
    CacheBounds,
    Embedding,
    EmbeddingCache,
    Space,
    image_key,
    key_of,
    space_of,
    text_key,
)
from common.protocol.messages import Alpha, Item, ModelInfo
from common.redis import connection
from tests.processes import free_port, wait_until

MODEL = ModelInfo("m", "r", dimension=3, logit_scale=99.5)
SPACE = space_of(MODEL, "float32")
BOUNDS = CacheBounds(max_embeddings=20, ttl_s=60)


@pytest.fixture
def cache(redis: Redis) -> EmbeddingCache:
    return EmbeddingCache(redis, BOUNDS)


def embedding(number: float, *, truncated: bool = False) -> Embedding:
    return Embedding(np.full(3, number, dtype=np.float32), truncated)


def keys(count: int) -> list[bytes]:
    return [text_key(f"text {number}") for number in range(count)]


def numbers(found: Iterable[Embedding | None]) -> list[float | None]:
    return [None if each is None else float(each.vector[0]) for each in found]


def fields(redis: Redis, generation: str) -> set[bytes]:
    return set(cast("list[bytes]", redis.hkeys(f"clip:emb:{SPACE.name}:{generation}")))


def entries(redis: Redis) -> int:
    return len(fields(redis, "new")) + len(fields(redis, "old"))


def test_what_was_stored_is_found_to_the_last_bit(cache: EmbeddingCache) -> None:
    vector = np.random.default_rng(1).normal(size=3).astype(np.float32)
    image = image_key(b"an image")
    cache.store(SPACE, {image: Embedding(vector), keys(1)[0]: embedding(2, truncated=True)})
    [found, text, unknown] = cache.find(SPACE, [image, *keys(2)])
    assert found is not None
    assert found.vector.tobytes() == vector.tobytes()
    assert not found.truncated
    assert text is not None
    assert text.truncated
    assert unknown is None


def test_an_image_that_is_not_opaque_is_found_so(cache: EmbeddingCache) -> None:
    cache.store(SPACE, {keys(1)[0]: replace(embedding(1), transparent=True)})
    [found] = cache.find(SPACE, keys(1))
    assert found is not None
    assert (found.transparent, found.truncated) == (True, False)


def test_a_text_is_found_with_its_number_of_tokens(cache: EmbeddingCache) -> None:
    cache.store(SPACE, {keys(1)[0]: replace(embedding(1), tokens=77)})
    [found] = cache.find(SPACE, keys(1))
    assert found is not None
    assert found.tokens == 77


def test_an_image_has_an_embedding_for_each_background() -> None:
    items = [Item("blob", "ab" * 32, 1, required=True, alpha=each) for each in get_args(Alpha)]
    assert len({key_of(item) for item in items}) == 3
    content = b"an image"
    digest = hashlib.sha256(content).hexdigest()
    for alpha in get_args(Alpha):
        item = Item("blob", digest, 1, required=True, alpha=alpha)
        assert key_of(item) == image_key(content, alpha)


def test_there_are_never_more_than_allowed(cache: EmbeddingCache, redis: Redis) -> None:
    stored = keys(3 * BOUNDS.max_embeddings)
    for number, key in enumerate(stored):
        cache.store(SPACE, {key: embedding(number)})
        assert entries(redis) <= BOUNDS.max_embeddings
    cache.store(SPACE, {key: embedding(1) for key in keys(3 * BOUNDS.max_embeddings)})
    assert entries(redis) <= BOUNDS.max_embeddings
    assert numbers(cache.find(SPACE, stored[-1:])) == [1]


def test_lookups_never_make_more_of_them_than_allowed(cache: EmbeddingCache, redis: Redis) -> None:
    stored = keys(20)
    cache.store(SPACE, {key: embedding(1) for key in stored})
    for _ in range(3):
        cache.find(SPACE, stored)
        assert entries(redis) <= BOUNDS.max_embeddings


def test_both_generations_are_read(cache: EmbeddingCache, redis: Redis) -> None:
    stored = keys(15)
    for number, key in enumerate(stored):
        cache.store(SPACE, {key: embedding(number)})
    assert fields(redis, "old") == set(stored[:10])
    assert numbers(cache.find(SPACE, stored)) == list(range(15))


def test_what_is_used_outlives_what_is_not(cache: EmbeddingCache) -> None:
    used, unused = text_key("used"), text_key("unused")
    cache.store(SPACE, {used: embedding(1), unused: embedding(2)})
    for number, key in enumerate(keys(3 * BOUNDS.max_embeddings)):
        cache.store(SPACE, {key: embedding(number)})
        cache.find(SPACE, [used])
    assert numbers(cache.find(SPACE, [used, unused])) == [1, None]


def test_more_than_a_few_are_found_in_order(redis: Redis) -> None:
    cache = EmbeddingCache(redis, CacheBounds(10_000, 60))
    stored = keys(1000)
    cache.store(SPACE, {key: embedding(n) for n, key in enumerate(stored) if n % 7})
    found = numbers(cache.find(SPACE, stored))
    assert found == [n if n % 7 else None for n in range(1000)]


@pytest.mark.parametrize(
    "other",
    [
        space_of(MODEL, "float16"),
        space_of(replace(MODEL, revision="s"), "float32"),
        space_of(replace(MODEL, name="n"), "float32"),
        space_of(replace(MODEL, logit_scale=99.0), "float32"),
        space_of(MODEL, "float32", jpeg_draft=True),
        space_of(MODEL, "float32", exif_orientation=False),
    ],
)
def test_spaces_share_nothing(cache: EmbeddingCache, other: Space) -> None:
    cache.store(SPACE, {keys(1)[0]: embedding(1)})
    assert cache.find(other, keys(1)) == [None]


def test_another_version_of_the_preprocessing_shares_nothing(
    cache: EmbeddingCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache.store(SPACE, {keys(1)[0]: embedding(1)})
    monkeypatch.setattr("common.cache.embeddings.PREPROCESSING_VERSION", -1)
    assert cache.find(space_of(MODEL, "float32"), keys(1)) == [None]


def test_an_image_whose_bytes_are_a_text_is_not_the_text() -> None:
    assert image_key(b"a cat") != text_key("a cat")


def test_a_text_in_templates_is_no_plain_text_and_none_in_other_templates() -> None:
    spellings = [("b", "a {}", "{}"), ("b", "{}", "a {}"), ("b", "{}"), ("b",), ("a", "b {}", "{}")]
    spellings += [(repr(["b", "{}"]),), ('["b","{}"]',), ("b{}",)]
    keys = {text_key(text, templates) for text, *templates in spellings}
    assert len(keys) == len(spellings)


@pytest.mark.parametrize("value", [b"", bytes(12), bytes(14)])
def test_a_corrupt_value_is_logged_as_a_miss_and_makes_way(
    cache: EmbeddingCache, redis: Redis, value: bytes
) -> None:
    redis.hset(f"clip:emb:{SPACE.name}:old", keys(1)[0], value)
    with capture_logs() as logs:
        assert cache.find(SPACE, keys(1)) == [None]
    assert [line["event"] for line in logs] == ["corrupt_record"]
    cache.store(SPACE, {keys(1)[0]: embedding(5)})
    assert numbers(cache.find(SPACE, keys(1))) == [5]


def test_a_vector_that_is_not_finite_is_not_stored(cache: EmbeddingCache, redis: Redis) -> None:
    cache.store(SPACE, {keys(1)[0]: embedding(np.nan)})
    assert entries(redis) == 0


def test_without_redis_everything_is_a_miss() -> None:
    away = connection.fail_fast(f"redis://127.0.0.1:{free_port()}", max_connections=1)
    cache = EmbeddingCache(away, BOUNDS)
    assert cache.find(SPACE, keys(2)) == [None, None]
    cache.store(SPACE, {keys(1)[0]: embedding(5)})


def test_an_unused_space_is_forgotten_and_use_prolongs_it(redis: Redis) -> None:
    cache = EmbeddingCache(redis, CacheBounds(20, 60))
    stored = keys(15)
    for key in stored:
        cache.store(SPACE, {key: embedding(1)})
    for generation in ("new", "old"):
        redis.expire(f"clip:emb:{SPACE.name}:{generation}", 5)
    cache.find(SPACE, stored[-1:])
    assert redis.ttl(f"clip:emb:{SPACE.name}:new") > 5
    assert redis.ttl(f"clip:emb:{SPACE.name}:old") > 5
    EmbeddingCache(redis, CacheBounds(20, 1)).find(SPACE, stored)
    wait_until(lambda: entries(redis) == 0, "the space is forgotten", 5)


@pytest.mark.parametrize("max_embeddings", [0, 1])
def test_redis_is_not_asked_where_the_cache_is_off(redis: Redis, max_embeddings: int) -> None:
    cache = EmbeddingCache(redis, CacheBounds(max_embeddings, 60))
    before = redis.info("stats")["total_commands_processed"]
    cache.store(SPACE, {keys(1)[0]: embedding(1)})
    assert cache.find(SPACE, keys(1)) == [None]
    assert redis.info("stats")["total_commands_processed"] == before + 1, "our own question"
