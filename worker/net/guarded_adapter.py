"""Connections that the guard checks, with a deadline and a limit on bytes."""

import socket
from collections.abc import Sequence
from functools import partial
from typing import Any

import urllib3
from requests.adapters import HTTPAdapter

from worker.net.deadline import Deadline
from worker.net.guard import Endpoint, Guard
from worker.net.metering import MeteredResponse

CONNECT_TIMEOUT_S = 5.0
POOLS = {"http": urllib3.HTTPConnectionPool, "https": urllib3.HTTPSConnectionPool}


class GuardedAdapter(HTTPAdapter):
    """Resolves a name once for each connection, and connects to the addresses that were checked.

    A proxy is the operator's, so its address is not checked.
    """

    def __init__(self, guard: Guard, deadline: Deadline, max_bytes: int) -> None:
        self._guard = guard
        self._deadline = deadline
        self._max_bytes = max_bytes
        super().__init__()

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:  # noqa: ANN401
        super().init_poolmanager(*arguments, **options)
        self.poolmanager.pool_classes_by_scheme = self._pools(self._guard.endpoints)

    def proxy_manager_for(self, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401
        manager = super().proxy_manager_for(*arguments, **options)
        manager.pool_classes_by_scheme = self._pools(self._guard.resolve)
        return manager

    def _pools(self, resolve: Any) -> dict[str, Any]:  # noqa: ANN401
        return {scheme: self._pool(kind, resolve) for scheme, kind in POOLS.items()}

    def _pool(self, kind: Any, resolve: Any) -> Any:  # noqa: ANN401
        deadline, max_bytes = self._deadline, self._max_bytes

        class Connection(kind.ConnectionCls):  # type: ignore[misc]
            response_class = staticmethod(partial(MeteredResponse, max_bytes=max_bytes))

            def _new_conn(self) -> socket.socket:
                host, port = self._dns_host, self.port
                return dial(deadline.bound(lambda: resolve(host, port)), deadline)

            def connect(self) -> None:
                super().connect()
                # TLS has replaced the socket.
                deadline.cover(self.sock)

        class Pool(kind):  # type: ignore[misc]
            ConnectionCls = Connection

        return Pool


def dial(endpoints: Sequence[Endpoint], deadline: Deadline) -> socket.socket:
    """Connect to the first endpoint that answers. Raises OSError if none does."""
    failure: OSError = ConnectionError()
    for family, address in endpoints:
        opened = socket.socket(family, socket.SOCK_STREAM)
        try:
            opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            opened.settimeout(min(CONNECT_TIMEOUT_S, deadline.left_s) or CONNECT_TIMEOUT_S)
            deadline.cover(opened)
            opened.connect(address)
        except OSError as error:
            opened.close()
            failure = error
        else:
            opened.settimeout(deadline.left_s or CONNECT_TIMEOUT_S)
            return opened
    raise failure
