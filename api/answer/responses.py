"""HTTP responses: the result of a job, the job itself, streamed JSON."""

from collections.abc import Iterator
from itertools import chain

import structlog
from flask import Response
from redis.exceptions import RedisError

from api.access.proxies import job_links, path_prefix
from api.answer.jobs import Accepted, Links
from api.answer.rendering import render
from api.answer.results import Outcome
from api.answer.scoring import Units
from api.openapi.operation import JSON, Answer, links_to
from common.errors import ClipError
from common.ledger.records import LabelSetVersion

log = structlog.get_logger()

RETRY_AFTER_S = 1
BLOCK_BYTES = 262_144
"""A longer answer is sent while it is made: it may be thousands of times as long as its request."""
LABEL_SET = {"X-Label-Set": "the label set that was used, and its version: `name@version`"}
TRUNCATED = {"X-Truncated-Texts": "how many texts were truncated to the model's context"}
TRANSPARENT = {"X-Transparent-Images": "how many images are not opaque"}
APPLIED = {"Preference-Applied": "`respond-async`, if that was requested"}
ACCEPTED = Answer(
    "The job continues.",
    Accepted,
    202,
    {
        "X-Job-Id": "the id of the job",
        "Location": "the job",
        "Retry-After": "seconds after which to ask for it",
        **LABEL_SET,
        **APPLIED,
    },
    links_to("job", "$response.body#/id", "job", "cancel", "forget"),
)


def result_response(outcome: Outcome, candidates: Units | None) -> Response:
    """The result of a job that has ended.

    Raises:
        InvalidRequest, JobCancelled, DeadlineExceeded: the job ended without a result.
    """
    outcome.check_done()
    return _with_label_set(describe(streamed(render(outcome, candidates)), outcome), outcome)


def describe(response: Response, outcome: Outcome) -> Response:
    """Add the headers that say how a result was made."""
    times = outcome.timings
    response.headers["Server-Timing"] = ", ".join(
        f"{name};dur={getattr(times, name) * 1000:.1f}"
        for name in ("queue", "fetch", "decode", "inference")
    )
    set_truncated(response, len(outcome.truncated_pointers()))
    set_transparent(response, len(outcome.transparent_pointers()))
    return response


def job_response(outcome: Outcome) -> Response:
    """202: the job is not finished; its Location is where to ask for it."""
    record = outcome.record
    to = Links.model_validate(job_links(record.id, path_prefix()))
    response = ACCEPTED.of(Accepted(id=record.id, status=record.state, links=to))
    response.headers["Location"] = to.self
    response.headers["Retry-After"] = str(RETRY_AFTER_S)
    return _with_label_set(response, outcome)


def streamed(pieces: Iterator[bytes]) -> Response:
    """A response of these pieces and a newline: sent whole if short, or else while it is made.

    An error before the first block is complete is raised here and gets its own status. After that
    the connection is closed before the end of the JSON.
    """
    blocks = _blocks(chain(pieces, [b"\n"]))
    first = next(blocks)
    if len(first) < BLOCK_BYTES:
        return Response(first, content_type=JSON)
    return Response(chain([first], blocks), content_type=JSON)


def _blocks(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The pieces, joined into blocks of at least BLOCK_BYTES; the last may be shorter."""
    block = bytearray()
    try:
        for piece in pieces:
            block += piece
            if len(block) >= BLOCK_BYTES:
                yield bytes(block)
                block.clear()
    except (ClipError, RedisError) as error:
        log.warning("answer_not_made", error=type(error).__name__)
        raise
    yield bytes(block)


def _with_label_set(response: Response, outcome: Outcome) -> Response:
    if outcome.label_set:
        set_label_set(response, outcome.label_set)
    return response


def set_truncated(response: Response, texts: int) -> None:
    if texts:
        response.headers["X-Truncated-Texts"] = str(texts)


def set_transparent(response: Response, images: int) -> None:
    if images:
        response.headers["X-Transparent-Images"] = str(images)


def set_label_set(response: Response, label_set: LabelSetVersion) -> None:
    response.headers["X-Label-Set"] = f"{label_set.name}@{label_set.version}"
