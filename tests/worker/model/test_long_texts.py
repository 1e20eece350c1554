"""Texts are tokenized in runs of so many characters, and encoded in batches of so many tokens."""

from collections.abc import Sequence

from redis import Redis

from common.protocol.messages import Item
from tests.worker.fake_encoder import FakeEncoder
from tests.worker.runners import run, running, text
from worker.model.encoder import PreparedText, runs_of

LONG = 20_000


class WideEncoder(FakeEncoder):
    """Has a context in which long texts stay long, and tells what it was given at once."""

    def __init__(self) -> None:
        super().__init__()
        self.runs: list[int] = []
        self.padded: list[int] = []

    def prepare_texts(self, texts: Sequence[str]) -> list[PreparedText]:
        self.runs.append(sum(map(len, texts)))
        return [PreparedText((0,) * min(len(text), 512), truncated=False) for text in texts]

    def encode_texts(self, texts: Sequence[PreparedText]) -> list[list[float]]:  # type: ignore[override]
        self.padded.append(len(texts) * max(len(text.ids) for text in texts))
        return [[1, 2, 3, 0] for _ in texts]


def long_texts(count: int) -> list[Item]:
    return [text(f"{number} ".ljust(LONG, "x")) for number in range(count)]


def test_a_part_of_long_texts_is_tokenized_and_encoded_in_bounded_steps(redis: Redis) -> None:
    encoder = WideEncoder()
    with running(redis, encoder) as runner:
        stored = run(runner, "one", long_texts(50))
    assert stored.vectors.tolist() == [[1, 2, 3, 0]] * 50
    assert encoder.runs == [LONG] * 50, "each alone"
    assert max(encoder.padded) <= 64 * 16, "as many tokens as 64 ordinary texts have"


def test_runs_hold_all_texts_in_order() -> None:
    texts = ["a" * 3, "b" * 3, "c" * 9, "d", "e" * 5]
    assert list(runs_of(texts, 6)) == [texts[:2], texts[2:3], texts[3:]]
    assert list(runs_of([], 6)) == []


def test_a_text_weighs_what_it_is_padded_to() -> None:
    weights = [PreparedText((0,) * count, truncated=False).weight for count in (0, 1, 16, 17, 77)]
    assert weights == [1, 1, 1, 2, 5]
    assert PreparedText((0,), truncated=False, padded_to=64).weight == 4
