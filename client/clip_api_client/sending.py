"""A request whose result comes in its answer or from its job."""

import time
from dataclasses import dataclass
from typing import Self

from clip_api_client import jobs
from clip_api_client.answers import JobDocument
from clip_api_client.errors import ClipError, DeadlineExceeded
from clip_api_client.places import Places
from clip_api_client.retries import Patience, send
from clip_api_client.steps import Request, Response, Steps


@dataclass(frozen=True, slots=True)
class Answered:
    """The result, or the job that has it."""

    outcome: Response | JobDocument
    job: str
    truncated_texts: int
    transparent_images: int

    @classmethod
    def of_job(cls, document: JobDocument) -> Self:
        """By way of a job that is done."""
        return cls(document, document.id, len(document.truncated), len(document.transparent))


def answered(request: Request, places: Places, patience: Patience) -> Steps[Answered]:
    """Send a request; if the service stops waiting, wait for its job.

    Raises:
        ClipError: its faults have the indices of queries in the call.
    """
    deadline = time.monotonic() + patience.timeout_s
    try:
        return (yield from _answered(request, deadline, patience))
    except ClipError as error:
        places.locate(error)
        raise


def _answered(request: Request, deadline: float, patience: Patience) -> Steps[Answered]:
    try:
        response = yield from send(request, patience)
    except DeadlineExceeded as error:
        if not error.job:
            raise
        left_s = deadline - time.monotonic()
        document = yield from jobs.finished(error.job, patience, left_s)
        return Answered.of_job(document)
    headers = response.headers
    truncated, transparent = (
        int(headers.get(name, "0")) for name in ("x-truncated-texts", "x-transparent-images")
    )
    return Answered(response, headers.get("x-job-id", ""), truncated, transparent)
