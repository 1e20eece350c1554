"""API keys: authentication, and the owner whose jobs a request may see."""

import hashlib
import hmac
from collections.abc import Iterable

from flask import Request, g, request
from pydantic import SecretStr

from api.errors import Unauthorized

OWNER_LENGTH = 16
# Blueprints that need no key and have no rate limit: they reveal nothing about jobs.
OPEN = frozenset({"docs", "health", "playground", "probes"})
# Blueprints that need a key but have no rate limit: a monitor relies on an answer.
UNLIMITED = frozenset({"metrics"})

# The blueprint whose clients show their key in the query alone.
IN_QUERY = "roboflow"


def is_open(request: Request) -> bool:
    """Whether a request needs no key; CORS preflights and unknown paths need none."""
    return request.method == "OPTIONS" or request.endpoint is None or request.blueprint in OPEN


def is_unlimited(request: Request) -> bool:
    """Whether a request has no rate limit; one with a wrong key always has."""
    return is_open(request) or (request.blueprint in UNLIMITED and g.owner is not None)


class Keyring:
    """The accepted keys; without any, every request is served."""

    def __init__(self, keys: Iterable[SecretStr]) -> None:
        self._digests = [_digest(key.get_secret_value()) for key in keys]

    def identify(self) -> None:
        """Set `g.owner`: empty if no keys are configured, None if the request has no valid key."""
        g.owner = self._owner(_shown(request)) if self._digests else ""

    def check(self) -> None:
        """Raise Unauthorized if a request needs a key and has no valid one."""
        if g.owner is None and not is_open(request):
            raise Unauthorized

    def _owner(self, key: str) -> str | None:
        digest = _digest(key)
        # All keys are compared, each in constant time, so that the time reveals nothing.
        matches = [hmac.compare_digest(digest, known) for known in self._digests]
        return digest.hex()[:OWNER_LENGTH] if any(matches) else None


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()


def _shown(request: Request) -> str:
    if key := request.headers.get("X-API-Key"):
        return key
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return key.strip()
    # Clients that know no keys take a URL with one: http://any:KEY@host.
    shown = request.authorization
    if shown and shown.type == "basic":
        return shown.password or ""
    return request.args.get("api_key", "") if request.blueprint == IN_QUERY else ""
