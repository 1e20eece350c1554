"""From JSON to a validated model."""

from collections.abc import Sequence
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from api.schemas import HOLE, Item, Prompts
from common.errors import InvalidRequest, ItemFault

Model = TypeVar("Model")

# pydantic's names for what is wrong → our codes and words, which are part of the HTTP contract.
# The words go on where the pointer stopped, and may name what pydantic knows of the fault.
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
    "string_pattern_mismatch": ("invalid_name", "is not a name that can be"),
    "too_long": ("too_many", "has {actual_length} items; the limit is {max_length}"),
    "greater_than": ("too_small", "must be more than {gt}"),
    "greater_than_equal": ("too_small", "must be at least {ge}"),
    "less_than_equal": ("too_large", "must be at most {le}"),
    "finite_number": ("not_finite", "must be finite"),
    "literal_error": ("unknown_value", "must be {expected}"),
}
MAX_KEY_CHARS = 100
ADDED_CHARS_PER_PROMPT = 100
"""What templates may add to a request, for each prompt that it may have."""


def check_count(items: object, limit: int, pointer: str) -> None:
    """Raise InvalidRequest when this is an array of more items than the limit."""
    if isinstance(items, list) and len(items) > limit:
        fault = ItemFault(pointer, "too_many", f"has {len(items)} items; the limit is {limit}")
        raise InvalidRequest([fault])


def check_prompts(candidates: Sequence[Item], prompts: Prompts, limit: int) -> None:
    """Raise InvalidRequest when candidates and templates together make too many texts, or too long.

    Nothing is built for it: a small request could make a thousand times its size of text.
    """
    templates = prompts.prompts
    texts = [len(item.text) for item in candidates if item.text is not None]
    given, made = sum(texts), len(candidates) * len(templates)
    added = len(templates) * given + len(texts) * sum(map(_chars_around, templates)) - given
    max_added = limit * ADDED_CHARS_PER_PROMPT
    if len(templates) > 1 and made > limit:
        told = f"makes {made} texts of {len(candidates)} candidates; the limit is {limit}"
    elif added > max_added:
        told = f"adds {added} characters to the candidates; the limit is {max_added}"
    else:
        return
    pointer = "/template" if prompts.templates is None else "/templates"
    raise InvalidRequest([ItemFault(pointer, "too_many", told)])


def _chars_around(template: str) -> int:
    return len(template) - len(HOLE)


def validate(body: object, adapter: TypeAdapter[Model]) -> Model:
    """JSON as a model. Raises InvalidRequest when it has another shape; that lists every fault."""
    try:
        return adapter.validate_python(body)
    except ValidationError as error:
        faults = [_fault(each) for each in error.errors(include_url=False, include_input=False)]
    raise InvalidRequest(faults)


def _fault(details: Any) -> ItemFault:  # noqa: ANN401
    code, words = details["type"], details["msg"]
    if code in FAULTS:
        code, words = FAULTS[code]
        words = words.format(**details.get("ctx", {}))
    location = [str(part) for part in details["loc"]]
    if location and len(location[-1]) > MAX_KEY_CHARS:
        # A caller's own key may be of any length, and would stand in the answer.
        words = f"has an unknown key of {len(location.pop())} characters"
    return ItemFault(pointer_to(location), code, words)


def pointer_to(location: Sequence[str]) -> str:
    """A JSON Pointer (RFC 6901)."""
    escaped = [part.replace("~", "~0").replace("/", "~1") for part in location]
    return "".join(f"/{part}" for part in escaped)
