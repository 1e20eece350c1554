"""Types of fields that dialects share. They read numbers in strings, as other services do."""

from typing import Annotated, Any, TypeAlias

from pydantic import (
    BeforeValidator,
    Field,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)
from pydantic_core import PydanticCustomError, PydanticKnownError


def _no_bool(given: object) -> object:
    if isinstance(given, bool):
        raise PydanticKnownError("int_type")
    return given


Whole: TypeAlias = Annotated[int, BeforeValidator(_no_bool)]
"""A whole number; pydantic alone reads `true` as 1."""
Count: TypeAlias = Annotated[Whole, Field(ge=1)]
"""A whole number of at least 1."""


def fault_of_any(code: str, detail: str) -> WrapValidator:
    """For a field of several types: one fault, instead of one for each type."""

    def validate(given: Any, handler: ValidatorFunctionWrapHandler) -> Any:  # noqa: ANN401
        try:
            return handler(given)
        except ValidationError:
            raise PydanticCustomError(code, detail) from None

    return WrapValidator(validate)
