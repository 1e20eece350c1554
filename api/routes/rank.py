"""POST /rank: probabilities and cosine similarities of candidates for each query."""

from collections.abc import Sequence

import numpy as np
import orjson
from flask import Blueprint, Response, g, request
from pydantic import TypeAdapter

from api.gateway import Encoded, Gateway
from api.items import DistinctItems
from api.parsing import parse
from api.routes.encoding import JSON, check_count, check_items, finish_response, item_faults
from api.schemas import RankRequest
from api.scoring import Matrix, cosine_similarities, probabilities
from api.settings import ApiSettings
from common.errors import InvalidRequest

REQUEST: TypeAdapter[RankRequest] = TypeAdapter(RankRequest)


def make_blueprint(gateway: Gateway, settings: ApiSettings) -> Blueprint:
    blueprint = Blueprint("rank", __name__)

    @blueprint.post("/rank")
    def rank() -> Response:
        body = parse(request, REQUEST)
        check_count(body.queries, settings.max_queries, "/queries")
        check_count(body.candidates, settings.max_candidates, "/candidates")
        work = DistinctItems(settings.max_image_bytes)
        candidates = work.add(body.candidates, "/candidates", are_queries=False, required=True)
        queries = work.add(
            body.queries, "/queries", are_queries=True, required=not body.allow_partial
        )
        check_items(work)
        about = {
            "queries": queries,
            "candidates": candidates,
            "allow_partial": body.allow_partial,
        }
        encoded = gateway.encode("rank", work, about, g.request_id)
        response = _answer(encoded, work, queries, candidates, allow_partial=body.allow_partial)
        return finish_response(response, encoded, [*queries, *candidates])

    return blueprint


def _answer(
    encoded: Encoded,
    work: DistinctItems,
    queries: Sequence[int],
    candidates: Sequence[int],
    *,
    allow_partial: bool,
) -> Response:
    faults = item_faults(encoded, work, range(len(work.items)))
    if faults and not (allow_partial and encoded.faults.keys().isdisjoint(candidates)):
        raise InvalidRequest(faults)
    cosines = cosine_similarities(encoded.vectors[queries], encoded.vectors[candidates])
    body: dict[str, object] = {
        "probabilities": _rows(probabilities(cosines, encoded.model), queries, encoded),
        "cosine_similarities": _rows(cosines, queries, encoded),
    }
    if faults:
        body["errors"] = [fault.as_dict() for fault in faults]
    return Response(orjson.dumps(body, option=orjson.OPT_SERIALIZE_NUMPY), content_type=JSON)


def _rows(matrix: Matrix, queries: Sequence[int], encoded: Encoded) -> list[Matrix | None]:
    return [
        None if index in encoded.faults else np.ascontiguousarray(row)
        for index, row in zip(queries, matrix, strict=True)
    ]
