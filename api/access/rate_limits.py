"""Rate limits for each API key, or for each address without a key."""

import re
import time
from functools import partial
from ipaddress import IPv6Address, ip_address, ip_network

import structlog
from flask import Flask, Response, g, request
from flask_limiter import Limiter
from redis import Redis
from redis.exceptions import RedisError

from api.access.keys import is_unlimited
from common.redis.keys import Keys

log = structlog.get_logger()

IPV6_PREFIX_BITS = 64  # the smallest network that a provider assigns to a customer
# Some proxies add the client's port, or put an IPv6 address in brackets.
WITH_PORT = re.compile(r"(?:\[([^\]]++)\]|([0-9.]++))(?::[0-9]++)?")
MAX_LOGGED_CHARS = 100


def register(app: Flask, rate_limit: str, redis: Redis, keys: Keys) -> None:
    """Limit the requests to all routes together, across all API processes on one Redis.

    A window begins with its first request, by Redis' clock. If Redis cannot count, for example
    because it is full, requests pass: some of them free memory.
    """
    limiter = Limiter(
        Callers().current,
        application_limits=[rate_limit],
        strategy="fixed-window",
        swallow_errors=True,
        # It only selects the storage type: the connections are those of the ledger.
        storage_uri="redis://",
        storage_options={"connection_pool": redis.connection_pool, "key_prefix": keys("rate")},  # type: ignore[dict-item]
    )
    limiter.request_filter(lambda: is_unlimited(request))
    limiter.init_app(app)
    app.after_request(partial(_add_headers, limiter))


class Callers:
    """The keys or addresses that requests count for."""

    def __init__(self) -> None:
        self._has_warned = False

    def current(self) -> str:
        """The key or address of this request; with a wrong key it is the address."""
        return f"key:{g.owner}" if g.owner else f"address:{self._network(request.remote_addr)}"

    def _network(self, address: str | None) -> str:
        """The network of an address; clients without a valid address share one limit."""
        try:
            return network_of(address or "")
        except ValueError:
            if not self._has_warned:
                self._has_warned = True
                given = (address or "")[:MAX_LOGGED_CHARS]
                log.warning("invalid_client_address", given=given)
            return "unknown"


def network_of(address: str) -> str:
    """An IPv4 address, or the network of an IPv6 one: a client can use any address in it.

    The address may have a port. Raises ValueError if it is not valid.
    """
    match = WITH_PORT.fullmatch(address)
    ip = ip_address((match[1] or match[2]) if match else address)
    if not isinstance(ip, IPv6Address):
        return str(ip)
    return str(ip.ipv4_mapped or ip_network((int(ip), IPV6_PREFIX_BITS), strict=False))


def _add_headers(limiter: Limiter, response: Response) -> Response:
    """Add the header fields of draft-ietf-httpapi-ratelimit-headers-10, and Retry-After."""
    limits = limiter.current_limits
    try:
        windows = [limit.window for limit in limits]
    except RedisError:
        return response  # Redis could not count it, or does not answer now
    now = time.time()
    for number, (limit, window) in enumerate(zip(limits, windows, strict=True), 1):
        name = "default" if number == 1 else f"default-{number}"
        length_s = limit.limit.get_expiry()
        # Redis rounds to whole seconds; after one more the window is surely over.
        left_s = min(length_s, max(0, round(window.reset_time - now)) + 1)
        response.headers.add("RateLimit-Policy", f'"{name}";q={limit.limit.amount};w={length_s}')
        response.headers.add("RateLimit", f'"{name}";r={window.remaining};t={left_s}')
        if limit.breached:
            response.headers["Retry-After"] = str(left_s)
    return response
