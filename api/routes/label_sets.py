"""The label sets: put, look, list, forget."""

import orjson
from flask import Blueprint, Response, g, request
from pydantic import TypeAdapter

from api.answer import documents
from api.answer.results import Outcome
from api.dispatch.dispatcher import Dispatcher
from api.request.body import check_count, read_json, validate
from api.request.request import EncodeSpec, Request
from api.request.schemas import MOST_TEMPLATES, LabelSetRequest
from api.routes.serving import (
    JSON,
    add_candidates,
    collector,
    outcome_of,
    tell_label_set,
    tell_truncated,
)
from api.settings import ApiSettings
from common.errors import InvalidRequest, ItemFault
from common.label_sets.label_content import LabelSet
from common.label_sets.store import NAME_IN_FULL
from common.protocol.messages import Priority

REQUEST: TypeAdapter[LabelSetRequest] = TypeAdapter(LabelSetRequest)


def make_blueprint(dispatcher: Dispatcher, settings: ApiSettings) -> Blueprint:
    blueprint = Blueprint("label_sets", __name__, url_prefix="/label-sets")
    label_sets = dispatcher.label_sets

    @blueprint.get("")
    def list_label_sets() -> Response:
        listed = label_sets.listed(g.owner)
        body = {"label_sets": [documents.label_set_summary(each) for each in listed]}
        return Response(orjson.dumps(body), content_type=JSON)

    @blueprint.get("/<name>")
    def get_label_set(name: str) -> Response:
        return answer(label_sets.current(g.owner, name))

    @blueprint.put("/<name>")
    def put_label_set(name: str) -> Response:
        check_name(name)
        spec = _read(settings)
        stored = label_sets.unchanged(g.owner, name, spec)
        if stored is None:
            stored = label_sets.put(g.owner, name, spec, encode(spec))
        response = answer(stored.label_set)
        tell_truncated(response, stored.truncated)
        if stored.outcome == "created":
            response.status_code = 201
            response.headers["Location"] = f"/label-sets/{name}"
        return response

    @blueprint.delete("/<name>")
    def drop_label_set(name: str) -> Response:
        label_sets.drop(g.owner, name)
        return Response(status=204)

    def encode(spec: EncodeSpec) -> Outcome:
        deadline = g.started + settings.sync_timeout_s
        wanted = Request("label_set", spec, Priority.INTERACTIVE, deadline, g.owner, g.request_id)
        outcome = outcome_of(wanted, dispatcher, settings)
        outcome.check_done()
        return outcome

    def answer(label_set: LabelSet) -> Response:
        names = label_sets.names(g.owner, label_set)
        body = documents.label_set(label_set, names, label_sets.models(g.owner, label_set))
        response = Response(orjson.dumps(body), content_type=JSON)
        tell_label_set(response, label_set.of)
        return response

    return blueprint


def check_name(name: str) -> None:
    if not NAME_IN_FULL.fullmatch(name):
        words = "the name may have 64 letters, digits, - and _, and dots but at its beginning"
        raise InvalidRequest([ItemFault("", "invalid_parameter", words)], words)


def _read(settings: ApiSettings) -> EncodeSpec:
    """The candidates of the request; a function of its own, so that the body is not held."""
    max_items = settings.max_candidates + MOST_TEMPLATES
    body = read_json(request, max_bytes=settings.max_body_bytes, max_items=max_items)
    if isinstance(body.value, dict):
        check_count(body.value.get("candidates"), settings.max_candidates, "/candidates")
        check_count(body.value.get("templates"), MOST_TEMPLATES, "/templates")
    wanted = validate(body.value, REQUEST)
    items = collector(settings)
    add_candidates(items, wanted.candidates, wanted, settings, are_queries=True)
    return items.spec()
