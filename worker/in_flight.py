"""What is being encoded in this process right now: equal things at the same time are one."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass

from common.protocol import Vectors
from worker.policy import Origin


class Abandoned(Exception):
    """Whoever was to encode it did not, whatever the reason: everybody else must try himself."""


@dataclass(frozen=True, slots=True, eq=False)
class Leader:
    """Who encodes a thing for all; the promise is kept or cancelled."""

    promise: Future[Vectors]
    is_urgent: bool


class InFlight:
    """Lets whoever wants a thing encoded wait for somebody who already has it under way.

    Urgent work never follows other work, which may have to wait for its turn. A part that goes
    alone neither follows nor leads: it may end the process.
    """

    def __init__(self) -> None:
        self._leaders: dict[bytes, Leader] = {}
        self._lock = threading.Lock()

    def encode(
        self, key: bytes, origin: Origin, submit: Callable[[], Future[Vectors]]
    ) -> Future[Vectors]:
        """The answer of `submit`, or of somebody who called it for the same key a moment ago.

        The latter fails with Abandoned, and may be cancelled without harm to anybody else.
        """
        if origin.alone:
            return submit()
        with self._lock:
            known = self._leaders.get(key)
            follows = known is not None and (known.is_urgent or not origin.is_urgent)
            if not follows:
                leader = self._leaders[key] = Leader(Future(), origin.is_urgent)
        if known and follows:
            return _following(known.promise)
        try:
            answer = submit()
        except BaseException:
            self._end(key, leader)
            leader.promise.cancel()
            raise
        answer.add_done_callback(lambda ended: self._tell(key, leader, ended))
        return answer

    def _tell(self, key: bytes, leader: Leader, ended: Future[Vectors]) -> None:
        self._end(key, leader)
        if _has_result(ended):
            leader.promise.set_result(ended.result())
        else:
            leader.promise.cancel()

    def _end(self, key: bytes, leader: Leader) -> None:
        with self._lock:
            if self._leaders.get(key) is leader:
                del self._leaders[key]


def _following(promise: Future[Vectors]) -> Future[Vectors]:
    answer: Future[Vectors] = Future()

    def tell(ended: Future[Vectors]) -> None:
        if not answer.set_running_or_notify_cancel():
            return
        if _has_result(ended):
            answer.set_result(ended.result())
        else:
            answer.set_exception(Abandoned())

    promise.add_done_callback(tell)
    return answer


def _has_result(ended: Future[Vectors]) -> bool:
    return not ended.cancelled() and ended.exception() is None
