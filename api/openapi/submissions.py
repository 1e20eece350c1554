"""The common declarations of routes that submit items."""

from typing import Any, get_args

from pydantic import TypeAdapter

from api.answer.responses import ACCEPTED, APPLIED, LABEL_SET, TRANSPARENT, TRUNCATED
from api.errors import (
    BodyTooLarge,
    BrokenBody,
    BrokenForm,
    DeadlineExceeded,
    IdempotencyKeyReused,
    JobCancelled,
    ModelChanged,
    NotJson,
    NoWorker,
    TooManyValues,
    UnknownModel,
    UnsupportedEncoding,
    UnsupportedMediaType,
)
from api.openapi.operation import Answer, Operation, parameter
from api.openapi.webhooks import CALLBACK
from api.request.options import MAX_KEY_LENGTH
from common.errors import ClipError, JobLost, NoMemory
from common.protocol.messages import Alpha

BROKEN = (NotJson, TooManyValues, BrokenBody)
UNREADABLE = (BodyTooLarge, UnsupportedMediaType, UnsupportedEncoding)
ON_BODY = (*BROKEN, *UNREADABLE)
ON_JOB = (JobCancelled, NoWorker, JobLost, ModelChanged, NoMemory, DeadlineExceeded)
JOB_ID = {
    "X-Job-Id": "the id of the job; absent where the embedding cache had the whole answer, which "
    "makes no job"
}
SERVER_TIMING = {"Server-Timing": "milliseconds of queue, fetch, decode and inference"}
ON_ANSWER = {
    **JOB_ID,
    **SERVER_TIMING,
    **TRUNCATED,
    **TRANSPARENT,
    **LABEL_SET,
    **APPLIED,
}
SECONDS = {"type": "number", "minimum": 0}
STRING = {"type": "string"}
ALPHA = {**STRING, "enum": list(get_args(Alpha))}
KEY = {**STRING, "minLength": 1, "maxLength": MAX_KEY_LENGTH}
PARAMETERS = (
    parameter("Prefer", "header", STRING, "`respond-async` or `respond-async, wait=N`"),
    parameter("wait", "query", SECONDS, "seconds; then 202"),
    parameter("model", "query", STRING, "one of those that `GET /models` lists"),
    parameter("alpha", "query", ALPHA, "what transparent images are put on; nothing with `drop`"),
    CALLBACK,
    parameter(
        *("metadata", "query", STRING),
        "strings that the job gives back: JSON of the shape that the body of `/rank` has",
    ),
    parameter(
        *("Idempotency-Key", "header", KEY),
        "the same key with the same body is the same job; with a key there always is a job",
    ),
)


def submission(
    name: str,
    summary: str,
    description: str,
    answer: Answer[Any],
    body: TypeAdapter[Any],
    *more: type[ClipError],
) -> Operation:
    """A POST that is answered with its result, or with a job."""
    own = (BrokenForm, UnknownModel, IdempotencyKeyReused)
    return Operation(
        *(name, summary, description, (answer, ACCEPTED)),
        errors=(*ON_BODY, *own, *ON_JOB, *more),
        parameters=PARAMETERS,
        body=body,
        form=f"{name.capitalize()}Form",
    )
