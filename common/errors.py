"""The errors that both the API and the workers raise; api/errors.py draws the whole tree."""

from typing import ClassVar


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


class JobLost(Unavailable):
    code = "job_lost"
    title = "The job was lost because Redis lost its data"


class NoMemory(Unavailable):
    code = "no_memory"
    title = "A worker ran out of memory"
