"""`metadata`: strings that a client attaches to a job, and gets back with it."""

from typing import Annotated

import orjson
from flask import Request
from pydantic import PlainValidator, TypeAdapter, ValidationError, WithJsonSchema
from pydantic_core import PydanticCustomError

from api.errors import InvalidRequest, ItemFault

PARAMETER = "metadata"
MAX_STRINGS = 16
MAX_KEY_CHARS = 64
MAX_VALUE_CHARS = 512
SCHEMA = {
    "type": "object",
    "maxProperties": MAX_STRINGS,
    "propertyNames": {"maxLength": MAX_KEY_CHARS},
    "additionalProperties": {"type": "string", "maxLength": MAX_VALUE_CHARS},
}


def _strings(given: object) -> dict[str, str]:
    if not isinstance(given, dict):
        raise _error("wrong_type", "must be an object")
    if len(given) > MAX_STRINGS:
        raise _error("too_many", f"has {len(given)} keys; the limit is {MAX_STRINGS}")
    for key, value in given.items():
        if len(key) > MAX_KEY_CHARS:
            detail = f"has a key of {len(key)} characters; the limit is {MAX_KEY_CHARS}"
            raise _error("text_too_long", detail)
        if not isinstance(value, str):
            raise _error("wrong_type", f"must have a string at {key!r}")
        if len(value) > MAX_VALUE_CHARS:
            detail = f"has {len(value)} characters at {key!r}; the limit is {MAX_VALUE_CHARS}"
            raise _error("text_too_long", detail)
    return given


def _error(code: str, detail: str) -> PydanticCustomError:
    return PydanticCustomError(code, "{detail}", {"detail": detail})


Metadata = Annotated[dict[str, str], PlainValidator(_strings), WithJsonSchema(SCHEMA)]
ADAPTER: TypeAdapter[dict[str, str]] = TypeAdapter(Metadata)


def metadata_of(request: Request, in_body: dict[str, str] | None) -> dict[str, str]:
    """The metadata of a request, in its body or as a parameter; empty if it has none.

    Raises:
        InvalidRequest: the parameter is not valid, or it is given twice.
    """
    in_query = request.args.get(PARAMETER)
    if in_query is None:
        return in_body or {}
    if in_body is not None:
        fault = ItemFault(f"/{PARAMETER}", "ambiguous_metadata", "is given twice")
        raise InvalidRequest([fault])
    try:
        return ADAPTER.validate_python(orjson.loads(in_query))
    except orjson.JSONDecodeError as error:
        code, detail = "not_json", f"is not JSON: {error.msg}"
    except ValidationError as error:
        [found] = error.errors(include_url=False, include_input=False)
        code, detail = found["type"], found["msg"]
    detail = f"parameter {PARAMETER} {detail}"
    raise InvalidRequest([ItemFault("", code, detail)], detail)
