import random
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import pytest
from redis import Redis

from common.protocol.messages import Priority
from tests.common.ledger.test_jobs import beat
from tests.images import encoded, noise
from tests.processes import wait_until
from tests.worker.fake_encoder import FakeEncoder
from tests.worker.runners import plain, run, running
from worker.images.decode import DecodedImage
from worker.images.pixel_budget import PixelBudget
from worker.model.encoder import PreparedImage


def keep_waiting() -> None:
    pass


@dataclass
class Meter:
    """Pixels in flight, and the most there ever were."""

    now: int = 0
    peak: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, pixels: int) -> None:
        with self.lock:
            self.now += pixels
            self.peak = max(self.peak, self.now)


class SlowEncoder(FakeEncoder):
    """Takes its time over images of 1000 pixels, all that a priority has in the runner."""

    def __init__(self) -> None:
        super().__init__()
        self.has_begun, self.may_end = threading.Event(), threading.Event()

    def prepare_image(self, image: DecodedImage) -> PreparedImage:
        if image.pixels.size == 3 * 1000:
            self.has_begun.set()
            assert self.may_end.wait(30)
        return super().prepare_image(image)


def start(work: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=work)
    thread.start()
    return thread


def test_there_are_never_more_pixels_in_flight_than_allowed_and_all_get_theirs() -> None:
    budget, meter, generator = PixelBudget(100), Meter(), random.Random(0)
    sizes = [generator.choice([1, 7, 30, 60, 100]) for _ in range(2000)]

    def decode(pixels: int) -> int:
        with budget.hold(pixels, keep_waiting):
            meter.add(pixels)
            meter.add(-pixels)
        return pixels

    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(decode, sizes)) == sizes
    assert 60 < meter.peak <= 100
    assert budget.free == 100


def test_a_large_image_goes_before_small_ones_that_came_later() -> None:
    budget = PixelBudget(10)
    order: list[int] = []

    def decode(pixels: int) -> None:
        with budget.hold(pixels, keep_waiting):
            order.append(pixels)

    threads = []
    with budget.hold(1, keep_waiting):
        for place, pixels in enumerate([10, 1, 2, 3]):
            threads.append(start(lambda pixels=pixels: decode(pixels)))  # type: ignore[misc]
            wait_until(lambda place=place: budget.waiting == place + 1, "it waits")  # type: ignore[misc]
        assert order == []
    for thread in threads:
        thread.join()
    assert order[0] == 10
    assert sorted(order[1:]) == [1, 2, 3]


def test_pixels_are_given_back_when_decoding_fails() -> None:
    budget = PixelBudget(10)
    with pytest.raises(MemoryError), budget.hold(10, keep_waiting):
        raise MemoryError
    with budget.hold(10, keep_waiting):
        pass


def test_giving_up_waiting_holds_up_no_other() -> None:
    budget = PixelBudget(10)

    def give_up() -> None:
        raise TimeoutError

    def wait_in_vain() -> None:
        with pytest.raises(TimeoutError), budget.hold(10, give_up):
            pass

    with budget.hold(5, keep_waiting):
        thread = start(wait_in_vain)
        wait_until(lambda: budget.waiting == 1, "it waits")
        with budget.hold(5, keep_waiting):
            thread.join()
    assert (budget.waiting, budget.free) == (0, 10)


def test_what_never_fits_is_refused_at_once() -> None:
    with (
        pytest.raises(ValueError, match="exceed the budget"),
        PixelBudget(10).hold(11, keep_waiting),
    ):
        pass


def test_large_images_of_bulk_work_hold_up_no_interactive_one(redis: Redis) -> None:
    beat(redis, "alive")
    encoder = SlowEncoder()
    large = [encoded(noise(40, 25))]
    with running(redis, encoder) as runner, ThreadPoolExecutor(2) as pool:
        bulk = pool.submit(run, runner, "bulk", [], large)
        try:
            assert encoder.has_begun.wait(30)
            small = pool.submit(run, runner, "small", [], [plain(1)], Priority.INTERACTIVE)
            assert not small.result(10).about.faults
        finally:
            encoder.may_end.set()
        assert not bulk.result(30).about.faults
