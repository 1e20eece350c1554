"""Batches in pieces: the numbers of the whole, in the same order, and the same errors."""

import threading
from collections.abc import Sequence

import numpy as np
import pytest

from common.protocol.messages import Vectors
from tests.images import noise
from tests.processes import DEMO_MODEL
from worker.images.decode import DecodedImage
from worker.model.checkpoint import open_checkpoint
from worker.model.clip_encoder import ClipEncoder
from worker.model.cpu.split import split_over_cores
from worker.model.encoder import OutOfMemory
from worker.model.source import Source


def rows(items: Sequence[int]) -> Vectors:
    return np.array([[item, len(items)] for item in items], dtype=np.float32)


@pytest.mark.parametrize(
    ("count", "pieces", "lengths"), [(6, 2, {3}), (7, 2, {4, 3}), (3, 4, {1}), (9, 4, {3})]
)
def test_all_items_come_out_in_their_order(count: int, pieces: int, lengths: set[int]) -> None:
    found = split_over_cores(rows, range(count), pieces)
    assert found[:, 0].tolist() == list(range(count))
    assert set(found[:, 1]) == lengths


def test_pieces_are_encoded_at_once() -> None:
    together = threading.Barrier(3, timeout=10)

    def encode(items: Sequence[int]) -> Vectors:
        together.wait()
        return rows(items)

    assert len(split_over_cores(encode, range(6), 3)) == 6


def test_what_one_piece_raises_is_raised() -> None:
    def encode(items: Sequence[int]) -> Vectors:
        if 5 in items:
            raise OutOfMemory
        return rows(items)

    with pytest.raises(OutOfMemory):
        split_over_cores(encode, range(6), 2)


def test_a_model_gives_the_same_numbers_in_pieces() -> None:
    encoder = ClipEncoder(open_checkpoint(Source(str(DEMO_MODEL))), "cpu", "float32")
    prepared = [
        encoder.prepare_image(DecodedImage.of(np.asarray(noise(60, 60, seed=seed))))
        for seed in range(7)
    ]
    whole = encoder._encode_whole(prepared, 1)
    encoder._threads, encoder._in_pieces = 2, True
    assert np.abs(encoder.encode_images(prepared) - whole).max() < 1e-5
