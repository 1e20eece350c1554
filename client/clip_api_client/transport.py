"""Converts between our requests and those of httpx."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from clip_api_client.errors import Unreachable
from clip_api_client.steps import Request, Response

CONNECT_TIMEOUT_S = 10.0


def arguments(request: Request) -> dict[str, Any]:
    """The arguments of `httpx.Client.request`."""
    return {
        "method": request.method,
        "url": request.path,
        "params": request.parameters,
        "headers": request.headers,
        "content": request.body,
        "timeout": httpx.Timeout(
            request.timeout_s, connect=min(CONNECT_TIMEOUT_S, request.timeout_s)
        ),
    }


def response_of(answer: httpx.Response) -> Response:
    return Response(answer.status_code, dict(answer.headers), answer.content)


@contextmanager
def telling_of_outages(url: str) -> Iterator[None]:
    """Raise every error without an answer as Unreachable."""
    try:
        yield
    except httpx.TransportError as error:
        words = str(error) or type(error).__name__
        raise Unreachable(f"{url} does not answer: {words}") from error
