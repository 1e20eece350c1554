"""What /rank and /encode share: limits, faults and the headers of an answer."""

from collections.abc import Iterable, Sequence

from flask import Response

from api.gateway import Encoded
from api.items import DistinctItems
from common.errors import InvalidRequest, ItemFault

JSON = "application/json"


def check_count(items: Sequence[object], limit: int, pointer: str) -> None:
    """Raise InvalidRequest when there are more items than the limit."""
    if len(items) > limit:
        fault = ItemFault(pointer, "too_many", f"has {len(items)} items; the limit is {limit}")
        raise InvalidRequest([fault])


def check_items(work: DistinctItems) -> None:
    """Raise InvalidRequest when items were at fault before any was sent."""
    if work.faults:
        raise InvalidRequest(work.faults)


def item_faults(encoded: Encoded, work: DistinctItems, indices: Iterable[int]) -> list[ItemFault]:
    """The faults of these items, one for each place in the request at which they stand."""
    return [
        ItemFault(pointer, encoded.faults[index].code, encoded.faults[index].detail)
        for index in indices
        if index in encoded.faults
        for pointer in work.pointers[index]
    ]


def finish_response(response: Response, encoded: Encoded, asked: Iterable[int]) -> Response:
    """Add what a caller may want to know of the job; `asked` has an index for each item asked."""
    times = encoded.timings
    truncated = sum(index in encoded.truncated for index in asked)
    if truncated:
        response.headers["X-Truncated-Texts"] = str(truncated)
    response.headers["X-Job-Id"] = encoded.job
    response.headers["Server-Timing"] = ", ".join(
        f"{name};dur={seconds * 1000:.1f}"
        for name, seconds in (
            ("queue", times.queue),
            ("fetch", times.fetch),
            ("decode", times.decode),
            ("inference", times.inference),
        )
    )
    return response
