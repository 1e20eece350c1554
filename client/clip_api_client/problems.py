"""From an error response to an exception."""

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from pydantic import ValidationError

from clip_api_client import errors
from clip_api_client.answers import FaultBody, JobDocument, Problem
from clip_api_client.errors import ClipError, Fault
from clip_api_client.steps import Response

BY_STATUS: dict[int, type[ClipError]] = {
    400: errors.RequestError,
    401: errors.Unauthorized,
    403: errors.Unauthorized,
    404: errors.NotFound,
    405: errors.MethodNotAllowed,
    413: errors.BodyTooLarge,
    415: errors.UnsupportedMediaType,
    422: errors.InvalidRequest,
    429: errors.RateLimited,
    500: errors.InternalError,
    # From a proxy: the service's own errors have more detail.
    502: errors.Unavailable,
    503: errors.Unavailable,
    504: errors.Unavailable,
}
JOB = re.compile(r"/jobs/([0-9a-f]+)$")


def problem_of(response: Response) -> ClipError:
    """The exception for a response with status 400 or more."""
    try:
        problem = Problem.model_validate_json(response.body)
    except ValidationError:
        kind = BY_STATUS.get(response.status, errors.UnexpectedAnswer)
        words = f"{kind.title} (status {response.status})"
        return kind(words, status=response.status, retry_after_s=retry_after_s(response))
    kind = errors.kind_of(problem.code) or BY_STATUS.get(response.status, ClipError)
    found = JOB.search(response.headers.get("location", ""))
    error = kind(
        problem.detail or problem.title,
        status=response.status,
        retry_after_s=retry_after_s(response),
        job=found[1] if found else "",
        faults=[fault_of(each) for each in problem.errors or ()],
    )
    error.code = problem.code
    return error


def ending_of(job: JobDocument) -> ClipError | None:
    """Why a job ended without a result; None if it is done or has not ended."""
    if job.status == "done" or not job.has_ended:
        return None
    if job.status == "cancelled":
        return errors.JobCancelled(job=job.id)
    if job.status == "expired":
        return errors.DeadlineExceeded("the job was given up, it took too long", job=job.id)
    faults = [fault_of(each) for each in job.errors]
    words = "; ".join(f"{fault.pointer} {fault.detail}".strip() for fault in faults[:3])
    is_short = any(fault.code == errors.NoMemory.code for fault in faults)
    kind = errors.NoMemory if is_short else errors.InvalidRequest
    return kind(words, job=job.id, faults=faults)


def fault_of(fault: FaultBody) -> Fault:
    return Fault(fault.pointer, fault.code, fault.detail)


def retry_after_s(response: Response) -> float | None:
    """The header Retry-After, seconds or a date, as seconds from now."""
    given = response.headers.get("retry-after", "").strip()
    if re.fullmatch(r"[0-9]{1,9}", given):
        return float(given)
    try:
        at = parsedate_to_datetime(given)
    except ValueError:
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return max(0.0, (at - datetime.now(UTC)).total_seconds())
