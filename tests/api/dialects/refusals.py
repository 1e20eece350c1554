"""Refusals, which must have the shape of a dialect too."""

from collections.abc import Callable, Mapping
from typing import TypeAlias

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.conftest import ClientMaker

Headers: TypeAlias = Mapping[str, str]
Post: TypeAlias = Callable[[FlaskClient, Headers, str], TestResponse]
"""Sends two texts that are not cached, as a client: with headers, for a model; '' for any."""


def assert_refusals(make_client: ClientMaker, post: Post, key: str, keys: set[str]) -> None:
    """Of a wrong key, an unknown model, a full queue and too many requests."""
    unlimited = make_client(api_keys=key)
    # Requests without a key share a limit with those of other tests.
    unauthorized = post(unlimited, {}, "")
    limited = make_client(api_keys=key, rate_limit="2 per hour", max_open_items=1)
    headers = {"Authorization": f"Bearer {key}"}
    unknown, full, over = (post(limited, headers, model) for model in ("nowhere", "", ""))
    answers = [unauthorized, unknown, full, over]
    assert [answer.status_code for answer in answers] == [401, 404, 503, 429]
    assert [set(answer.get_json()) for answer in answers] == [keys] * 4
    assert "WWW-Authenticate" in unauthorized.headers
    assert int(full.headers["Retry-After"]) > 0
    assert int(over.headers["Retry-After"]) > 0
