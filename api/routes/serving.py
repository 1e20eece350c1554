"""What /rank and /encode share: how a job is asked for, waited for and answered."""

import hashlib
from collections.abc import Sequence

import orjson
from flask import Request, Response, g

from api.body import JsonBody
from api.callbacks import PARAMETER
from api.caller import Caller
from api.gateway import Gateway
from api.items import DistinctItems
from api.lineup import Named
from api.parsing import check_prompts
from api.preference import Preference, preference
from api.rendering import render
from api.results import Outcome
from api.schemas import Item, Prompts
from api.scoring import Scoring
from api.settings import ApiSettings
from common.errors import (
    DeadlineExceeded,
    InvalidRequest,
    ItemFault,
    JobLost,
    NotFound,
)
from common.label_sets import LabelSetVersion
from common.records import Idempotency, links

JSON = "application/json"
RETRY_AFTER_S = 1
MAX_KEY_LENGTH = 255
PLAIN = Scoring()


def preference_of(request: Request, settings: ApiSettings) -> Preference:
    headers = request.headers.getlist("Prefer")
    return preference(headers, request.args.get("wait"), settings.sync_timeout_s)


def empty_work(settings: ApiSettings, scoring: Scoring = PLAIN) -> DistinctItems:
    """Work that takes in items within this deployment's limits."""
    return DistinctItems(
        settings.max_image_bytes,
        settings.max_text_chars,
        fetch_urls=settings.fetch_urls,
        scoring=scoring,
    )


def add_candidates(
    work: DistinctItems,
    candidates: Sequence[Item],
    prompts: Prompts,
    settings: ApiSettings,
    *,
    are_queries: bool,
) -> None:
    """Take in candidates, each in all its templates. Raises InvalidRequest for too many texts."""
    check_prompts(len(candidates), prompts, settings.max_prompts)
    work.add(
        candidates,
        "/candidates",
        are_queries=are_queries,
        required=True,
        templates=prompts.prompts,
    )


def serve(
    kind: str,
    work: DistinctItems,
    wish: Preference,
    gateway: Gateway,
    idempotency: Idempotency | None,
) -> Response:
    """Have a request's items encoded, and answer with the result or with the job."""
    if work.faults:
        raise InvalidRequest(work.faults)
    caller = Caller(g.owner, g.request_id)
    submitted = gateway.submit(
        kind,
        work,
        caller,
        is_async=wish.is_async,
        idempotency=idempotency,
    )
    g.job = job = submitted.job
    if not wish.is_async:
        g.cached = submitted.recalled is not None
    try:
        outcome = gateway.follow(submitted, g.owner, wish.wait_s)
    except NotFound:
        raise JobLost from None
    if outcome.record.has_ended and (wish.wait_s > 0 or not wish.is_async):
        response = answer(outcome)
    elif wish.is_async:
        response = accepted(outcome)
    else:
        gateway.keep(job)
        raise DeadlineExceeded(f"no answer within {wish.wait_s:g} seconds", job=job)
    if wish.is_async:
        response.headers["Preference-Applied"] = "respond-async"
    return response


def named_model(request: Request, in_body: str | None = None) -> Named | None:
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
    return Named(names.pop(), pointer) if names else None


def idempotency_of(request: Request, body: JsonBody, owner: str) -> Idempotency | None:
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


def answer(outcome: Outcome) -> Response:
    """The plain result of a job that has ended.

    Raises:
        InvalidRequest, JobCancelled, DeadlineExceeded: it ended without one.
    """
    outcome.check_done()
    response = Response(b"".join(render(outcome)), content_type=JSON)
    times = outcome.timings
    response.headers["Server-Timing"] = ", ".join(
        f"{name};dur={getattr(times, name) * 1000:.1f}"
        for name in ("queue", "fetch", "decode", "inference")
    )
    tell_truncated(response, len(outcome.truncated_pointers()))
    return _with_label_set(response, outcome)


def accepted(outcome: Outcome) -> Response:
    """202: the job goes on, and this is where to ask for it."""
    record = outcome.record
    body = {"id": record.id, "status": record.state, "links": links(record.id)}
    response = Response(orjson.dumps(body), 202, content_type=JSON)
    response.headers["Location"] = links(record.id)["self"]
    response.headers["Retry-After"] = str(RETRY_AFTER_S)
    return _with_label_set(response, outcome)


def _with_label_set(response: Response, outcome: Outcome) -> Response:
    if outcome.label_set and outcome.label_set.is_named:
        tell_label_set(response, outcome.label_set)
    return response


def tell_truncated(response: Response, texts: int) -> None:
    if texts:
        response.headers["X-Truncated-Texts"] = str(texts)


def tell_label_set(response: Response, label_set: LabelSetVersion) -> None:
    response.headers["X-Label-Set"] = f"{label_set.name}@{label_set.version}"
