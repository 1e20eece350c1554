"""POST /encode: the embeddings of texts and pictures, not normalised."""

from typing import Annotated

import numpy as np
import orjson
from flask import Blueprint, Response, g, request
from pydantic import Field, TypeAdapter

from api.gateway import Gateway
from api.items import DistinctItems
from api.parsing import parse
from api.routes.encoding import JSON, check_count, check_items, finish_response, item_faults
from api.schemas import Item
from api.settings import ApiSettings
from common.errors import InvalidRequest

REQUEST: TypeAdapter[list[Item]] = TypeAdapter(Annotated[list[Item], Field(min_length=1)])


def make_blueprint(gateway: Gateway, settings: ApiSettings) -> Blueprint:
    blueprint = Blueprint("encode", __name__)

    @blueprint.post("/encode")
    def encode() -> Response:
        body = parse(request, REQUEST)
        check_count(body, settings.max_queries, "")
        work = DistinctItems(settings.max_image_bytes)
        items = work.add(body, "", are_queries=True, required=True)
        check_items(work)
        encoded = gateway.encode("encode", work, {"items": items}, g.request_id)
        faults = item_faults(encoded, work, range(len(work.items)))
        if faults:
            raise InvalidRequest(faults)
        vectors = np.ascontiguousarray(encoded.vectors[items])
        response = Response(
            orjson.dumps(vectors, option=orjson.OPT_SERIALIZE_NUMPY), content_type=JSON
        )
        return finish_response(response, encoded, items)

    return blueprint
