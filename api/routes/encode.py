"""POST /encode: the embeddings of texts and pictures, not normalised."""

from typing import Annotated

from flask import Blueprint, Response, request
from pydantic import Field, TypeAdapter

from api.gateway import Gateway
from api.items import DistinctItems
from api.parsing import parse
from api.routes.serving import check_count, preference_of, serve
from api.schemas import Item
from api.settings import ApiSettings

REQUEST: TypeAdapter[list[Item]] = TypeAdapter(Annotated[list[Item], Field(min_length=1)])


def make_blueprint(gateway: Gateway, settings: ApiSettings) -> Blueprint:
    blueprint = Blueprint("encode", __name__)

    @blueprint.post("/encode")
    def encode() -> Response:
        wish = preference_of(request, settings)
        body = parse(request, REQUEST)
        most = settings.max_async_queries if wish.is_async else settings.max_queries
        check_count(body, most, "")
        work = DistinctItems(settings.max_image_bytes, fetch_urls=settings.fetch_urls)
        work.add(body, "", are_queries=True, required=True)
        return serve("encode", work, wish, gateway, request)

    return blueprint
