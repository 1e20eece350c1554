"""From JSON to a model: every fault, in words of ours, with a JSON Pointer."""

from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

import orjson
from pydantic import TypeAdapter, ValidationError

from api.errors import InvalidRequest, ItemFault
from api.request.schemas import Item

Model = TypeVar("Model")

# pydantic's error types → our codes and details, which are part of the HTTP contract.
# A detail is a predicate whose subject is the pointer, and may use pydantic's error context.
FAULTS = {
    "extra_forbidden": ("unknown_key", "is not a known key"),
    "missing": ("missing", "is missing"),
    "too_short": ("too_few", "needs at least one item"),
    "model_type": ("wrong_type", "must be an object"),
    "list_type": ("wrong_type", "must be an array"),
    "string_type": ("wrong_type", "must be a string"),
    "bool_type": ("wrong_type", "must be true or false"),
    "float_type": ("wrong_type", "must be a number"),
    "int_type": ("wrong_type", "must be a whole number"),
    "int_parsing": ("wrong_type", "must be a whole number"),
    "int_parsing_size": ("wrong_type", "must be a whole number of fewer digits"),
    "int_from_float": ("wrong_type", "must be a whole number"),
    "bool_parsing": ("wrong_type", "must be true or false"),
    "string_pattern_mismatch": ("invalid_name", "is not a valid name"),
    "too_long": ("too_many", "has {actual_length} items; the limit is {max_length}"),
    "greater_than": ("too_small", "must be more than {gt}"),
    "greater_than_equal": ("too_small", "must be at least {ge}"),
    "less_than_equal": ("too_large", "must be at most {le}"),
    "finite_number": ("not_finite", "must be finite"),
    "literal_error": ("unknown_value", "must be {expected}"),
}
MAX_KEY_CHARS = 100


def validate(
    body: object,
    adapter: TypeAdapter[Model],
    keys: Iterable[str] = (),
    *,
    has_items: bool = True,
) -> Model:
    """JSON as a model. Raises InvalidRequest, with every fault, if it has another shape.

    `keys` are the known keys of the body itself. If it `has_items`, every object in it is an item
    of ours, and faults say how to write those.
    """
    try:
        return adapter.validate_python(body)
    except ValidationError as error:
        faults = [_fault(each, keys, has_items) for each in error.errors(include_url=False)]
    raise InvalidRequest(faults)


def _fault(details: Any, keys: Iterable[str], has_items: bool) -> ItemFault:  # noqa: ANN401
    kind = details["type"]
    code, detail = FAULTS.get(kind, (kind, details["msg"]))
    if kind in FAULTS:
        detail = detail.format(**details.get("ctx", {}))
    location = [str(part) for part in details["loc"]]
    if kind == "extra_forbidden":
        known = Item.model_fields if len(location) > 1 else keys
        detail += f"; known keys: {', '.join(known)}"
    elif has_items and (kind == "list_type" or (kind == "model_type" and location)):
        correct = _corrected(details["input"], "".join(location[-1:]))
        if correct:
            detail += f"; write {correct if kind == 'model_type' else f'[{correct}]'}"
    if location and len(location[-1]) > MAX_KEY_CHARS:
        # A client's key may have any length, and would be part of the answer.
        detail = f"has an unknown key of {len(location.pop())} characters"
    return ItemFault(pointer_to(location), code, detail)


def _corrected(given: object, key: str) -> str:
    """The item or template that a client probably meant; empty if that is unclear."""
    if not isinstance(given, str):
        return "{…}" if isinstance(given, dict) and key != "templates" else ""
    text = orjson.dumps(_shortened(given)).decode()
    return text if key == "templates" else f'{{"{_kind_of(given)}": {text}}}'


def _kind_of(text: str) -> str:
    if text[:8].lower().startswith(("http://", "https://")):
        return "img_uri"
    return "img_blob" if text.startswith("data:") else "text"


def _shortened(text: str) -> str:
    return text if len(text) <= MAX_KEY_CHARS else f"{text[:MAX_KEY_CHARS]}…"


def pointer_to(location: Sequence[str]) -> str:
    """A JSON Pointer (RFC 6901)."""
    escaped = [part.replace("~", "~0").replace("/", "~1") for part in location]
    return "".join(f"/{part}" for part in escaped)
