"""Errors that reveal nothing about the internal network, and their causes for the log."""

from collections.abc import Iterator
from contextlib import contextmanager

from requests.exceptions import InvalidProxyURL, InvalidURL, MissingSchema, RequestException
from urllib3.exceptions import HTTPError

from common.errors import ClipError, FetchFailed, FetchTimeout, UrlRefused
from worker.net.deadline import Deadline
from worker.net.guard import Forbidden

MAX_REASON_CHARS = 200


@contextmanager
def as_clip_errors(deadline: Deadline) -> Iterator[None]:
    """Turn all errors into ones that a client may see; their causes are for the log."""
    try:
        yield
    except InvalidProxyURL as error:  # a subclass of InvalidURL, but not the client's fault
        raise FetchFailed from error
    except (InvalidURL, MissingSchema, UnicodeError) as error:
        raise UrlRefused from error
    except (RequestException, HTTPError, OSError) as error:
        raise (FetchTimeout if deadline.has_passed else FetchFailed) from error
    # A socket that was shut down looks like a complete answer.
    if deadline.has_passed:
        raise FetchTimeout


def cause_of(error: BaseException) -> dict[str, str]:
    """The fields for the log: the class of the root cause, its message and its address.

    Messages of libraries may contain a whole URL, and so secrets: only those of the system and our
    own are logged.
    """
    root = _root_of(error)
    fields = {"error": type(root).__name__}
    is_system_error = isinstance(root, OSError) and not isinstance(root, RequestException)
    if is_system_error or isinstance(root, ClipError | Forbidden):
        fields["reason"] = str(root)[:MAX_REASON_CHARS]
    if isinstance(root, Forbidden) and root.address:
        fields["address"] = root.address
    return fields


def _root_of(error: BaseException) -> BaseException:
    seen = {id(error)}
    while True:
        below = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
        if below is None or id(below) in seen:
            return error
        seen.add(id(below))
        error = below
