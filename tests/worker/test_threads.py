"""How many threads a forward pass gets."""

import time
from collections.abc import Iterator

import pytest
import torch

from worker.threads import quickest_threads

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


def test_a_single_thread_is_nothing_to_choose_from() -> None:
    torch.set_num_threads(1)
    assert quickest_threads(lambda: pytest.fail("there is nothing to measure")) == 1
