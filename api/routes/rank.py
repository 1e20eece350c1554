"""POST /rank: probabilities and cosine similarities of candidates for each query."""

from flask import Blueprint, Response, request
from pydantic import TypeAdapter

from api.gateway import Gateway
from api.items import DistinctItems
from api.parsing import parse
from api.routes.serving import check_count, preference_of, serve
from api.schemas import RankRequest
from api.settings import ApiSettings

REQUEST: TypeAdapter[RankRequest] = TypeAdapter(RankRequest)


def make_blueprint(gateway: Gateway, settings: ApiSettings) -> Blueprint:
    blueprint = Blueprint("rank", __name__)

    @blueprint.post("/rank")
    def rank() -> Response:
        wish = preference_of(request, settings)
        body = parse(request, REQUEST)
        most = settings.max_async_queries if wish.is_async else settings.max_queries
        check_count(body.queries, most, "/queries")
        check_count(body.candidates, settings.max_candidates, "/candidates")
        work = DistinctItems(settings.max_image_bytes, fetch_urls=settings.fetch_urls)
        # Candidates first: every row of the answer depends on them.
        work.add(body.candidates, "/candidates", are_queries=False, required=True)
        work.add(body.queries, "/queries", are_queries=True, required=not body.allow_partial)
        return serve("rank", work, wish, gateway, request)

    return blueprint
