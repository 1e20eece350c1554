"""POST /encode: the embeddings of texts and pictures, not normalised."""

from typing import Annotated

from flask import Blueprint, Response, g, request
from pydantic import Field, TypeAdapter

from api.callbacks import callback_of
from api.forms import encode_body, read_json_or_form
from api.gateway import Gateway
from api.items import DistinctItems
from api.parsing import check_count, validate
from api.preference import Preference
from api.routes.serving import empty_work, idempotency_of, named_model, preference_of, serve
from api.schemas import Item
from api.settings import ApiSettings
from common.records import Idempotency

REQUEST: TypeAdapter[list[Item]] = TypeAdapter(Annotated[list[Item], Field(min_length=1)])


def make_blueprint(gateway: Gateway, settings: ApiSettings) -> Blueprint:
    blueprint = Blueprint("encode", __name__)

    @blueprint.post("/encode")
    def encode() -> Response:
        wish = preference_of(request, settings)
        work, idempotency = _read(wish, settings)
        return serve("encode", work, wish, gateway, idempotency)

    return blueprint


def _read(wish: Preference, settings: ApiSettings) -> tuple[DistinctItems, Idempotency | None]:
    """The work a request asks for; a function of its own, so that nobody waits holding the body."""
    most = settings.max_async_queries if wish.is_async else settings.max_queries
    body = read_json_or_form(
        request, encode_body, max_bytes=settings.max_body_bytes, max_items=most
    )
    check_count(body.value, most, "")
    items = validate(body.value, REQUEST)
    work = empty_work(settings)
    work.add(items, "", are_queries=True, required=True)
    work.named = named_model(request)
    work.callback = callback_of(request, None, wish, settings)
    return work, idempotency_of(request, body, g.owner)
