"""Which fetches start, in which order; and which hosts are left alone."""

from worker.batching.policy import PartRef
from worker.net.fetch_queue import Fetch, FetchQueue
from worker.net.host_breaker import MAX_TIMEOUTS, HostBreaker

LONG_S = 3600.0


def fetch(host: str, job: str) -> Fetch:
    return Fetch(f"http://{host}/", host, PartRef(job), lambda content, _: content, 1.0)


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
    greedy = [fetch(f"host-{number}", "greedy") for number in range(8)]
    modest = fetch("elsewhere", "modest")
    queue = queue_of(*greedy, modest)
    assert set(queue.take()[0]) == {*greedy[:2], modest}
    queue.leave_host(greedy[0])
    assert queue.take() == ([], []), "its thread is still held"
    queue.leave_thread(greedy[0])
    assert queue.take() == ([greedy[2]], [])


def test_the_job_with_the_fewest_under_way_is_next() -> None:
    first, second, third = (fetch("a", "many") for _ in range(3))
    queue = queue_of(first, second, third, per_host=1, threads=32)
    assert queue.take() == ([first], [])
    late = fetch("b", "many"), fetch("b", "few")
    for one in late:
        queue.add(one)
    assert queue.take() == ([late[1]], [])


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


def test_what_waits_for_a_host_that_hangs_is_told_apart() -> None:
    waiting, other = fetch("a", "j"), fetch("b", "k")
    queue = FetchQueue(8, 2, hung(LONG_S))
    queue.add(waiting)
    queue.add(other)
    assert queue.take() == ([other], [waiting])
