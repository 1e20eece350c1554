"""Operations on jobs."""

import json
import time
from collections.abc import Callable, Mapping
from typing import TypeVar
from urllib.parse import quote

from clip_api_client.answers import JobDocument, JobPage, State, read
from clip_api_client.errors import DeadlineExceeded, RequestError
from clip_api_client.problems import ending_of
from clip_api_client.progress import Meter, ProgressOption
from clip_api_client.retries import Patience, send
from clip_api_client.steps import Request, Response, Steps

JSON = {"Content-Type": "application/json"}
NOTHING: Mapping[str, str | None] = {}
NO_NAMES = ("", ".", "..")
"""A path that ends with one of these is that of another resource."""
PAGE = 100
LONG_WAIT_S = 30.0
REPORTED_EVERY_S = 1.0
Answer = TypeVar("Answer")


def post(
    path: str,
    body: object,
    *,
    parameters: Mapping[str, str | None] = NOTHING,
    is_async: bool = False,
) -> Request:
    """A request with a JSON body, whose bytes are the same in each attempt."""
    given = {name: value for name, value in parameters.items() if value}
    headers = {**JSON, "Prefer": "respond-async"} if is_async else JSON
    content = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    return Request("POST", path, given, headers, content)


def fetch(job: str, patience: Patience, wait_s: float = 0) -> Steps[JobDocument]:
    """A job's document, once it has ended or after `wait_s` seconds."""
    parameters = {"wait": f"{wait_s:g}"} if wait_s else {}
    response = yield from send(Request("GET", path_of(job), parameters), patience)
    return read(response, JobDocument)


def wait(
    job: str,
    patience: Patience,
    *,
    timeout_s: float | None = None,
    progress: ProgressOption = None,
    seen: Callable[[JobDocument], None] | None = None,
) -> Steps[JobDocument]:
    """Wait until a job has ended.

    Raises:
        DeadlineExceeded: it has not ended after `timeout_s`; the job continues.
    """
    deadline = None if timeout_s is None else time.monotonic() + timeout_s
    meter: Meter | None = None
    while True:
        left_s = LONG_WAIT_S if deadline is None else max(0.0, deadline - time.monotonic())
        wait_s = min(REPORTED_EVERY_S if progress else LONG_WAIT_S, left_s)
        # The first request does not wait, so that a bar appears at once.
        document = yield from fetch(job, patience, 0 if progress and meter is None else wait_s)
        if seen:
            seen(document)
        count = document.progress
        meter = meter or Meter(progress, count.total)
        meter.set(count.done, count.failed)
        if document.has_ended:
            return document
        if deadline is not None and time.monotonic() >= deadline:
            raise DeadlineExceeded(f"the job goes on after {timeout_s:g} s", job=job)


def finished(job: str, patience: Patience, timeout_s: float) -> Steps[JobDocument]:
    """Wait for the job of a synchronous request. Raises the job's error if it is not done."""
    document = yield from wait(job, patience, timeout_s=timeout_s)
    error = ending_of(document)
    if error:
        raise error
    return document


def cancel(job: str, patience: Patience) -> Steps[JobDocument]:
    response = yield from send(Request("POST", f"{path_of(job)}/cancel"), patience)
    return read(response, JobDocument)


def delete(job: str, patience: Patience) -> Steps[None]:
    yield from send(Request("DELETE", path_of(job)), patience)


def page(status: State | None, cursor: str | None, patience: Patience) -> Steps[JobPage]:
    given = {"status": status, "cursor": cursor, "limit": str(PAGE)}
    parameters = {name: value for name, value in given.items() if value is not None}
    response = yield from send(Request("GET", "/jobs", parameters), patience)
    return read(response, JobPage)


def get(path: str, kind: type[Answer], patience: Patience) -> Steps[Answer]:
    response: Response = yield from send(Request("GET", path), patience)
    return read(response, kind)


def path_of(job: str) -> str:
    return path_in("/jobs", job)


def path_in(folder: str, name: str) -> str:
    """The path of a job or a label set. Raises RequestError for a name that leads elsewhere."""
    if name in NO_NAMES:
        raise RequestError(f"{name!r} cannot be an ID or a name")
    return f"{folder}/{quote(name, safe='')}"
