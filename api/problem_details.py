"""Errors as HTTP responses: one table of status codes, one shape (RFC 9457)."""

import secrets
from collections.abc import Sequence

import structlog
from flask import Flask, Response, g, request
from pydantic import BaseModel, Field
from redis.exceptions import RedisError
from werkzeug.exceptions import HTTPException

from api.access.proxies import job_links, path_prefix
from api.errors import (
    BodyTooLarge,
    BrokerAway,
    DeadlineExceeded,
    IdempotencyKeyReused,
    InternalError,
    InvalidRequest,
    ItemFault,
    JobCancelled,
    JobHasEnded,
    MethodNotAllowed,
    NotFound,
    NotJson,
    RateLimited,
    RequestError,
    TooManyLabelSets,
    Unauthorized,
    UnsupportedEncoding,
    UnsupportedMediaType,
)
from common.errors import ClipError, ItemError, Unavailable
from common.redis.server import CLUSTER, is_of_cluster

MAX_FAULTS = 100
MAX_SHOWN_PATH_CHARS = 200

log = structlog.get_logger()

STATUS: dict[type[ClipError], int] = {
    NotJson: 400,
    UnsupportedEncoding: 415,
    UnsupportedMediaType: 415,
    BodyTooLarge: 413,
    Unauthorized: 401,
    RateLimited: 429,
    NotFound: 404,
    MethodNotAllowed: 405,
    JobHasEnded: 409,
    JobCancelled: 409,
    IdempotencyKeyReused: 422,
    TooManyLabelSets: 409,
    InvalidRequest: 422,
    Unavailable: 503,
    DeadlineExceeded: 504,
    InternalError: 500,
    RequestError: 400,
    ItemError: 422,
}

FROM_WERKZEUG: dict[int, type[ClipError]] = {
    404: NotFound,
    405: MethodNotAllowed,
    413: BodyTooLarge,
    415: UnsupportedMediaType,
    429: RateLimited,
}


class FaultBody(BaseModel):
    """One error in a request."""

    pointer: str = Field(description="JSON Pointer into the request", examples=["/queries/3"])
    code: str = Field(description="stable, for programs", examples=["not_an_image"])
    detail: str = Field(description="in words, for people")


class Problem(BaseModel):
    """The one shape of every error (RFC 9457)."""

    type: str = Field(examples=["about:blank"])
    title: str
    status: int
    detail: str
    code: str
    errors: list[FaultBody] | None = None


class ProblemResponse(Response):
    """An error response, which keeps its problem for the metrics and for dialects."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(to_json(problem), problem.status, content_type="application/problem+json")
        self.problem = problem


def status_of(error: type[ClipError]) -> int:
    return next(STATUS[kind] for kind in error.__mro__ if kind in STATUS)


def problem(
    status: int, code: str, title: str, detail: str, faults: Sequence[ItemFault] = ()
) -> Response:
    """A response of type `application/problem+json`."""
    return ProblemResponse(make_problem(status, code, title, detail, faults))


def problem_body(
    status: int, code: str, title: str, detail: str, faults: Sequence[ItemFault] = ()
) -> bytes:
    """The JSON of a problem, to answer without Flask."""
    return to_json(make_problem(status, code, title, detail, faults))


def make_problem(
    status: int, code: str, title: str, detail: str, faults: Sequence[ItemFault] = ()
) -> Problem:
    made = Problem(type="about:blank", title=title, status=status, detail=detail, code=code)
    if faults:
        made.errors = [FaultBody(**fault.as_dict()) for fault in faults[:MAX_FAULTS]]
    return made


def to_json(model: BaseModel) -> bytes:
    """The body of a response, with a final newline and without optional fields that are unset."""
    return model.model_dump_json(exclude_unset=True).encode() + b"\n"


def answer_clip_error(error: ClipError) -> Response:
    if isinstance(error, InternalError):
        return answer_bug(error)
    status = status_of(type(error))
    faults = error.faults if isinstance(error, InvalidRequest) else ()
    detail = error.detail
    if len(faults) > MAX_FAULTS:
        detail += f"; the first {MAX_FAULTS} of {len(faults)} are listed"
    response = problem(status, error.code, error.title, detail, faults)
    if isinstance(error, Unauthorized):
        response.headers["WWW-Authenticate"] = "Bearer"
    if isinstance(error, Unavailable):
        response.headers["Retry-After"] = str(error.retry_after_s)
    if isinstance(error, UnsupportedEncoding):
        response.headers["Accept-Encoding"] = "identity"
    if isinstance(error, DeadlineExceeded) and error.job:
        response.headers["Location"] = job_links(error.job, path_prefix())["self"]
    return response


def answer_outage(error: RedisError) -> Response:
    """Redis does not answer. A job that was accepted before continues once it does."""
    if is_of_cluster(error):
        return answer_clip_error(BrokerAway(CLUSTER))
    if "job" not in g:
        return answer_clip_error(BrokerAway())
    location = job_links(g.job, path_prefix())["self"]
    detail = f"{BrokerAway.title}; the job was accepted and is at {location}"
    response = answer_clip_error(BrokerAway(detail))
    response.headers["Location"] = location
    return response


def answer_http_exception(error: HTTPException) -> Response:
    """Flask's own errors, in our shape; their headers, such as Allow, are kept."""
    status = error.code or 500
    kind = FROM_WERKZEUG.get(status, RequestError)
    detail = _no_such_path() if kind is NotFound else kind.title
    response = problem(status, kind.code, kind.title, detail)
    for name, value in error.get_headers():
        if name.lower() not in ("content-type", "content-length"):
            response.headers[name] = value
    return response


def _no_such_path() -> str:
    """Names the path: often the base URL of a client lacks a version, or has one too many."""
    path, prefix = request.path[:MAX_SHOWN_PATH_CHARS], path_prefix()
    return f"there is no {prefix}{path}; {prefix}/docs lists the paths"


def answer_bug(error: Exception) -> Response:
    """A bug: the answer has an id that is also in the log, and reveals nothing else."""
    incident = secrets.token_hex(8)
    log.error("bug", incident=incident, exc_info=error)
    return problem(
        500,
        InternalError.code,
        InternalError.title,
        f"a bug in the service; its log has the details of incident {incident}",
    )


def register(app: Flask) -> None:
    app.register_error_handler(ClipError, answer_clip_error)
    app.register_error_handler(RedisError, answer_outage)
    app.register_error_handler(HTTPException, answer_http_exception)
    app.register_error_handler(Exception, answer_bug)
