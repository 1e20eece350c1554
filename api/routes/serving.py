"""What /rank and /encode share: how a job is asked for, waited for and answered."""

import hashlib
from collections.abc import Iterator, Sequence
from itertools import chain

import orjson
import structlog
from flask import Request as FlaskRequest
from flask import Response, g
from redis.exceptions import RedisError

from api.answer.jobs import Accepted, Links
from api.answer.rendering import render
from api.answer.results import Outcome
from api.answer.scoring import Units
from api.dispatch.dispatcher import Dispatcher
from api.openapi.operation import JSON
from api.request.body import JsonBody, check_prompts
from api.request.callbacks import PARAMETER
from api.request.items import ItemCollector
from api.request.preference import Preference, preference
from api.request.request import NamedModel, Request
from api.request.schemas import Item, Prompts
from api.routes.submissions import ACCEPTED, MAX_KEY_LENGTH
from api.settings import ApiSettings
from common.errors import ClipError, DeadlineExceeded, InvalidRequest, ItemFault
from common.ledger.records import Idempotency, LabelSetVersion, links
from common.protocol.messages import Priority

log = structlog.get_logger()

RETRY_AFTER_S = 1
BLOCK_BYTES = 262_144
"""A longer answer is sent while it is made: it may be thousands of times its request."""


def preference_of(request: FlaskRequest, settings: ApiSettings) -> Preference:
    headers = request.headers.getlist("Prefer")
    return preference(headers, request.args.get("wait"), settings.sync_timeout_s)


def collector(settings: ApiSettings) -> ItemCollector:
    """Collects items within this deployment's limits."""
    return ItemCollector(settings.max_image_bytes, settings.max_text_chars, settings.fetch_urls)


def add_candidates(
    items: ItemCollector,
    candidates: Sequence[Item],
    prompts: Prompts,
    settings: ApiSettings,
    *,
    are_queries: bool,
) -> None:
    """Add candidates, each in all its templates. Raises InvalidRequest for too many texts."""
    check_prompts(candidates, prompts, settings.max_prompts)
    items.add(
        candidates,
        "/candidates",
        are_queries=are_queries,
        required=True,
        templates=prompts.prompts,
    )


def serve(request: Request, dispatcher: Dispatcher, settings: ApiSettings) -> Response:
    """Have a request's items encoded, and answer with the result or with the job."""
    outcome = outcome_of(request, dispatcher, settings)
    is_async = request.priority is Priority.BULK
    if outcome.record.has_ended and not (is_async and request.deadline <= g.started):
        if not is_async:
            outcome.hold()
        response = answer(outcome, dispatcher.label_sets.candidates_of(outcome))
    else:
        response = accepted(outcome)
    if is_async:
        response.headers["Preference-Applied"] = "respond-async"
    return response


def outcome_of(request: Request, dispatcher: Dispatcher, settings: ApiSettings) -> Outcome:
    """What came of a request until its deadline.

    Raises:
        QueueFull: an interactive request could not be done in time.
        DeadlineExceeded: one is not done; its job goes on.
    """
    resolved = dispatcher.resolve(request)
    outcome = dispatcher.cached(resolved)
    is_interactive = request.priority is Priority.INTERACTIVE
    if is_interactive:
        g.cached = outcome is not None
    if outcome:
        return outcome
    with dispatcher.place(resolved.request) as deadline:
        submitted = dispatcher.submit(resolved)
        g.job = submitted.job
        outcome = dispatcher.follow(submitted, request.owner, deadline)
    if is_interactive and not outcome.record.has_ended:
        dispatcher.jobs.keep(submitted.job, settings.result_ttl_s)
        seconds = f"{settings.sync_timeout_s:g}"
        raise DeadlineExceeded(f"no answer within {seconds} seconds", job=submitted.job)
    return outcome


def named_model(request: FlaskRequest, in_body: str | None = None) -> NamedModel | None:
    """The model that a request names, in its body or as a parameter; None when it names none.

    Raises:
        InvalidRequest: it names two.
    """
    names = set(request.args.getlist("model"))
    pointer = "" if in_body is None else "/model"
    if in_body is not None:
        names.add(in_body)
    if len(names) > 1:
        detail = "parameter model: names another model than the rest of the request"
        raise InvalidRequest([ItemFault(pointer, "ambiguous_model", detail)], detail)
    return NamedModel(names.pop(), pointer) if names else None


def idempotency_of(request: FlaskRequest, body: JsonBody, owner: str) -> Idempotency | None:
    """The request's idempotency key, bound to owner and path; and what sets the request apart.

    Raises:
        InvalidRequest: the key is empty or too long.
    """
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return None
    if not 0 < len(key) <= MAX_KEY_LENGTH:
        fault = ItemFault("", "invalid_idempotency_key", "has an empty or too long idempotency key")
        raise InvalidRequest([fault])
    bound = hashlib.sha256(f"{owner}\n{request.path}\n{key}".encode()).hexdigest()
    callbacks = [{PARAMETER: url} for url in request.args.getlist(PARAMETER)]
    parameters = [*request.args.getlist("model"), *callbacks]
    told = orjson.dumps([body.sha256, *parameters])
    fingerprint = hashlib.sha256(told).hexdigest() if parameters else body.sha256
    return Idempotency(bound, fingerprint)


def answer(outcome: Outcome, candidates: Units | None) -> Response:
    """The plain result of a job that has ended.

    Raises:
        InvalidRequest, JobCancelled, DeadlineExceeded: it ended without one.
    """
    outcome.check_done()
    response = streamed(render(outcome, candidates))
    times = outcome.timings
    response.headers["Server-Timing"] = ", ".join(
        f"{name};dur={getattr(times, name) * 1000:.1f}"
        for name in ("queue", "fetch", "decode", "inference")
    )
    tell_truncated(response, len(outcome.truncated_pointers()))
    return _with_label_set(response, outcome)


def streamed(pieces: Iterator[bytes]) -> Response:
    """A response of these pieces: whole where it is short, else sent while it is made.

    What goes wrong before the first block is made is raised here, and has a status of its own.
    Later, the connection is closed before the end of the JSON.
    """
    blocks = _blocks(pieces)
    first = next(blocks)
    if len(first) < BLOCK_BYTES:
        return Response(first, content_type=JSON)
    return Response(chain([first], blocks), content_type=JSON)


def _blocks(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The pieces joined to blocks of at least BLOCK_BYTES, but for the last."""
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


def accepted(outcome: Outcome) -> Response:
    """202: the job goes on, and this is where to ask for it."""
    record = outcome.record
    to = Links.model_validate(links(record.id))
    response = ACCEPTED.of(Accepted(id=record.id, status=record.state, links=to))
    response.headers["Location"] = to.self
    response.headers["Retry-After"] = str(RETRY_AFTER_S)
    return _with_label_set(response, outcome)


def _with_label_set(response: Response, outcome: Outcome) -> Response:
    if outcome.label_set:
        tell_label_set(response, outcome.label_set)
    return response


def tell_truncated(response: Response, texts: int) -> None:
    if texts:
        response.headers["X-Truncated-Texts"] = str(texts)


def tell_label_set(response: Response, label_set: LabelSetVersion) -> None:
    response.headers["X-Label-Set"] = f"{label_set.name}@{label_set.version}"
