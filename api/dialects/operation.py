"""What the routes of dialects declare in common."""

from typing import Any

from pydantic import BaseModel, TypeAdapter

from api.answer.responses import TRANSPARENT, TRUNCATED
from api.dialects.dialect import Dialect
from api.errors import UnknownModel
from api.openapi.operation import Answer, Operation
from api.openapi.submissions import JOB_ID, ON_BODY, ON_JOB, SERVER_TIMING

ON_EMBEDDINGS = {**JOB_ID, **SERVER_TIMING, **TRUNCATED, **TRANSPARENT}
"""The headers of an answer that an Embedder made."""


def embedding_operation(
    dialect: Dialect,
    name: str,
    about: tuple[str, str],
    answer: tuple[str, type[BaseModel]],
    body: TypeAdapter[Any],
) -> Operation:
    """A POST that encodes items and waits for them.

    `about` is its summary and description, `answer` is its answer's description and model.
    """
    return Operation(
        *(name, *about, (Answer(*answer, headers=ON_EMBEDDINGS),)),
        errors=(*ON_BODY, UnknownModel, *ON_JOB),
        body=body,
        dialect=dialect,
    )
