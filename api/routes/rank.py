"""POST /rank: probabilities and cosine similarities of candidates for each query."""

from flask import Blueprint, Response, g, request
from pydantic import TypeAdapter

from api.answer.rendering import RankResponse
from api.dispatch.dispatcher import Dispatcher
from api.dispatch.label_sets import LabelSets
from api.dispatch.respond import respond
from api.errors import InvalidRequest, ItemFault, NoSuchLabelSet
from api.openapi.operation import Answer
from api.openapi.submissions import ON_ANSWER, submission
from api.request.body import JsonBody, check_count
from api.request.callbacks import callback_of
from api.request.forms import rank_body, read_json_or_form
from api.request.metadata import metadata_of
from api.request.options import (
    add_candidates,
    collector,
    idempotency_of,
    named_alpha,
    named_model,
    preference_of,
)
from api.request.preference import Preference
from api.request.request import EncodeSpec, Request
from api.request.schemas import MAX_TEMPLATES, RankRequest
from api.request.validation import validate
from api.settings import ApiSettings
from common.ledger.records import Scoring
from common.protocol.messages import Priority

REQUEST: TypeAdapter[RankRequest] = TypeAdapter(RankRequest)
RANKED = Answer("One row for each query.", RankResponse, headers=ON_ANSWER)
RANK = submission(
    "rank",
    "Rank the candidates for each query.",
    "To classify or tag images with labels of your own, or to find the images that match a text.",
    RANKED,
    REQUEST,
    NoSuchLabelSet,
)


def make_blueprint(dispatcher: Dispatcher, settings: ApiSettings) -> Blueprint:
    blueprint = Blueprint("rank", __name__)

    @blueprint.post("/rank")
    @RANK
    def rank() -> Response:
        return respond(_read(dispatcher.label_sets, settings), dispatcher, settings)

    return blueprint


def _read(label_sets: LabelSets, settings: ApiSettings) -> Request:
    """Read the request; in its own function, so that the body is freed before the wait."""
    wish = preference_of(request, settings)
    body = _body(wish, settings)
    wanted = validate(body.value, REQUEST, RankRequest.model_fields)
    return Request(
        kind="rank",
        spec=_spec(wanted, wish.priority, label_sets, settings),
        priority=wish.priority,
        deadline=g.started + wish.wait_s,
        owner=g.owner,
        request_id=g.request_id,
        model=named_model(request, wanted.model),
        callback=callback_of(request, wanted.callback_url, wish, settings),
        idempotency=idempotency_of(request, body, g.owner),
        metadata=metadata_of(request, wanted.metadata),
    )


def _body(wish: Preference, settings: ApiSettings) -> JsonBody:
    max_queries = settings.max_async_queries if wish.is_async else settings.max_queries
    max_items = max_queries + settings.max_candidates + MAX_TEMPLATES
    body = read_json_or_form(
        request, rank_body, max_bytes=settings.max_body_bytes, max_items=max_items
    )
    if isinstance(body.value, dict):
        check_count(body.value.get("queries"), max_queries, "/queries")
        check_count(body.value.get("candidates"), settings.max_candidates, "/candidates")
        check_count(body.value.get("templates"), MAX_TEMPLATES, "/templates")
    return body


def _spec(
    wanted: RankRequest, priority: Priority, label_sets: LabelSets, settings: ApiSettings
) -> EncodeSpec:
    items = collector(settings, named_alpha(request, wanted.alpha))
    scoring = Scoring(wanted.temperature, wanted.top_k, wanted.activation)
    label_set = None
    # Candidates first: every row of the answer depends on them.
    if wanted.label_set is not None:
        life_s = settings.labels_ttl_s(priority)
        label_set = label_sets.used(g.owner, wanted.label_set, life_s)
    elif wanted.candidates is None:
        raise InvalidRequest([ItemFault("/candidates", "missing", "is missing")])
    else:
        add_candidates(items, wanted.candidates, wanted, settings, are_queries=False)
    items.add(wanted.queries, "/queries", are_queries=True, required=not wanted.allow_partial)
    return items.spec(scoring, label_set)
