"""Errors as OpenAI's, with the `detail` that Jina's clients read."""

from pydantic import BaseModel, Field

from api.dialects.dialect import Dialect, message_of, parameter_of
from api.errors import RateLimited, Unauthorized, UnknownModel
from api.problem_details import Problem

INVALID, SERVER = "invalid_request_error", "server_error"
SERVER_ERRORS = 500
TYPES = {Unauthorized.code: "authentication_error", RateLimited.code: "rate_limit_error"}
CODES = {UnknownModel.code: "model_not_found", Unauthorized.code: "invalid_api_key"}
RATE_LIMIT = {RateLimited.code: "rate_limit_exceeded"}


class OpenAIFault(BaseModel):
    """What went wrong."""

    message: str
    type: str = Field(examples=[INVALID])
    param: str | None = Field(description="what is at fault", examples=["input[3]"])
    code: str | None = Field(description="for programs", examples=["not_an_image"])


class OpenAIError(BaseModel):
    """The shape of OpenAI's errors."""

    error: OpenAIFault
    detail: str = Field(description="the message again, for clients of Jina")


def error_of(problem: Problem) -> OpenAIError:
    """A problem as OpenAI tells it."""
    faults = problem.errors or []
    kind = SERVER if problem.status >= SERVER_ERRORS else INVALID
    code = faults[0].code if faults else problem.code
    message = message_of(problem)
    return OpenAIError(
        error=OpenAIFault(
            message=message,
            type=TYPES.get(problem.code, kind),
            param=parameter_of(faults[0].pointer) or None if faults else None,
            code=(CODES | RATE_LIMIT).get(problem.code, code),
        ),
        detail=message,
    )


DIALECT = Dialect("openai", error_of, OpenAIError, prefixes=("/v1/",))
