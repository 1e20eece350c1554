"""From JSON to a validated model."""

from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from common.errors import InvalidRequest, ItemFault

Model = TypeVar("Model")

# pydantic's names for what is wrong → our codes and words, which are part of the HTTP contract.
# The words go on where the pointer stopped.
FAULTS = {
    "extra_forbidden": ("unknown_key", "is not a known key"),
    "missing": ("missing", "is missing"),
    "too_short": ("too_few", "needs at least one item"),
    "model_type": ("wrong_type", "must be an object"),
    "list_type": ("wrong_type", "must be an array"),
    "string_type": ("wrong_type", "must be a string"),
    "bool_type": ("wrong_type", "must be true or false"),
}
MAX_KEY_CHARS = 100


def check_count(items: object, limit: int, pointer: str) -> None:
    """Raise InvalidRequest when this is an array of more items than the limit."""
    if isinstance(items, list) and len(items) > limit:
        fault = ItemFault(pointer, "too_many", f"has {len(items)} items; the limit is {limit}")
        raise InvalidRequest([fault])


def validate(body: object, adapter: TypeAdapter[Model]) -> Model:
    """JSON as a model. Raises InvalidRequest when it has another shape; that lists every fault."""
    try:
        return adapter.validate_python(body)
    except ValidationError as error:
        faults = [_fault(each) for each in error.errors(include_url=False, include_input=False)]
    raise InvalidRequest(faults)


def _fault(details: Any) -> ItemFault:  # noqa: ANN401
    code, words = FAULTS.get(details["type"], (details["type"], details["msg"]))
    location = [str(part) for part in details["loc"]]
    if location and len(location[-1]) > MAX_KEY_CHARS:
        # A caller's own key may be of any length, and would stand in the answer.
        words = f"has an unknown key of {len(location.pop())} characters"
    escaped = [part.replace("~", "~0").replace("/", "~1") for part in location]
    return ItemFault("".join(f"/{part}" for part in escaped), code, words)
