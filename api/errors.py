"""Every error that a client may see; common/errors.py has those that workers raise too.

ClipError
├── RequestError                    the request is at fault
│   ├── BrokenBody
│   ├── BrokenForm
│   ├── NotJson
│   ├── TooManyValues
│   ├── UnsupportedMediaType
│   ├── UnsupportedEncoding
│   ├── BodyTooLarge
│   ├── Unauthorized
│   ├── RateLimited
│   ├── NotFound
│   │   └── NoSuchLabelSet
│   ├── MethodNotAllowed
│   ├── JobHasEnded
│   ├── JobCancelled
│   ├── IdempotencyKeyReused
│   ├── TooManyLabelSets
│   └── InvalidRequest              carries one ItemFault for each item at fault
│       └── UnknownModel
├── ItemError                       one item is at fault
│   ├── TextTooLong
│   ├── InvalidBase64
│   ├── NotAnImage
│   ├── ImageTooLarge
│   ├── TooManyPixels
│   ├── TooManyFrames
│   ├── TooComplex
│   ├── UrlRefused
│   ├── FetchFailed
│   ├── FetchTimeout
│   ├── EncodeFailed
│   └── GivenUp
├── Unavailable                     the service is at fault, retry
│   ├── QueueFull
│   ├── NoWorker
│   ├── BrokerAway
│   ├── JobLost
│   ├── ModelChanged
│   └── NoMemory
├── DeadlineExceeded
└── InternalError
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from common.errors import ClipError, Unavailable


@dataclass(frozen=True, slots=True)
class ItemFault:
    """One fault of a request: where (a JSON Pointer, RFC 6901), its code, and a description."""

    pointer: str
    code: str
    detail: str

    def as_dict(self) -> dict[str, str]:
        return asdict(self)


class RequestError(ClipError):
    code = "bad_request"
    title = "The request cannot be served"


class BrokenBody(RequestError):
    code = "broken_body"
    title = "The body is incomplete or badly framed"


class BrokenForm(RequestError):
    code = "broken_form"
    title = "The body is not valid multipart/form-data"


class NotJson(RequestError):
    code = "not_json"
    title = "The body is not valid JSON"


class TooManyValues(RequestError):
    code = "too_many_values"
    title = "The body has too many JSON values"


class UnsupportedMediaType(RequestError):
    code = "unsupported_media_type"
    title = "Unsupported media type"


class UnsupportedEncoding(RequestError):
    code = "unsupported_encoding"
    title = "Content encodings are not supported"


class BodyTooLarge(RequestError):
    code = "body_too_large"
    title = "The body is too large"


class Unauthorized(RequestError):
    code = "unauthorized"
    title = "API key missing or not valid"


class RateLimited(RequestError):
    code = "rate_limited"
    title = "Too many requests"


class NotFound(RequestError):
    code = "not_found"
    title = "Not found"


class NoSuchLabelSet(NotFound):
    code = "no_such_label_set"
    title = "No such label set"


class MethodNotAllowed(RequestError):
    code = "method_not_allowed"
    title = "Method not allowed"


class JobHasEnded(RequestError):
    code = "job_has_ended"
    title = "The job has ended"


class JobCancelled(RequestError):
    code = "job_cancelled"
    title = "The job was cancelled"


class IdempotencyKeyReused(RequestError):
    code = "idempotency_key_reused"
    title = "The idempotency key was used for another request"


class TooManyLabelSets(RequestError):
    code = "too_many_label_sets"
    title = "Too many label sets"


class InvalidRequest(RequestError):
    code = "invalid_request"
    title = "The request is not valid"

    def __init__(self, faults: Sequence[ItemFault], detail: str = "") -> None:
        super().__init__(detail or _summary(faults))
        self.faults = tuple(faults)


class UnknownModel(InvalidRequest):
    code = "unknown_model"
    title = "No such model is served"


def _summary(faults: Sequence[ItemFault], shown: int = 3) -> str:
    text = "; ".join(f"{fault.pointer or 'the body'} {fault.detail}" for fault in faults[:shown])
    return text if len(faults) <= shown else f"{text}; and {len(faults) - shown} more"


class QueueFull(Unavailable):
    code = "queue_full"
    title = "The queue is full"


class NoWorker(Unavailable):
    code = "no_worker"
    title = "No worker is serving this model"


class BrokerAway(Unavailable):
    code = "broker_away"
    title = "Redis does not answer"


class ModelChanged(Unavailable):
    code = "model_changed"
    title = "The model changed while the job ran"


class DeadlineExceeded(ClipError):
    """No answer in time; `job` is the id of the job if it continues."""

    code = "deadline_exceeded"
    title = "The deadline passed"

    def __init__(self, detail: str = "", *, job: str = "") -> None:
        super().__init__(detail)
        self.job = job


class InternalError(ClipError):
    code = "internal_error"
    title = "Internal error"
