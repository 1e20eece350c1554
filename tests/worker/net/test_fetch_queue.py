"""Which fetches start, in which order; and which hosts get no requests."""

from common.protocol.messages import Priority
from worker.batching.policy import PartRef
from worker.net.fetch_queue import Fetch, FetchQueue
from worker.net.host_breaker import MAX_TIMEOUTS, HostBreaker

LONG_S = 3600.0


def fetch(host: str, job: str, owner: str = "", priority: Priority = Priority.INTERACTIVE) -> Fetch:
    part = PartRef(job, priority=priority, owner=owner)
    return Fetch(f"http://{host}/", host, part, lambda content, _: content, 1.0)


def greedy(owner: str, jobs: int = 8, priority: Priority = Priority.INTERACTIVE) -> list[Fetch]:
    """One image for each of many jobs of an owner, each of a host of its own."""
    return [
        fetch(f"{priority}-{number}", f"{owner}-{number}", owner, priority)
        for number in range(jobs)
    ]


def queue_of(
    *fetches: Fetch, threads: int = 8, per_host: int = 2, pause_s: float = LONG_S
) -> FetchQueue:
    queue = FetchQueue(threads, per_host, HostBreaker(pause_s))
    for one in fetches:
        queue.add(one)
    return queue


def hung(pause_s: float) -> HostBreaker:
    breaker = HostBreaker(pause_s)
    for _ in range(MAX_TIMEOUTS):
        assert not breaker.is_open("a")
        breaker.timed_out("a")
    return breaker


def test_a_host_has_a_bound_and_other_hosts_pass() -> None:
    first, second, third = (fetch("a", job) for job in "jkl")
    other = fetch("b", "m")
    queue = queue_of(first, second, third, other)
    assert queue.take() == ([first, second, other], [])
    queue.leave_host(first)
    assert queue.take() == ([third], [])


def test_a_job_has_at_most_a_quarter_of_the_threads() -> None:
    many = [fetch(f"host-{number}", "many") for number in range(8)]
    modest = fetch("elsewhere", "modest")
    queue = queue_of(*many, modest)
    assert set(queue.take()[0]) == {*many[:2], modest}
    queue.leave_host(many[0])
    assert queue.take() == ([], []), "its thread is still held"
    queue.leave_thread(many[0])
    assert queue.take() == ([many[2]], [])


def test_an_api_key_has_at_most_half_of_the_threads_of_each_priority() -> None:
    interactive, bulk = greedy("a"), greedy("a", priority=Priority.BULK)
    modest = fetch("elsewhere", "modest", "b")
    queue = queue_of(*interactive, *bulk, modest)
    assert set(queue.take()[0]) == {*interactive[:4], *bulk[:4], modest}
    queue.leave_host(interactive[0])
    assert queue.take() == ([], []), "its thread is still held"
    queue.leave_thread(interactive[0])
    assert queue.take() == ([interactive[4]], [])


def test_without_api_keys_all_threads_are_there_for_everybody() -> None:
    fetches = greedy("")
    assert set(queue_of(*fetches).take()[0]) == set(fetches)


def test_the_api_key_with_the_fewest_under_way_is_next() -> None:
    (first, second), others = greedy("a", jobs=2), greedy("b", jobs=2)
    queue = queue_of(first, *others, threads=4)
    assert len(queue.take()[0]) == 3
    late = fetch("late", "c", "c")
    for one in (second, late):
        queue.add(one)
    assert queue.take() == ([late], [])


def test_the_job_with_the_fewest_under_way_is_next() -> None:
    first, second, third = (fetch("a", "many") for _ in range(3))
    queue = queue_of(first, second, third, per_host=1, threads=32)
    assert queue.take() == ([first], [])
    late = fetch("b", "many"), fetch("b", "few")
    for one in late:
        queue.add(one)
    assert queue.take() == ([late[1]], [])


def test_what_names_no_host_has_its_turn_too() -> None:
    nowhere = fetch("", "j")
    assert queue_of(nowhere).take() == ([nowhere], [])


def test_what_was_cancelled_is_not_fetched() -> None:
    cancelled, wanted = fetch("a", "j"), fetch("a", "k")
    queue = queue_of(cancelled, wanted)
    assert cancelled.result.cancel()
    assert queue.take() == ([wanted], [])


def test_a_host_that_hangs_is_left_alone() -> None:
    assert hung(LONG_S).is_open("a")
    assert not hung(LONG_S).is_open("b")


def test_after_a_pause_it_is_asked_for_one_image_and_an_answer_closes_the_breaker() -> None:
    breaker = hung(pause_s=0)
    assert not breaker.is_open("a")
    first, second = fetch("a", "j"), fetch("a", "k")
    queue = FetchQueue(8, 2, breaker)
    queue.add(first)
    queue.add(second)
    assert queue.take() == ([first], [])
    breaker.answered("a")
    assert queue.take() == ([second], [])


def test_time_outs_between_answers_open_nothing() -> None:
    breaker = HostBreaker(LONG_S)
    for _ in range(3 * MAX_TIMEOUTS):
        breaker.timed_out("a")
        breaker.answered("a")
    assert not breaker.is_open("a")


def test_what_waits_for_a_host_that_hangs_is_distinguished() -> None:
    waiting, other = fetch("a", "j"), fetch("b", "k")
    queue = FetchQueue(8, 2, hung(LONG_S))
    queue.add(waiting)
    queue.add(other)
    assert queue.take() == ([other], [waiting])


def test_what_waits_is_told_apart_once_its_host_hangs() -> None:
    asked, waiting, other = fetch("a", "j"), fetch("a", "k"), fetch("b", "l")
    breaker = HostBreaker(LONG_S)
    queue = FetchQueue(8, 1, breaker)
    queue.add(asked)
    queue.add(waiting)
    assert queue.take() == ([asked], [])
    for _ in range(MAX_TIMEOUTS):
        breaker.timed_out("a")
    queue.leave_host(asked)
    queue.add(other)
    assert queue.take() == ([other], [waiting])
