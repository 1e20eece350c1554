"""Who calls: the API key that a request shows, and the owner whose jobs it may see."""

import hashlib
import hmac
from collections.abc import Iterable

from flask import Request, g, request
from pydantic import SecretStr

from common.errors import Unauthorized

OWNER_LENGTH = 16
# Blueprints that ask for no key and are not limited: they tell nothing about anybody's jobs.
OPEN = frozenset({"docs", "health", "playground"})
# Blueprints that whoever may ask may ask as often as he likes: a monitor counts on an answer.
UNLIMITED = frozenset({"metrics"})


def is_open(request: Request) -> bool:
    """Whether anybody may ask: also what other origins allow, and what leads nowhere."""
    return request.method == "OPTIONS" or request.endpoint is None or request.blueprint in OPEN


def is_unlimited(request: Request) -> bool:
    """Whether a request counts for no limit; one with a wrong key always does."""
    return is_open(request) or (request.blueprint in UNLIMITED and g.owner is not None)


class Keyring:
    """The keys that are accepted; where there are none, everybody is served."""

    def __init__(self, keys: Iterable[SecretStr]) -> None:
        self._digests = [_digest(key.get_secret_value()) for key in keys]

    def identify(self) -> None:
        """Set `g.owner`: empty where no keys are asked for, None where no valid key was shown."""
        g.owner = self._owner(_shown(request)) if self._digests else ""

    def check(self) -> None:
        """Raise Unauthorized where a key is needed and no valid one was shown."""
        if g.owner is None and not is_open(request):
            raise Unauthorized

    def _owner(self, key: str) -> str | None:
        digest = _digest(key)
        # Every key is compared, in constant time each: how long it takes tells nothing.
        matches = [hmac.compare_digest(digest, known) for known in self._digests]
        return digest.hex()[:OWNER_LENGTH] if any(matches) else None


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()


def _shown(request: Request) -> str:
    if key := request.headers.get("X-API-Key"):
        return key
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    return key.strip() if scheme.lower() == "bearer" else ""
