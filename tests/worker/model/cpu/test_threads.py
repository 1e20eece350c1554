"""How many threads a forward pass gets."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from structlog.testing import capture_logs

from tests.processes import DEMO_MODEL
from tests.worker.model.cpu.test_runtime import output_of
from worker.model.checkpoint import open_checkpoint
from worker.model.clip_encoder import ClipEncoder
from worker.model.cpu.threads import SHORT_S, is_quicker_in_pieces, quickest_threads
from worker.model.source import Source
from worker.model.warmup import blank_image

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


def threads_after(encode: Callable[[], object]) -> int:
    """The number of torch's threads in a thread that had another number before it encoded."""

    def run() -> int:
        torch.set_num_threads(MOST)
        encode()
        return torch.get_num_threads()

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(run).result()


@pytest.mark.parametrize("threads", [1, 3])
def test_a_number_that_is_set_holds_in_every_thread_and_is_not_measured(threads: int) -> None:
    checkpoint = open_checkpoint(Source(str(DEMO_MODEL)))
    with capture_logs() as logs:
        encoder = ClipEncoder(checkpoint, "cpu", "float32", threads=threads)
    assert "threads_chosen" not in {line["event"] for line in logs}
    assert torch.get_num_threads() == threads
    image, texts = blank_image(encoder), encoder.prepare_texts(["a cat"])
    assert threads_after(lambda: encoder.encode_images([image])) == threads
    assert threads_after(lambda: encoder.encode_texts(texts)) == threads


def test_a_worker_reads_the_number_from_its_settings() -> None:
    program = """
import threading, torch
from worker.app import process
encoder = process.load_encoder()
def encode():
    encoder.encode_texts(encoder.prepare_texts(["a cat"]))
    print(torch.get_num_threads())
threading.Thread(target=encode).start()
"""
    settings = {"CLIP_MODEL": str(DEMO_MODEL), "CLIP_TORCH_THREADS": "3", "OMP_NUM_THREADS": "2"}
    assert output_of(program, **settings).splitlines()[-1] == "3"
