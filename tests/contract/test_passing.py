"""What passes through a process once leaves nothing behind in it."""

import tracemalloc
from collections.abc import Callable

import orjson
import pytest

from common.messages import message
from common.news import load_news
from common.protocol import Item, dump_items, load_items
from worker.admission import admit

TIMES = 5_000
LEAST_BYTES = 50 * TIMES  # of a short string, each of which is another one
QUEUE = "interactive"


def read_items(number: int) -> None:
    load_items(dump_items([Item("text", f"text {number}", queries=1, required=True)]))


def read_message(number: int) -> None:
    admit(message(f"{number:032x}", 0, QUEUE, f"request-{number}"))


def read_news(number: int) -> None:
    record = orjson.dumps({"request_id": f"request-{number}", "trace": f"trace-{number}"})
    load_news("j", b"\n".join([record, b"{}", b""]))


@pytest.mark.parametrize("read", [read_items, read_message, read_news])
def test_nothing_of_it_is_kept(read: Callable[[int], None]) -> None:
    read(0)
    tracemalloc.start()
    try:
        for number in range(1, TIMES):
            read(number)
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < LEAST_BYTES
