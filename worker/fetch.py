"""URL → bytes: capped in bytes and in time."""

import time
from collections.abc import Iterator
from http import HTTPStatus

import requests
from requests.exceptions import (
    InvalidSchema,
    InvalidURL,
    MissingSchema,
    RequestException,
    Timeout,
)

from common.errors import FetchFailed, FetchTimeout, ImageTooLarge, UrlRefused

CHUNK_BYTES = 65_536
MAX_REDIRECTS = 5
USER_AGENT = "clip-api"


class Fetcher:
    """Fetches pictures. Safe to use from many threads."""

    def __init__(self, max_bytes: int, timeout_s: float) -> None:
        self._max_bytes = max_bytes
        self._timeout_s = timeout_s

    def fetch(self, url: str) -> bytes:
        """The bytes behind a URL.

        Raises:
            UrlRefused: it is not an http or https URL.
            FetchFailed, FetchTimeout: the other side did not deliver, or not in time.
            ImageTooLarge: it delivers more than is allowed.
        """
        deadline = time.monotonic() + self._timeout_s
        with requests.Session() as session:
            session.trust_env = False
            session.max_redirects = MAX_REDIRECTS
            session.headers["User-Agent"] = USER_AGENT
            try:
                with session.get(url, stream=True, timeout=self._timeout_s) as response:
                    if response.status_code != HTTPStatus.OK:
                        raise FetchFailed(
                            f"could not be fetched: the other side answered {response.status_code}"
                        )
                    return self._read(response, deadline)
            except Timeout:
                raise FetchTimeout from None
            except (InvalidSchema, InvalidURL, MissingSchema):
                raise UrlRefused from None
            except RequestException:
                raise FetchFailed from None

    def _read(self, response: requests.Response, deadline: float) -> bytes:
        content = bytearray()
        for chunk in _chunks(response):
            content += chunk
            if len(content) > self._max_bytes:
                raise ImageTooLarge(f"has more than the {self._max_bytes} bytes allowed")
            if time.monotonic() > deadline:
                raise FetchTimeout
        return bytes(content)


def _chunks(response: requests.Response) -> Iterator[bytes]:
    """Decompressed pieces as they arrive: a slow drip must not hide behind a full chunk."""
    while chunk := response.raw.read1(CHUNK_BYTES, decode_content=True):
        yield chunk
