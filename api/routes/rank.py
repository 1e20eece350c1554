"""POST /rank: probabilities and cosine similarities of candidates for each query."""

from flask import Blueprint, Response, g, request
from pydantic import TypeAdapter

from api.callbacks import callback_of
from api.forms import rank_body, read_json_or_form
from api.gateway import Gateway
from api.items import DistinctItems
from api.parsing import check_count, validate
from api.preference import Preference
from api.repeated import RepeatedLists, shortened
from api.routes.serving import (
    add_candidates,
    empty_work,
    idempotency_of,
    named_model,
    preference_of,
    serve,
)
from api.schemas import MOST_TEMPLATES, RankRequest
from api.scoring import Scoring
from api.settings import ApiSettings
from common.errors import InvalidRequest, ItemFault
from common.records import Idempotency

REQUEST: TypeAdapter[RankRequest] = TypeAdapter(RankRequest)


def make_blueprint(gateway: Gateway, settings: ApiSettings, lists: RepeatedLists) -> Blueprint:
    blueprint = Blueprint("rank", __name__)

    @blueprint.post("/rank")
    def rank() -> Response:
        wish = preference_of(request, settings)
        work, idempotency = _read(wish, gateway, settings, lists)
        return serve("rank", work, wish, gateway, idempotency)

    return blueprint


def _read(
    wish: Preference, gateway: Gateway, settings: ApiSettings, lists: RepeatedLists
) -> tuple[DistinctItems, Idempotency | None]:
    """The work a request asks for; a function of its own, so that nobody waits holding the body."""
    most = settings.max_async_queries if wish.is_async else settings.max_queries
    max_items = most + settings.max_candidates + MOST_TEMPLATES
    body = read_json_or_form(
        request, rank_body, max_bytes=settings.max_body_bytes, max_items=max_items
    )
    if isinstance(body.value, dict):
        check_count(body.value.get("queries"), most, "/queries")
        check_count(body.value.get("candidates"), settings.max_candidates, "/candidates")
        check_count(body.value.get("templates"), MOST_TEMPLATES, "/templates")
    sighting = lists.sight(g.owner, body.value, request.args.get("model", settings.default_model))
    kept = sighting.kept if sighting else None
    wanted = validate(shortened(body.value) if kept else body.value, REQUEST)
    work = empty_work(settings, _scoring(wanted))
    # Candidates first: every row of the answer depends on them.
    if wanted.label_set is not None:
        work.label_set = gateway.label_sets.current(g.owner, wanted.label_set).of
    elif kept:
        work.label_set = kept
    else:
        _add_candidates(work, wanted, settings)
        if sighting and not work.faults:
            work.label_set = lists.learn(g.owner, sighting, work)
    work.add(wanted.queries, "/queries", are_queries=True, required=not wanted.allow_partial)
    work.named = named_model(request, wanted.model)
    work.callback = callback_of(request, wanted.callback_url, wish, settings)
    return work, idempotency_of(request, body, g.owner)


def _add_candidates(work: DistinctItems, wanted: RankRequest, settings: ApiSettings) -> None:
    if wanted.candidates is None:
        raise InvalidRequest([ItemFault("/candidates", "missing", "is missing")])
    add_candidates(work, wanted.candidates, wanted, settings, are_queries=False)


def _scoring(wanted: RankRequest) -> Scoring:
    return Scoring(len(wanted.prompts), wanted.temperature, wanted.top_k, wanted.activation)
