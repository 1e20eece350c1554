import numpy as np

from common.cache.embeddings import Embedding
from worker.model.embedding_memory import TextMemory

EMBEDDING = Embedding(np.ones(3, dtype=np.float32), truncated=True)


def test_what_was_encoded_is_known() -> None:
    memory = TextMemory(10)
    memory.keep(b"a", EMBEDDING)
    [known, unknown] = memory.find([b"a", b"b"])
    assert known is not None
    embedding = known.embedding
    assert (embedding.vector.tolist(), embedding.truncated) == ([1, 1, 1], True)
    assert unknown is None


def test_what_was_not_used_for_longest_is_forgotten() -> None:
    memory = TextMemory(2)
    for key in (b"a", b"b"):
        memory.keep(key, EMBEDDING)
    memory.find([b"a"])
    memory.keep(b"c", EMBEDDING)
    assert [known is None for known in memory.find([b"a", b"b", b"c"])] == [False, True, False]


def test_none_are_kept_where_none_are_wanted() -> None:
    memory = TextMemory(0)
    memory.keep(b"a", EMBEDDING)
    assert memory.find([b"a"]) == [None]


def test_a_row_does_not_keep_its_batch_in_memory() -> None:
    memory = TextMemory(1)
    batch = np.zeros((100, 3), dtype=np.float32)
    memory.keep(b"a", Embedding(batch[7]))
    [known] = memory.find([b"a"])
    assert known is not None
    assert known.embedding.vector.base is None
