"""CORS: which origins' pages may call the API; none by default."""

from collections.abc import Sequence

from flask import Flask
from flask_cors import CORS

PREFLIGHT_MAX_AGE_S = 600
ALLOWED = (
    *("Authorization", "Content-Type", "Idempotency-Key", "Prefer"),
    *("X-API-Key", "X-Request-Id"),
)
EXPOSED = (
    *("Location", "Preference-Applied", "RateLimit", "RateLimit-Policy", "Retry-After"),
    *("Server-Timing", "X-Job-Id", "X-Label-Set", "X-Request-Id"),
    *("X-Transparent-Images", "X-Truncated-Texts"),
)


def register(app: Flask, origins: Sequence[str]) -> None:
    """Allow pages of these origins to call; `*` is all of them. Credentials are never allowed."""
    CORS(
        app,
        origins=list(origins),
        methods=["GET", "HEAD", "POST", "PUT", "DELETE"],
        allow_headers=list(ALLOWED),
        expose_headers=list(EXPOSED),
        supports_credentials=False,
        max_age=PREFLIGHT_MAX_AGE_S,
        send_wildcard=True,
        always_send=False,
        intercept_exceptions=False,  # error handlers make every error a normal response
    )
