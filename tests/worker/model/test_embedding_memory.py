import numpy as np
import pytest
from redis import Redis

from common.cache.embeddings import (
    CacheBounds,
    Embedding,
    EmbeddingCache,
    image_key,
    space_of,
    text_key,
)
from common.protocol.messages import Item, ModelInfo
from worker.model.embedding_memory import CACHED_AGAIN_S, Memory, TextMemory

SPACE = space_of(ModelInfo("m", "r", dimension=3, logit_scale=99.5), "float32")
VECTOR = np.ones(3, dtype=np.float32)
TEXT = Item("text", "a cat", 1, required=True)
IMAGE = Item("blob", image_key(b"a cat").hex(), 1, required=True)
URL = Item("uri", "http://example.org/cat", 1, required=True)
ITEMS = [URL, IMAGE, TEXT]


@pytest.fixture
def cache(redis: Redis) -> EmbeddingCache:
    return EmbeddingCache(redis, CacheBounds(100, 60))


def memory(cache: EmbeddingCache, cached_again_s: float = CACHED_AGAIN_S) -> Memory:
    return Memory(TextMemory(10), cache, SPACE, cached_again_s)


def learn(memory: Memory) -> None:
    memory.keep_text(text_key(TEXT.value), Embedding(VECTOR, truncated=True))


def commands(redis: Redis) -> int:
    count: int = redis.info("stats")["total_commands_processed"]
    return count


def test_what_one_worker_encoded_another_knows(cache: EmbeddingCache) -> None:
    encoded = {text_key(TEXT.value): Embedding(VECTOR, truncated=True)}
    cache.store(SPACE, {**encoded, bytes.fromhex(IMAGE.value): Embedding(2 * VECTOR)})
    found = memory(cache).find(ITEMS)
    assert {index: each.vector.tolist() for index, each in found.items()} == {
        1: [2, 2, 2],
        2: [1, 1, 1],
    }
    assert found[2].truncated


def test_a_text_of_the_cache_is_remembered_without_it(cache: EmbeddingCache, redis: Redis) -> None:
    cache.store(SPACE, {text_key(TEXT.value): Embedding(VECTOR)})
    other = memory(cache)
    other.find([TEXT])
    redis.flushall()
    before = commands(redis)
    assert other.find([TEXT])[0].vector.tolist() == [1, 1, 1]
    assert commands(redis) == before + 1, "our own question"


def test_a_text_that_the_cache_lost_is_put_there_again(cache: EmbeddingCache, redis: Redis) -> None:
    forgetful = memory(cache, cached_again_s=0)
    learn(forgetful)
    redis.flushall()
    [found] = forgetful.find([TEXT]).values()
    assert found.truncated
    [cached] = cache.find(SPACE, [text_key(TEXT.value)])
    assert cached is not None
    assert cached.truncated


def test_a_single_interactive_item_is_not_looked_up_again(cache: EmbeddingCache) -> None:
    cache.store(SPACE, {text_key(TEXT.value): Embedding(VECTOR)})
    other = memory(cache)
    assert other.find([TEXT], is_interactive=True) == {}
    assert list(other.find([TEXT, IMAGE], is_interactive=True)) == [0]


def test_without_a_cache_texts_are_remembered_all_the_same(redis: Redis) -> None:
    alone = memory(EmbeddingCache(redis, CacheBounds(0, 60)), cached_again_s=0)
    learn(alone)
    before = commands(redis)
    assert list(alone.find(ITEMS)) == [2]
    assert alone.find_image(bytes.fromhex(IMAGE.value)) is None
    assert commands(redis) == before + 1, "our own question"
