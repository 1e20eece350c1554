"""Every error that a client may see.

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
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class ItemFault:
    """One fault of a request: where (a JSON Pointer, RFC 6901), its code, and a description."""

    pointer: str
    code: str
    detail: str

    def as_dict(self) -> dict[str, str]:
        return asdict(self)


class ClipError(Exception):
    """The root. `code` is stable and part of the HTTP contract; `title` is constant per class."""

    code: ClassVar[str] = "error"
    title: ClassVar[str] = "Error"

    def __init__(self, detail: str = "") -> None:
        super().__init__(detail or self.title)
        self.detail = detail or self.title


def codes_of(kind: type[ClipError]) -> set[str]:
    """The codes of an error class and of all its subclasses."""
    return {kind.code}.union(*map(codes_of, kind.__subclasses__()))


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


class ItemError(ClipError):
    """One item is at fault; `detail` is a predicate whose subject is the item's pointer."""

    code = "invalid_item"
    title = "is not valid"


class TextTooLong(ItemError):
    code = "text_too_long"
    title = "has too many characters"


class InvalidBase64(ItemError):
    code = "invalid_base64"
    title = "is not valid base64"


class NotAnImage(ItemError):
    code = "not_an_image"
    title = "is not a readable image"


class ImageTooLarge(ItemError):
    code = "image_too_large"
    title = "has too many bytes"


class TooManyPixels(ItemError):
    code = "too_many_pixels"
    title = "has too many pixels"


class TooManyFrames(ItemError):
    code = "too_many_frames"
    title = "has too many frames"


class TooComplex(ItemError):
    """An image that is cheap to send and expensive to decode."""

    code = "too_complex"
    title = "takes too much work to decode"


class UrlRefused(ItemError):
    code = "url_refused"
    title = (
        "does not resolve to an allowed address and port: private networks are off by default, and"
        " the operator allows networks and hosts with CLIP_FETCH_ALLOW, ports with CLIP_FETCH_PORTS"
    )


class FetchFailed(ItemError):
    code = "fetch_failed"
    title = "could not be fetched"


class FetchTimeout(ItemError):
    code = "fetch_timeout"
    title = "took too long to fetch"


class EncodeFailed(ItemError):
    code = "encode_failed"
    title = "could not be encoded by the model"


class GivenUp(ItemError):
    code = "given_up"
    title = "was given up after repeated worker failures"


class Unavailable(ClipError):
    """The service cannot answer now; retry after `retry_after_s` seconds."""

    code = "unavailable"
    title = "The service cannot answer now"

    def __init__(self, detail: str = "", *, retry_after_s: int = 1) -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s


class QueueFull(Unavailable):
    code = "queue_full"
    title = "The queue is full"


class NoWorker(Unavailable):
    code = "no_worker"
    title = "No worker is serving this model"


class BrokerAway(Unavailable):
    code = "broker_away"
    title = "Redis does not answer"


class JobLost(Unavailable):
    code = "job_lost"
    title = "The job was lost because Redis lost its data"


class ModelChanged(Unavailable):
    code = "model_changed"
    title = "The model changed while the job ran"


class NoMemory(Unavailable):
    code = "no_memory"
    title = "A worker ran out of memory"


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
