"""The limits of one exchange: its deadline, its size, and the addresses it may connect to."""

import socket
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field

from worker.net.deadline import Deadline
from worker.net.guard import Endpoint, Resolver
from worker.net.threads import DaemonThreads

CONNECT_TIMEOUT_S = 5.0


@dataclass(slots=True)
class Terms:
    """`address` is the one connected to last, for the log only."""

    deadline: Deadline
    max_bytes: int = 0
    address: str = ""
    _looked_up: dict[tuple[str, int], Future[Sequence[Endpoint]]] = field(default_factory=dict)

    def endpoints(
        self, host: str, port: int, resolve: Resolver, lookups: DaemonThreads
    ) -> Sequence[Endpoint]:
        """The addresses of a name, fixed for this exchange. Raises what `resolve` raises."""
        known = self._looked_up.get((host, port))
        found = known or lookups.submit(lambda: resolve(host, port))
        self._looked_up[host, port] = found
        try:
            return self.deadline.result_of(found)
        except OSError:  # the retry resolves it again
            del self._looked_up[host, port]
            raise

    def dial(self, endpoints: Sequence[Endpoint]) -> tuple[socket.socket, Endpoint]:
        """Connect to the first endpoint that answers. Raises OSError if none does."""
        failure: OSError = ConnectionError()
        for endpoint in endpoints:
            family, address = endpoint
            self.address = address[0]
            opened = socket.socket(family, socket.SOCK_STREAM)
            try:
                opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                left_s = self.deadline.left_s
                opened.settimeout(min(CONNECT_TIMEOUT_S, left_s) or CONNECT_TIMEOUT_S)
                self.deadline.cover(opened)
                opened.connect(address)
            except OSError as error:
                opened.close()
                failure = error
            else:
                opened.settimeout(self.deadline.left_s or CONNECT_TIMEOUT_S)
                return opened, endpoint
        raise failure
