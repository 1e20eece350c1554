"""Finished embeddings are cached in the same step."""

import numpy as np
import pytest
from redis import Redis

from common.cache.embeddings import CacheBounds, Embedding, EmbeddingCache, space_of, text_key
from common.ledger.jobs import Ledger
from common.protocol.messages import PartAbout, PartResult
from tests.common.ledger.test_jobs import IMAGE, MODEL, TEXT, create, new_job

SPACE = space_of(MODEL, "float32")
KEYS = [text_key("one"), text_key("two"), text_key("three")]
VECTORS = np.random.default_rng(1).normal(size=(3, 2)).astype(np.float32)


@pytest.fixture
def cache(redis: Redis) -> EmbeddingCache:
    return EmbeddingCache(redis, CacheBounds(max_embeddings=20, ttl_s=60))


def finish(ledger: Ledger, cache: EmbeddingCache, rows: dict[bytes, int]) -> bool:
    result = PartResult(VECTORS, PartAbout(MODEL, truncated=(2,)))
    cached = cache.entries(SPACE, result, rows)
    return ledger.finish("j", 0, [TEXT, IMAGE], result, cached)


def found(cache: EmbeddingCache) -> list[Embedding | None]:
    return cache.find(SPACE, KEYS)


def test_embeddings_are_cached_to_the_last_bit(ledger: Ledger, cache: EmbeddingCache) -> None:
    create(ledger, new_job())
    assert finish(ledger, cache, {KEYS[2]: 2, KEYS[0]: 1})
    one, two, three = found(cache)
    assert one is not None
    assert three is not None
    assert two is None
    assert (one.vector.tobytes(), one.truncated) == (VECTORS[1].tobytes(), False)
    assert (three.vector.tobytes(), three.truncated) == (VECTORS[2].tobytes(), True)


def test_what_was_transparent_stays_so(ledger: Ledger, cache: EmbeddingCache) -> None:
    create(ledger, new_job())
    about = PartAbout(MODEL, truncated=(0, 2), transparent=(1, 2))
    shared = cache.entries(SPACE, PartResult(VECTORS, about), {KEYS[n]: n for n in range(3)})
    assert ledger.finish("j", 0, [TEXT, IMAGE], PartResult(VECTORS, about), shared)
    told = [(each.truncated, each.transparent) for each in found(cache) if each]
    assert told == [(True, False), (False, True), (True, True)]


def test_the_tokens_of_texts_are_cached(ledger: Ledger, cache: EmbeddingCache) -> None:
    create(ledger, new_job())
    about = PartAbout(MODEL, truncated=(2,), tokens=(7, 0, 70_000))
    shared = cache.entries(SPACE, PartResult(VECTORS, about), {KEYS[n]: n for n in range(3)})
    assert ledger.finish("j", 0, [TEXT, IMAGE], PartResult(VECTORS, about), shared)
    assert [(each.tokens, each.truncated) for each in found(cache) if each] == [
        (7, False),
        (0, False),
        (70_000, True),
    ]


def test_the_result_of_a_cancelled_job_is_cached_all_the_same(
    ledger: Ledger, cache: EmbeddingCache
) -> None:
    create(ledger, new_job())
    ledger.stop("j", "cancelled", "")
    assert not finish(ledger, cache, {KEYS[0]: 0})
    assert found(cache)[0] is not None


def test_what_is_not_finite_is_not_cached(cache: EmbeddingCache) -> None:
    result = PartResult(np.full((1, 2), np.nan, dtype=np.float32), PartAbout(MODEL))
    assert cache.entries(SPACE, result, {KEYS[0]: 0}) is None


def test_without_a_cache_there_are_no_entries(redis: Redis) -> None:
    off = EmbeddingCache(redis, CacheBounds(max_embeddings=0, ttl_s=60))
    assert off.entries(SPACE, PartResult(VECTORS, PartAbout(MODEL)), {KEYS[0]: 0}) is None
