"""The errors of an operation in the OpenAPI document, each with an example.

An executed example, where there is one, takes the place of the one made here.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from api import errors
from api.dialects import dialect as dialects
from api.errors import InvalidRequest, ItemFault
from api.openapi.operation import Operation, Schema, known_parameters, parameter_fault
from api.openapi.schemas import ref
from api.problem_details import Problem, make_problem, status_of, to_json
from common.errors import ClipError, NotAnImage, Unavailable

MEDIA_TYPE = "application/problem+json"
OF_JOB = {"X-Job-Id": "the id of the job, if there was one"}
RETRY = {
    "Retry-After": "seconds until another try makes sense",
    "Location": "the job, if it was accepted: it goes on",
    **OF_JOB,
}
HEADERS: dict[type[ClipError], dict[str, str]] = {
    errors.Unauthorized: {"WWW-Authenticate": "`Bearer`"},
    errors.RateLimited: {
        "Retry-After": "seconds until a request is served again",
        "RateLimit": "what is left, as draft-ietf-httpapi-ratelimit-headers has it",
        "RateLimit-Policy": "the limits in force",
    },
    Unavailable: RETRY,
    errors.DeadlineExceeded: {"Location": "the job, if it goes on", **OF_JOB},
    errors.InvalidRequest: OF_JOB,
    errors.JobCancelled: OF_JOB,
    errors.UnsupportedEncoding: {"Accept-Encoding": "`identity`"},
}
DETAILS: dict[type[ClipError], str] = {
    errors.NotJson: "unexpected character at line 1, column 2",
    errors.UnsupportedMediaType: "the body must be application/json",
    errors.NotFound: "no such job",
    errors.NoSuchLabelSet: "there is no label set 'things'",
    errors.DeadlineExceeded: "no answer within 60 seconds",
    errors.InternalError: "a bug in the service; its log has the details of incident "
    "5f0c9be1d2a74836",
}
"""Where a detail says more than the title."""
UNKNOWN_MODEL = ItemFault(
    "", "unknown_model", "parameter model is 'clip', which is not served; served models: demo"
)
ITEM_AT_FAULT = ItemFault("", NotAnImage.code, "the second item is not a readable image")
UNKNOWN = "page"
"""A parameter that no operation knows."""


def problems(kinds: Iterable[type[ClipError]], operation: Operation) -> dict[str, Schema]:
    """The error responses of an operation, by status, in the shape of its dialect."""
    found: dict[int, list[type[ClipError]]] = {}
    for kind in kinds:
        found.setdefault(_status_of(kind, operation), []).append(kind)
    dialect = operation.dialect
    model = dialect.error_model if dialect else Problem
    return {
        str(status): {
            "description": "; ".join(kind.title for kind in same),
            "content": {
                dialects.JSON if dialect else MEDIA_TYPE: {
                    "schema": ref(model.__name__),
                    "examples": {kind.code: _example(kind, operation) for kind in same},
                }
            },
            **headers({k: v for kind in same for k, v in _headers_of(kind).items()}),
        }
        for status, same in sorted(found.items())
    }


def headers(described: Mapping[str, str]) -> Schema:
    """The headers of a response, if it has any."""
    string = {"type": "string"}
    found = {name: {"description": words, "schema": string} for name, words in described.items()}
    return {"headers": found} if found else {}


def _headers_of(kind: type[ClipError]) -> dict[str, str]:
    return next((HEADERS[each] for each in kind.__mro__ if each in HEADERS), {})


def _status_of(kind: type[ClipError], operation: Operation) -> int:
    if operation.dialect:
        return dialects.status_of(_problem(kind, operation))
    return status_of(kind)


def _problem(kind: type[ClipError], operation: Operation) -> Problem:
    fault = _fault(kind, operation)
    detail = fault.detail if fault else DETAILS.get(kind, kind.title)
    return make_problem(status_of(kind), kind.code, kind.title, detail, [fault] if fault else [])


def _example(kind: type[ClipError], operation: Operation) -> dict[str, Any]:
    problem = _problem(kind, operation)
    if operation.dialect:
        return {"summary": kind.title, "value": operation.dialect.error(problem).model_dump()}
    return {"summary": kind.title, "value": orjson.loads(to_json(problem))}


def _fault(kind: type[ClipError], operation: Operation) -> ItemFault | None:
    if kind is errors.UnknownModel:
        return UNKNOWN_MODEL
    if not issubclass(kind, InvalidRequest):
        return None
    if operation.dialect:
        return ITEM_AT_FAULT
    return parameter_fault(UNKNOWN, known_parameters(operation))
