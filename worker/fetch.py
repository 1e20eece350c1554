"""URL → bytes: capped in bytes and in time."""

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
from urllib3.exceptions import HTTPError

from common.errors import FetchFailed, FetchTimeout, ImageTooLarge, UrlRefused
from worker.deadline import Deadline, DeadlineAdapter

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
        with Deadline(self._timeout_s) as deadline, requests.Session() as session:
            session.trust_env = False
            session.max_redirects = MAX_REDIRECTS
            session.headers["User-Agent"] = USER_AGENT
            for scheme in ("http://", "https://"):
                session.mount(scheme, DeadlineAdapter(deadline))
            try:
                content = self._get(session, url)
            except (InvalidSchema, InvalidURL, MissingSchema):
                raise UrlRefused from None
            except (RequestException, HTTPError, OSError) as error:
                if deadline.has_passed or isinstance(error, Timeout):
                    raise FetchTimeout from None
                raise FetchFailed from None
            # A socket that was shut down looks like an answer that is complete.
            if deadline.has_passed:
                raise FetchTimeout
            return content

    def _get(self, session: requests.Session, url: str) -> bytes:
        with session.get(url, stream=True, timeout=self._timeout_s) as response:
            if response.status_code != HTTPStatus.OK:
                status = response.status_code
                raise FetchFailed(f"could not be fetched: the other side answered {status}")
            content = bytearray()
            for chunk in _chunks(response):
                content += chunk
                if len(content) > self._max_bytes:
                    raise ImageTooLarge(f"has more than the {self._max_bytes} bytes allowed")
            return bytes(content)


def _chunks(response: requests.Response) -> Iterator[bytes]:
    """Decompressed pieces as they arrive: a slow drip must not hide behind a full chunk."""
    while chunk := response.raw.read1(CHUNK_BYTES, decode_content=True):
        yield chunk
