"""Runs operations with blocking calls, and several of them in threads."""

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from threading import Event

import httpx

from clip_api_client.steps import Blocking, Request, Result, Sleep, Step, Steps
from clip_api_client.transport import arguments, response_of, telling_of_outages

AHEAD = 2


class SyncDriver:
    """Runs operations over one HTTP client."""

    def __init__(self, http: httpx.Client) -> None:
        self._http = http
        self._streams: set[Event] = set()

    def close(self) -> None:
        """Close the connections. Operations that still run in threads are not retried."""
        for stopped in list(self._streams):
            stopped.set()
        self._http.close()

    def run(self, steps: Steps[Result], stopped: Event | None = None) -> Result:
        """Run an operation to its end. Raises CancelledError once it is stopped."""
        stopped = stopped or Event()
        try:
            step = next(steps)
            while True:
                try:
                    outcome = self._do(step, stopped)
                except Exception as error:  # noqa: BLE001 - the operation knows what to make of it
                    _check(steps, stopped)
                    step = steps.throw(error)
                else:
                    _check(steps, stopped)
                    step = steps.send(outcome)
        except StopIteration as end:
            result: Result = end.value
            return result

    def stream(self, operations: Iterable[Steps[Result]], at_once: int) -> Iterator[Result]:
        """The results of operations, in order; at most `at_once` run concurrently.

        Operations are taken lazily, so there may be any number of them. The first exception ends
        the iteration; running operations are awaited, unless the caller is interrupted.
        """
        stopped = Event()
        self._streams.add(stopped)
        pool = ThreadPoolExecutor(at_once, "clip-api-client")
        running: deque[Future[Result]] = deque()
        is_patient = False
        try:
            for operation in operations:
                running.append(pool.submit(self.run, operation, stopped))
                if len(running) == AHEAD * at_once:
                    yield running.popleft().result()
            while running:
                yield running.popleft().result()
            is_patient = True
        except Exception:
            is_patient = True
            raise
        finally:
            stopped.set()
            self._streams.discard(stopped)
            pool.shutdown(wait=is_patient, cancel_futures=True)

    def _do(self, step: Step, stopped: Event) -> object:
        match step:
            case Request():
                with telling_of_outages(str(self._http.base_url)):
                    return response_of(self._http.request(**arguments(step)))
            case Sleep(seconds):
                return stopped.wait(seconds)
            case Blocking(call):
                return call()


def _check(steps: Steps[Result], stopped: Event) -> None:
    """The caller no longer waits: there are no further retries or notifications."""
    if stopped.is_set():
        steps.close()
        raise CancelledError
