"""Contenders: whatever is measured. All but one are paused."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Protocol

import requests

from bench.figures import Sample
from bench.load import ClosedLoop
from bench.processes import Process, wait_until_ready
from bench.wire import Address, MakeRequest

READY_TIMEOUT_S = 2.0


class Contender(Protocol):
    """A contender, which does nothing while it is paused."""

    def resume(self) -> None: ...

    def pause(self) -> None: ...

    def stop(self) -> None: ...

    def measure(self, connections: int, seconds: float, warm_s: float) -> Sample: ...


class Server:
    """A contender that answers HTTP requests: its processes and its requests."""

    def __init__(
        self, processes: Sequence[Process], address: Address, ready_path: str, make: MakeRequest
    ) -> None:
        self.processes = list(processes)
        self.address = address
        self.make_request = make
        self._ready_url = f"http://{address.host}:{address.port}{ready_path}"
        try:
            self.wait_until_ready()
        except BaseException:
            self.stop()
            raise

    def wait_until_ready(self) -> None:
        wait_until_ready(self._answers, self.processes)

    def resume(self) -> None:
        for process in self.processes:
            process.resume()
        self.wait_until_ready()

    def pause(self) -> None:
        for process in reversed(self.processes):
            process.pause()

    def stop(self) -> None:
        for process in self.processes:
            process.ask_to_stop()  # all at once: nothing is under way any more
        for process in self.processes:
            process.stop()

    def measure(self, connections: int, seconds: float, warm_s: float) -> Sample:
        return self.loop(connections).run_for(seconds, warm_s)

    def loop(self, connections: int) -> ClosedLoop:
        return ClosedLoop(self.address, self.make_request, connections)

    def _answers(self) -> bool:
        try:
            return self.is_ready(requests.get(self._ready_url, timeout=READY_TIMEOUT_S))
        except requests.RequestException:
            return False

    def is_ready(self, answer: requests.Response) -> bool:
        """Whether this answer shows that the server is ready."""
        return answer.ok


@contextmanager
def awake(contender: Contender) -> Iterator[None]:
    contender.resume()
    try:
        yield
    finally:
        contender.pause()


@contextmanager
def ended_in_the_end(contenders: Mapping[str, Contender]) -> Iterator[None]:
    """Stop all contenders, even if one of them fails to stop."""
    with ExitStack() as stack:
        try:
            yield
        finally:
            for contender in contenders.values():
                stack.callback(contender.stop)
