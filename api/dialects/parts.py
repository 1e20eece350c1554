"""Texts and images in the bodies of dialects, in all the forms that clients send."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from api.errors import InvalidRequest, ItemFault
from api.request.schemas import Item
from api.request.validation import pointer_to

SCHEME = re.compile(r"\s*[a-zA-Z][a-zA-Z0-9+.-]{0,30}:")
IMAGE_KEYS = ("image", "image_url", "image_base64", "url", "bytes")
"""The keys whose value is an image, or an object with one."""
IMAGE_URI = re.compile(
    r"[ \t\r\n]{0,50}data:(image/[^,\s]{0,4096}|[^,]{0,4096};[ \t\r\n]*base64[ \t\r\n]*),",
    re.IGNORECASE | re.ASCII,
)
"""A data URI of an image, or one that may be: programs do not know the type of every file."""
INNER_KEYS = ("url", "base64", "data", "value")
VALUE = "value"


@dataclass(frozen=True, slots=True)
class Part:
    """A text or an image, and the JSON Pointer to it in the client's body."""

    item: Item
    where: str


def invalid(where: str, code: str, detail: str) -> InvalidRequest:
    """The error of a body; the `detail` is a predicate whose subject is the JSON Pointer."""
    return InvalidRequest([ItemFault(where, code, detail)])


def text_part(value: object, where: str) -> Part:
    """Raises InvalidRequest if it is not a string."""
    if not isinstance(value, str):
        raise invalid(where, "wrong_type", "must be a string")
    return Part(Item(text=value), where)


def string_part(value: object, where: str) -> Part:
    """A text, or an image if it is the data URI of one: many clients send only strings.

    A URL is a text. Raises InvalidRequest if it is not a string.
    """
    is_image = isinstance(value, str) and IMAGE_URI.match(value)
    return image_part(value, where) if is_image else text_part(value, where)


def image_part(value: object, where: str) -> Part:
    """An image as a data URI, a URL or bare base64; or as an object with one of these.

    Raises:
        InvalidRequest: it is neither a string nor such an object.
    """
    if isinstance(value, Mapping):
        value = next((value[key] for key in INNER_KEYS if value.get(key) is not None), None)
    if not isinstance(value, str):
        raise invalid(where, "wrong_type", "must be a URL, a data URI or base64")
    # No digit of base64 is a colon.
    is_uri = SCHEME.match(value) is not None
    return Part(Item(img_uri=value) if is_uri else Item(img_blob=value), where)


def parts_of(given: object, where: str) -> list[Part]:
    """The parts of one input: a string, or an object with texts and images.

    The forms of objects are those of OpenAI's and vLLM's content, Infinity, Jina, SGLang, Cohere,
    Voyage, LlamaIndex and Elasticsearch. `content` is a string or a list of parts.

    Raises:
        InvalidRequest: it has none of these forms, or nothing in it.
    """
    content = given.get("content") if isinstance(given, Mapping) else None
    if content is None:
        return _parts(given, where)
    where = f"{where}/content"
    if not isinstance(content, list):
        return _parts(content, where)
    if not content:
        raise invalid(where, "too_few", "needs at least one text or image")
    return [part for n, each in enumerate(content) for part in _parts(each, f"{where}/{n}")]


def _parts(given: object, where: str) -> list[Part]:
    if isinstance(given, str):
        return [string_part(given, where)]
    if not isinstance(given, Mapping):
        raise invalid(where, "wrong_type", "must be a string or an object")
    if found := list(_of_object(given, where)):
        return found
    kind = given.get("type")
    if isinstance(kind, str) and not kind.startswith(("text", "image")):
        raise invalid(where, "unsupported", "must be a text or an image: there is no other type")
    raise invalid(where, "empty_item", "needs a text or an image")


def _of_object(given: Mapping[str, object], where: str) -> Iterator[Part]:
    if given.get("text") is not None:
        yield text_part(given["text"], f"{where}/text")
    for key in IMAGE_KEYS:
        if given.get(key) is not None:
            yield image_part(given[key], where + pointer_to([key]))
    if given.get(VALUE) is not None:  # Elasticsearch has the type beside it
        make = text_part if given.get("type") == "text" else image_part
        yield make(given[VALUE], f"{where}/{VALUE}")
