"""Which messages a worker takes. Anybody may have written them who can write to Redis."""

import base64
from dataclasses import dataclass
from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, Field, TypeAdapter

from common.protocol import MAX_PARTS, PASSING, TASK_NAME, Broken, load_json

MAX_MESSAGE_BYTES = 16_384  # ours have about 1,200

JobId: TypeAlias = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
PartNumber: TypeAlias = Annotated[int, Field(ge=0, lt=MAX_PARTS)]
# The same as in api.app.
RequestId: TypeAlias = Annotated[str, Field(pattern=r"^[0-9A-Za-z_.:/+=-]{1,128}$")]


class Options(BaseModel):
    """The task's keyword arguments; those of a later release are passed over."""

    request_id: RequestId


class Headers(BaseModel):
    task: str


class Properties(BaseModel):
    body_encoding: Literal["base64"]


class Envelope(BaseModel):
    """A message as Kombu puts it on a list; whatever else it holds is ignored."""

    headers: Headers
    properties: Properties
    content_type: Annotated[Literal["application/json"], Field(alias="content-type")]
    content_encoding: Annotated[Literal["utf-8"], Field(alias="content-encoding")]
    body: str


Signatures: TypeAlias = dict[Literal["callbacks", "errbacks", "chain", "chord"], None]
Body: TypeAlias = tuple[tuple[JobId, PartNumber], Options, Signatures]

ENVELOPE = TypeAdapter(Envelope)
BODY: TypeAdapter[Body] = TypeAdapter(Body, config=PASSING)


@dataclass(frozen=True, slots=True)
class Admitted:
    """All that a message has a say in."""

    job: str
    part: int
    request_id: str


def admit(raw: bytes) -> Admitted:
    """What was checked of a message, and nothing else.

    So it has no say in when or how often it runs, in what runs after it, or in how it is packed.

    Raises:
        Broken: it is not one of those that `common.messages` makes.
    """
    if len(raw) > MAX_MESSAGE_BYTES:
        raise Broken(f"has {len(raw)} bytes; the limit is {MAX_MESSAGE_BYTES}")
    envelope = load_json(ENVELOPE, raw)
    if envelope.headers.task != TASK_NAME:
        raise Broken("headers/task: is no task of ours")
    try:
        body = base64.b64decode(envelope.body, validate=True)
    except ValueError:
        raise Broken("body: is not valid base64") from None
    (job, part), options, _ = load_json(BODY, body)
    return Admitted(job, part, options.request_id)
