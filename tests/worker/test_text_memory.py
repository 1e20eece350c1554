from concurrent.futures import Future

import numpy as np

from common.protocol import Vectors
from worker.memory import TextMemory


def encoded(number: float) -> Future[Vectors]:
    answer: Future[Vectors] = Future()
    answer.set_result(np.full(3, number, dtype=np.float32))
    return answer


def test_what_was_encoded_is_known() -> None:
    memory = TextMemory(10)
    memory.learn(b"a", encoded(1), truncated=True)
    [known, unknown] = memory.find([b"a", b"b"])
    assert known is not None
    embedding = known.embedding
    assert (embedding.vector.tolist(), embedding.truncated) == ([1, 1, 1], True)
    assert unknown is None


def test_what_was_not_used_for_longest_is_forgotten() -> None:
    memory = TextMemory(2)
    for key in (b"a", b"b"):
        memory.learn(key, encoded(1), truncated=False)
    memory.find([b"a"])
    memory.learn(b"c", encoded(1), truncated=False)
    assert [known is None for known in memory.find([b"a", b"b", b"c"])] == [False, True, False]


def test_what_failed_or_was_cancelled_is_not_learnt() -> None:
    memory = TextMemory(2)
    failed: Future[Vectors] = Future()
    failed.set_exception(ValueError())
    cancelled: Future[Vectors] = Future()
    cancelled.cancel()
    for answer in (failed, cancelled):
        memory.learn(b"a", answer, truncated=False)
    assert memory.find([b"a"]) == [None]


def test_none_are_kept_where_none_are_wanted() -> None:
    memory = TextMemory(0)
    memory.learn(b"a", encoded(1), truncated=False)
    assert memory.find([b"a"]) == [None]


def test_a_row_does_not_keep_its_batch_in_memory() -> None:
    memory = TextMemory(1)
    batch = np.zeros((100, 3), dtype=np.float32)
    answer: Future[Vectors] = Future()
    answer.set_result(batch[7])
    memory.learn(b"a", answer, truncated=False)
    [known] = memory.find([b"a"])
    assert known is not None
    assert known.embedding.vector.base is None
