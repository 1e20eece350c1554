"""Rate limits: how many requests an API key, or an address without one, may make in how long."""

import time
from functools import partial
from ipaddress import IPv6Address, ip_address, ip_network

from flask import Flask, Response, g, request
from flask_limiter import Limiter
from redis import Redis
from redis.exceptions import RedisError

from api.access.keys import is_unlimited

KEY_PREFIX = "clip:rate"
IPV6_PREFIX_BITS = 64  # what one customer of a provider has at least


def register(app: Flask, rate_limit: str, redis: Redis) -> None:
    """Limit the requests of all routes together, for all API processes on one Redis.

    A window begins with its first request and is counted by Redis' own clock. Where Redis cannot
    count, because it is full say, requests are let through: those that make room among them.
    """
    limiter = Limiter(
        caller,
        application_limits=[rate_limit],
        strategy="fixed-window",
        swallow_errors=True,
        # It names the kind of storage alone: the connections are those of the ledger.
        storage_uri="redis://",
        storage_options={"connection_pool": redis.connection_pool, "key_prefix": KEY_PREFIX},  # type: ignore[dict-item]
    )
    limiter.request_filter(lambda: is_unlimited(request))
    limiter.init_app(app)
    app.after_request(partial(_tell, limiter))


def caller() -> str:
    """Who a request counts for: who shows a wrong key is still its address."""
    return f"key:{g.owner}" if g.owner else f"address:{_network(request.remote_addr or '')}"


def _network(address: str) -> str:
    """An IPv4 address, or the network of an IPv6 one: its owner has addresses without number."""
    try:
        ip = ip_address(address)
    except ValueError:
        return "unknown"
    if not isinstance(ip, IPv6Address):
        return str(ip)
    return str(ip.ipv4_mapped or ip_network((int(ip), IPV6_PREFIX_BITS), strict=False))


def _tell(limiter: Limiter, response: Response) -> Response:
    """Add the header fields of draft-ietf-httpapi-ratelimit-headers-10, and Retry-After."""
    limits = limiter.current_limits
    try:
        windows = [limit.window for limit in limits]
    except RedisError:
        return response  # Redis could not count it, or went away since
    now = time.time()
    for number, (limit, window) in enumerate(zip(limits, windows, strict=True), 1):
        name = "default" if number == 1 else f"default-{number}"
        length_s = limit.limit.get_expiry()
        # Redis rounds to whole seconds; who waits for one more is surely let in.
        left_s = min(length_s, max(0, round(window.reset_time - now)) + 1)
        response.headers.add("RateLimit-Policy", f'"{name}";q={limit.limit.amount};w={length_s}')
        response.headers.add("RateLimit", f'"{name}";r={window.remaining};t={left_s}')
        if limit.breached:
            response.headers["Retry-After"] = str(left_s)
    return response
