"""POST /encode: embeddings of texts and images, not normalised."""

from functools import partial
from typing import Annotated

from flask import Blueprint, Response, g, request
from pydantic import Field, TypeAdapter

from api.dispatch.dispatcher import Dispatcher
from api.dispatch.respond import respond
from api.openapi.operation import Answer
from api.openapi.submissions import ON_ANSWER, submission
from api.request.body import check_count
from api.request.callbacks import callback_of
from api.request.forms import encode_body, read_json_or_form
from api.request.metadata import metadata_of
from api.request.options import (
    collector,
    idempotency_of,
    named_alpha,
    named_model,
    preference_of,
)
from api.request.request import Request
from api.request.schemas import FormOptions, Item
from api.request.validation import validate
from api.settings import ApiSettings

OPTIONS = TypeAdapter(FormOptions)
REQUEST: TypeAdapter[list[Item]] = TypeAdapter(Annotated[list[Item], Field(min_length=1)])
ENCODED = Answer("One vector for each item.", list[list[float]], headers=ON_ANSWER)
ENCODE = submission(
    "encode",
    "Encode texts and images as vectors.",
    "To search, cluster or deduplicate: store the vectors, and compare them by their cosine.",
    ENCODED,
    REQUEST,
)


def make_blueprint(dispatcher: Dispatcher, settings: ApiSettings) -> Blueprint:
    blueprint = Blueprint("encode", __name__)

    @blueprint.post("/encode")
    @ENCODE
    def encode() -> Response:
        return respond(_read(settings), dispatcher, settings)

    return blueprint


def _read(settings: ApiSettings) -> Request:
    """Read the request; in its own function, so that the body is freed before the wait."""
    wish = preference_of(request, settings)
    max_queries = settings.max_async_queries if wish.is_async else settings.max_queries
    options: dict[str, object] = {}
    body = read_json_or_form(
        request,
        partial(encode_body, options=options),
        max_bytes=settings.max_body_bytes,
        max_items=max_queries,
    )
    check_count(body.value, max_queries, "")
    in_form = validate(options, OPTIONS)
    items = collector(settings, named_alpha(request, in_form.alpha))
    wanted = validate(body.value, REQUEST)
    items.add(wanted, "", are_queries=True, required=True)
    return Request(
        kind="encode",
        spec=items.spec(),
        priority=wish.priority,
        deadline=g.started + wish.wait_s,
        owner=g.owner,
        request_id=g.request_id,
        model=named_model(request),
        callback=callback_of(request, None, wish, settings),
        idempotency=idempotency_of(request, body, g.owner),
        metadata=metadata_of(request, in_form.metadata),
    )
