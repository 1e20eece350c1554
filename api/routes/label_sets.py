"""GET /label-sets; GET, PUT and DELETE /label-sets/{name}."""

from dataclasses import replace

from flask import Blueprint, Response, g, request
from pydantic import TypeAdapter

from api.access.proxies import path_prefix
from api.answer import label_sets as answers
from api.answer.responses import (
    LABEL_SET,
    TRANSPARENT,
    TRUNCATED,
    set_label_set,
    set_transparent,
    set_truncated,
)
from api.answer.results import Outcome
from api.dispatch.dispatcher import Dispatcher
from api.dispatch.respond import outcome_of
from api.errors import InvalidRequest, ItemFault, NoSuchLabelSet, TooManyLabelSets
from api.openapi.operation import Answer, Operation, links_to
from api.openapi.submissions import ON_BODY, ON_JOB
from api.request.body import check_count, read_json
from api.request.options import add_candidates, collector
from api.request.request import EncodeSpec, Request
from api.request.schemas import MAX_TEMPLATES, LabelSetRequest
from api.request.validation import validate
from api.settings import ApiSettings
from common.label_sets.label_content import LabelSet
from common.label_sets.store import NAME_IN_FULL
from common.protocol.messages import Priority

REQUEST: TypeAdapter[LabelSetRequest] = TypeAdapter(LabelSetRequest)
ALL = Answer("The label sets.", answers.LabelSetList)
ONE = Answer("A label set.", answers.LabelSet, headers=LABEL_SET)
ON_PUT = {
    "X-Job-Id": "the id of the job that encoded it, if there was one",
    **LABEL_SET,
    **TRUNCATED,
    **TRANSPARENT,
}
REPLACED = Answer("It stands there as it was given.", answers.LabelSet, headers=ON_PUT)
CREATED = replace(
    REPLACED,
    status=201,
    headers=ON_PUT | {"Location": "the label set"},
    links=links_to("name", "$response.body#/name", "label_set", "forget_label_set"),
)
FORGOTTEN: Answer[None] = Answer("It is gone.", None, 204)
LIST = Operation(
    "label_sets", "List the label sets.", "To see which names requests may rank by.", (ALL,)
)
LOOK = Operation(
    "label_set",
    "Get a label set.",
    "To name the columns of a result, or to edit a set: change what you get, and `PUT` it.",
    (ONE,),
    (NoSuchLabelSet,),
)
PUT = Operation(
    "put_label_set",
    "Store candidates with their embeddings under a name, or replace them.",
    "For labels that you rank by often: they are encoded once, and requests send only the name.",
    (REPLACED, CREATED),
    (*ON_BODY, *ON_JOB, TooManyLabelSets),
    body=REQUEST,
)
FORGET = Operation(
    "forget_label_set",
    "Delete a label set.",
    "To make room, or to stop others from using it; jobs that were sent with it are answered.",
    (FORGOTTEN,),
    (NoSuchLabelSet,),
)


def make_blueprint(dispatcher: Dispatcher, settings: ApiSettings) -> Blueprint:
    blueprint = Blueprint("label_sets", __name__, url_prefix="/label-sets")
    label_sets = dispatcher.label_sets

    @blueprint.get("")
    @LIST
    def list_label_sets() -> Response:
        listed = label_sets.listed(g.owner)
        return ALL.of(answers.LabelSetList(label_sets=[answers.summary(each) for each in listed]))

    @blueprint.get("/<name>")
    @LOOK
    def get_label_set(name: str) -> Response:
        return answer(ONE, label_sets.current(g.owner, name))

    @blueprint.put("/<name>")
    @PUT
    def put_label_set(name: str) -> Response:
        check_name(name)
        spec = _read(settings)
        stored = label_sets.unchanged(g.owner, name, spec)
        if stored is None:
            stored = label_sets.put(g.owner, name, spec, encode(spec))
        is_new = stored.outcome == "created"
        response = answer(CREATED if is_new else REPLACED, stored.label_set)
        set_truncated(response, stored.truncated)
        set_transparent(response, stored.transparent)
        if is_new:
            response.headers["Location"] = f"{path_prefix()}/label-sets/{name}"
        return response

    @blueprint.delete("/<name>")
    @FORGET
    def drop_label_set(name: str) -> Response:
        label_sets.drop(g.owner, name)
        return Response(status=204)

    def encode(spec: EncodeSpec) -> Outcome:
        deadline = g.started + settings.sync_timeout_s
        wanted = Request("label_set", spec, Priority.INTERACTIVE, deadline, g.owner, g.request_id)
        outcome = outcome_of(wanted, dispatcher, settings)
        outcome.check_done()
        return outcome

    def answer(declared: Answer[answers.LabelSet], label_set: LabelSet) -> Response:
        content = label_sets.content(g.owner, label_set.of)
        models = label_sets.models(g.owner, label_set)
        response = declared.of(answers.label_set(label_set, content, models))
        set_label_set(response, label_set.of)
        return response

    return blueprint


def check_name(name: str) -> None:
    if not NAME_IN_FULL.fullmatch(name):
        detail = "a name has 1 to 64 letters, digits, dots, - and _, and does not begin with a dot"
        raise InvalidRequest([ItemFault("", "invalid_parameter", detail)], detail)


def _read(settings: ApiSettings) -> EncodeSpec:
    """Read the candidates; in its own function, so that the body is freed before the wait."""
    max_items = settings.max_candidates + MAX_TEMPLATES
    body = read_json(request, max_bytes=settings.max_body_bytes, max_items=max_items)
    if isinstance(body.value, dict):
        check_count(body.value.get("candidates"), settings.max_candidates, "/candidates")
        check_count(body.value.get("templates"), MAX_TEMPLATES, "/templates")
    wanted = validate(body.value, REQUEST, LabelSetRequest.model_fields)
    items = collector(settings, wanted.alpha)
    add_candidates(items, wanted.candidates, wanted, settings, are_queries=True)
    return items.spec()
