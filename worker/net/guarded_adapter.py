"""Connections that the guard checks, with a deadline and a limit on bytes, kept for reuse."""

import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property, partial
from typing import Any

import urllib3
from requests.adapters import HTTPAdapter
from requests.exceptions import InvalidProxyURL

from common.errors import ClipError
from worker.net.alarms import Alarms
from worker.net.deadline import Deadline
from worker.net.guard import Endpoint, Guard
from worker.net.metering import MeteredResponse
from worker.net.terms import Terms
from worker.net.threads import DaemonThreads

KEPT_S = 30.0
MAX_KEPT = 128
"""Maximum idle connections, and hosts with idle connections."""
MAX_LOOKUPS = 256
POOLS = {"http": urllib3.HTTPConnectionPool, "https": urllib3.HTTPSConnectionPool}


class GuardedAdapter(HTTPAdapter):
    """Resolves a name once for each exchange, and connects to the addresses that were checked.

    A kept connection serves only its own host, and only if its address is among those that were
    checked for this exchange. All are closed regularly. A proxy is the operator's, so its address
    is not checked.
    """

    def __init__(self, guard: Guard, alarms: Alarms, trusted: Callable[[], ssl.SSLContext]) -> None:
        self._guard = guard
        self._alarms = alarms
        self._make_context = trusted
        self._lookups = DaemonThreads("name-lookup", MAX_LOOKUPS)
        self._thread_local = threading.local()
        self._opened = 0
        self._lock = threading.Lock()
        super().__init__(MAX_KEPT, MAX_KEPT)

    @contextmanager
    def under(self, terms: Terms) -> Iterator[None]:
        """Apply these terms to what this thread sends within the context."""
        self._thread_local.terms = terms
        try:
            yield
        finally:
            del self._thread_local.terms

    @property
    def terms(self) -> Terms:
        terms: Terms = self._thread_local.terms
        return terms

    @cached_property
    def _context(self) -> ssl.SSLContext:
        return self._make_context()

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:  # noqa: ANN401
        super().init_poolmanager(*arguments, **options)
        self.poolmanager.pool_classes_by_scheme = self._pools(self._guard.endpoints)

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:  # noqa: ANN401
        scheme = proxy.partition(":")[0].lower()
        if scheme.startswith("socks"):
            raise InvalidProxyURL("SOCKS proxies are not supported")
        if scheme == "https":
            options["proxy_ssl_context"] = self._context
        with self._lock:
            manager = super().proxy_manager_for(proxy, **options)
            manager.pool_classes_by_scheme = self._pools(self._guard.resolve)
        return manager

    def build_connection_pool_key_attributes(self, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401
        host, tls = super().build_connection_pool_key_attributes(*arguments, **options)
        return host, {**tls, "ssl_context": self._context} if host["scheme"] == "https" else tls

    def cert_verify(self, *_: Any, **__: Any) -> None:  # noqa: ANN401
        """Do nothing: the context verifies, and has loaded the trusted authorities."""

    def close(self) -> None:
        """Close all idle connections now, and the others after their exchange."""
        with self._lock:
            self._opened = 0
            managers = [self.poolmanager, *self.proxy_manager.values()]
        for manager in managers:
            manager.clear()

    def connection_opened(self) -> None:
        """Limit how many connections are kept, and for how long."""
        with self._lock:
            self._opened += 1
            opened = self._opened
        if opened == 1:
            self._alarms.set(time.monotonic() + KEPT_S, self.close)
        elif opened > MAX_KEPT:
            self.close()

    def endpoints(self, host: str, port: int, resolve: Any) -> Any:  # noqa: ANN401
        return self.terms.endpoints(host, port, resolve, self._lookups)

    def _pools(self, resolve: Any) -> dict[str, Any]:  # noqa: ANN401
        return {scheme: _pool(kind, self, resolve) for scheme, kind in POOLS.items()}


def _pool(kind: Any, adapter: GuardedAdapter, resolve: Any) -> Any:  # noqa: ANN401
    class Connection(kind.ConnectionCls):  # type: ignore[misc]
        endpoint: Endpoint | None = None
        covered_by: Deadline | None = None

        @property
        def response_class(self) -> partial[MeteredResponse]:
            return partial(MeteredResponse, max_bytes=adapter.terms.max_bytes)

        @property
        def is_connected(self) -> bool:
            """Whether it may be reused; the pool checks this first."""
            try:
                checked = adapter.endpoints(self._dns_host, self.port, resolve)
            except (ClipError, OSError):  # raised again by the new connection
                return False
            return self.endpoint in checked and bool(super().is_connected)

        def _new_conn(self) -> Any:  # noqa: ANN401
            checked = adapter.endpoints(self._dns_host, self.port, resolve)
            self.covered_by = adapter.terms.deadline
            opened, self.endpoint = adapter.terms.dial(checked)
            adapter.connection_opened()
            return opened

        def connect(self) -> None:
            super().connect()
            # TLS has replaced the socket.
            adapter.terms.deadline.cover(self.sock)

        def request(self, *arguments: Any, **options: Any) -> None:  # noqa: ANN401
            deadline = adapter.terms.deadline
            if self.sock is not None and self.covered_by is not deadline:
                if self.covered_by:
                    self.covered_by.uncover(self.sock)
                self.covered_by = deadline
                deadline.cover(self.sock)
                adapter.terms.address = self.endpoint[1][0] if self.endpoint else ""
            super().request(*arguments, **options)

    class Pool(kind):  # type: ignore[misc]
        ConnectionCls = Connection

    return Pool
