"""Which parts may wait for images, and which are released."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from common.protocol.messages import Priority
from worker.batching.policy import PartRef
from worker.part.fetching_parts import PATIENCE_S, FetchingPart, FetchingParts, PartReleased

A, B = frozenset({"a"}), frozenset({"b"})


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def part(job: str, priority: Priority = Priority.INTERACTIVE, owner: str = "") -> PartRef:
    return PartRef(job, priority=priority, owner=owner)


def stall(parts: FetchingParts, fetching: FetchingPart) -> None:
    """As if none of its images had arrived for long."""
    fetching.arrived_at -= PATIENCE_S + 1
    parts.check(fetching, has_arrived=False)


def test_a_part_whose_images_arrive_is_let_be(stack: ExitStack) -> None:
    parts = FetchingParts(threads=1)
    held, other = (stack.enter_context(parts.waiting(part(job), A)) for job in "jk")
    stall(parts, held)
    other.arrived_at -= PATIENCE_S + 1
    parts.check(other, has_arrived=True)
    parts.check(other, has_arrived=False)


def test_stalled_parts_hold_half_of_the_threads(stack: ExitStack) -> None:
    parts = FetchingParts(threads=4)
    for job in "jk":
        stall(parts, stack.enter_context(parts.waiting(part(job), A)))
    late = stack.enter_context(parts.waiting(part("l"), B))
    with pytest.raises(PartReleased):
        stall(parts, late)
    bulk = stack.enter_context(parts.waiting(part("m", Priority.BULK), B))
    stall(parts, bulk)


def test_parts_of_the_same_hosts_or_job_are_released_at_once(stack: ExitStack) -> None:
    parts = FetchingParts(threads=2)
    stall(parts, stack.enter_context(parts.waiting(part("j"), A)))
    for like_it in (("k", A), ("j", B)):
        with pytest.raises(PartReleased):
            stack.enter_context(parts.waiting(part(like_it[0]), like_it[1]))
    stack.enter_context(parts.waiting(part("k"), B))


def test_a_job_holds_half_of_what_all_may_hold(stack: ExitStack) -> None:
    parts = FetchingParts(threads=8)
    for _ in range(2):
        stall(parts, stack.enter_context(parts.waiting(part("j"), A)))
    with pytest.raises(PartReleased):
        stack.enter_context(parts.waiting(part("j"), A))
    stack.enter_context(parts.waiting(part("k"), A))


def test_an_api_key_holds_three_quarters_of_what_all_may_hold(stack: ExitStack) -> None:
    parts = FetchingParts(threads=8)
    for job in "jkl":
        stall(parts, stack.enter_context(parts.waiting(part(job, owner="a"), A)))
    with pytest.raises(PartReleased):
        stack.enter_context(parts.waiting(part("m", owner="a"), A))
    unlike = stack.enter_context(parts.waiting(part("m", owner="a"), B))
    with pytest.raises(PartReleased):
        stall(parts, unlike)
    stall(parts, stack.enter_context(parts.waiting(part("n", owner="b"), A)))


def test_without_api_keys_all_of_it_is_there_for_everybody(stack: ExitStack) -> None:
    parts = FetchingParts(threads=8)
    for job in "jklm":
        stall(parts, stack.enter_context(parts.waiting(part(job), A)))


def test_there_is_room_again_once_a_part_has_its_images() -> None:
    parts = FetchingParts(threads=1)
    for job in "jk":
        with parts.waiting(part(job), A) as fetching:
            stall(parts, fetching)
