"""How many threads a forward pass gets."""

import time
from collections.abc import Iterator

import pytest
import torch

from worker.threads import SHORT_S, is_quicker_in_pieces, quickest_threads

MOST = 4


@pytest.fixture(autouse=True)
def _several_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(MOST)
    yield
    torch.set_num_threads(before)


def test_one_thread_is_enough_where_more_are_no_faster() -> None:
    assert quickest_threads(lambda: time.sleep(0.002 * torch.get_num_threads())) == 1
    assert torch.get_num_threads() == MOST


def test_all_are_kept_where_they_pay() -> None:
    assert quickest_threads(lambda: time.sleep(0.02 / torch.get_num_threads())) == MOST


def test_a_slow_model_keeps_all_though_the_other_cores_were_busy() -> None:
    assert quickest_threads(lambda: time.sleep(2 * SHORT_S * torch.get_num_threads())) == MOST


def test_pieces_are_chosen_where_they_are_about_as_quick() -> None:
    assert is_quicker_in_pieces(lambda: time.sleep(0.02), lambda: time.sleep(0.01))
    assert is_quicker_in_pieces(lambda: time.sleep(0.1), lambda: time.sleep(0.108))
    assert not is_quicker_in_pieces(lambda: time.sleep(0.01), lambda: time.sleep(0.02))


def test_a_single_thread_is_nothing_to_choose_from() -> None:
    torch.set_num_threads(1)
    assert quickest_threads(lambda: pytest.fail("there is nothing to measure")) == 1
