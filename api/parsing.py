"""From the body of a request to a validated model."""

from typing import Any, TypeVar

import orjson
from flask import Request
from pydantic import TypeAdapter, ValidationError

from common.errors import InvalidRequest, ItemFault, NotJson, UnsupportedMediaType

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


def parse(request: Request, adapter: TypeAdapter[Model]) -> Model:
    """Read and validate a JSON body.

    Raises:
        UnsupportedMediaType, NotJson: it is not JSON.
        InvalidRequest: it is JSON of another shape; lists every fault.
    """
    if not request.is_json:
        raise UnsupportedMediaType
    # A body may be large and is needed once, or twice where its fingerprint is wanted.
    raw = request.get_data(cache="Idempotency-Key" in request.headers)
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise NotJson(f"{error.msg} at line {error.lineno}, column {error.colno}") from None
    try:
        return adapter.validate_python(body)
    except ValidationError as error:
        raise InvalidRequest([_fault(details) for details in error.errors()]) from None


def _fault(details: Any) -> ItemFault:  # noqa: ANN401
    location = [str(part).replace("~", "~0").replace("/", "~1") for part in details["loc"]]
    code, words = FAULTS.get(details["type"], (details["type"], details["msg"]))
    return ItemFault("".join(f"/{part}" for part in location), code, words)
