"""The OpenAPI 3.1 document, made from the pydantic schemas."""

from typing import Any

from pydantic import BaseModel, TypeAdapter
from pydantic.json_schema import models_json_schema

from api.openapi.examples import illustrate
from api.openapi.forms import encode_form, rank_form
from api.openapi.webhooks import CALLBACK, webhooks
from api.request import schemas
from api.request.multipart import MULTIPART
from api.request.schemas import CURSOR
from api.settings import ApiSettings
from common import errors
from common.errors import ClipError
from common.label_sets.store import NAME
from common.ledger.records import STATES

VERSION = "0.1.0"
MODELS: tuple[type[BaseModel], ...] = (
    schemas.Item,
    schemas.RankRequest,
    schemas.RankResponse,
    schemas.Accepted,
    schemas.Job,
    schemas.JobList,
    schemas.JobEnded,
    schemas.LabelSetRequest,
    schemas.LabelSet,
    schemas.LabelSetList,
    schemas.Workers,
    schemas.Models,
    schemas.Problem,
    schemas.Health,
    schemas.Readiness,
)
REF = "#/components/schemas/{model}"

SECONDS = {"type": "number", "minimum": 0}
# From a job that was accepted to what may be done with it.
JOB_LINKS = {
    operation: {"operationId": operation, "parameters": {"job": "$response.body#/id"}}
    for operation in ("job", "cancel", "forget")
}
LABEL_SET_LINKS = {
    operation: {"operationId": operation, "parameters": {"name": "$response.body#/name"}}
    for operation in ("label_set", "forget_label_set")
}
VECTORS = {"type": "array", "items": {"type": "array", "items": {"type": "number"}}}

COMMON: dict[str, type[ClipError]] = {
    "401": errors.Unauthorized,
    "429": errors.RateLimited,
    "500": errors.InternalError,
    "503": errors.Unavailable,
}
ON_SUBMIT: dict[str, type[ClipError]] = {
    "400": errors.NotJson,
    "409": errors.JobCancelled,
    "413": errors.BodyTooLarge,
    "415": errors.UnsupportedMediaType,
    "422": errors.InvalidRequest,
    "504": errors.DeadlineExceeded,
}
ON_RANK: dict[str, type[ClipError]] = {**ON_SUBMIT, "404": errors.NoSuchLabelSet}
HEADERS: dict[str, dict[str, str]] = {
    "401": {"WWW-Authenticate": "`Bearer`"},
    "429": {
        "Retry-After": "seconds until a request is served again",
        "RateLimit": "what is left, as draft-ietf-httpapi-ratelimit-headers has it",
        "RateLimit-Policy": "the limits in force",
    },
}
JOB_ID = {"X-Job-Id": "the id of the job"}
JOB_ID_OR_NONE = {
    "X-Job-Id": "the id of the job; absent where the embedding cache had the whole answer, which "
    "makes no job"
}
SECURITY_SCHEMES = {
    "bearer": {"type": "http", "scheme": "bearer"},
    "header": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
}
OPEN: dict[str, list[Any]] = {"security": []}


def document(settings: ApiSettings) -> dict[str, Any]:
    """The document of this deployment: its limits are in it."""
    _, definitions = models_json_schema(
        [(model, "validation") for model in MODELS], ref_template=REF
    )
    components: dict[str, Any] = definitions["$defs"]
    request_schema = components["RankRequest"]["properties"]
    request_schema["queries"]["maxItems"] = settings.max_async_queries
    request_schema["candidates"]["anyOf"][0]["maxItems"] = settings.max_candidates
    label_set_schema = components["LabelSetRequest"]["properties"]
    label_set_schema["candidates"]["maxItems"] = settings.max_candidates
    item_schema = components["Item"]["properties"]
    item_schema["text"]["anyOf"][0]["maxLength"] = settings.max_text_chars
    items = TypeAdapter(list[schemas.Item]).json_schema(ref_template=REF)
    items.pop("$defs", None)
    items |= {"minItems": 1, "maxItems": settings.max_async_queries}
    if not settings.webhook_secrets:
        del request_schema["callback_url"], components["JobEnded"], components["JobEndedData"]
    components["RankForm"] = rank_form(components["RankRequest"], _ref("Item"), settings)
    components["EncodeForm"] = encode_form(items, settings)
    paths = _paths(items, settings)
    illustrate(paths)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "CLIP API",
            "version": VERSION,
            "summary": "Rank texts against images on your own hardware.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "paths": paths,
        "components": {"schemas": components, "securitySchemes": SECURITY_SCHEMES},
        **({"webhooks": webhooks(_ref("JobEnded"))} if settings.webhook_secrets else {}),
        **_security(settings),
    }


def _paths(items: dict[str, Any], settings: ApiSettings) -> dict[str, Any]:
    return {
        **_tagged("Images and texts", _submissions(items, settings)),
        **_tagged("Jobs", _jobs()),
        **_tagged("Label sets", _label_sets()),
        **_tagged("The service", _service()),
    }


def _tagged(tag: str, paths: dict[str, Any]) -> dict[str, Any]:
    """Paths whose operations a reader finds together."""
    for path in paths.values():
        for operation in path.values():
            operation["tags"] = [tag]
    return paths


def _submissions(items: dict[str, Any], settings: ApiSettings) -> dict[str, Any]:
    return {
        "/rank": {
            "post": _submit("rank", "Rank the candidates for each query.", settings)
            | _body(_ref("RankRequest"), _ref("RankForm"))
            | _answers({"200": ("One row for each query.", _ref("RankResponse"))}, ON_RANK)
        },
        "/encode": {
            "post": _submit("encode", "The embeddings of texts and images.", settings)
            | _body(items, _ref("EncodeForm"))
            | _answers({"200": ("One vector for each item.", VECTORS)}, ON_SUBMIT)
        },
    }


def _service() -> dict[str, Any]:
    return {
        "/workers": {"get": _get("workers", "The live workers.", "Workers", COMMON)},
        "/models": {"get": _get("models", "What requests may choose from.", "Models", COMMON)},
        "/healthz": {"get": _get("healthz", "The process lives.", "Health", {}) | OPEN},
        "/readyz": {"get": _readyz() | OPEN},
        "/metrics": {"get": _metrics()},
        "/openapi.json": {"get": _openapi() | OPEN},
    }


def _security(settings: ApiSettings) -> dict[str, Any]:
    ways: list[dict[str, list[str]]] = [{name: []} for name in SECURITY_SCHEMES]
    return {"security": ways} if settings.accepted_keys else {}


def _jobs() -> dict[str, Any]:
    job = _parameter("job", "path", {"type": "string", "pattern": "^[0-9a-f]{32}$"}, "its id")
    not_found: dict[str, type[ClipError]] = {"404": errors.NotFound}
    invalid: dict[str, type[ClipError]] = {"422": errors.InvalidRequest}
    ended: dict[str, type[ClipError]] = {"409": errors.JobHasEnded}
    wait = _parameter("wait", "query", SECONDS, "seconds to wait for it")
    page = [
        _parameter(
            "status", "query", {"type": "string", "enum": list(STATES)}, "only jobs in this state"
        ),
        _parameter("limit", "query", {"type": "integer", "minimum": 1, "maximum": 100}, "most"),
        _parameter(
            "cursor", "query", {"type": "string", "pattern": CURSOR}, "`next` of the page before"
        ),
    ]
    late: dict[str, type[ClipError]] = {"504": errors.DeadlineExceeded}
    look = _get("job", "A job, with its result once it is done.", "Job", not_found | invalid | late)
    cancel = _get("cancel", "End a job before its time.", "Job", not_found | ended)
    forget = {
        "operationId": "forget",
        "summary": "Cancel a job if need be, and forget its images and result.",
        "parameters": [job],
        "responses": {"204": {"description": "It is gone."}, **_problems(COMMON | not_found)},
    }
    return {
        "/jobs": {"get": _get("jobs", "The jobs.", "JobList", invalid) | {"parameters": page}},
        "/jobs/{job}": {"get": look | {"parameters": [job, wait]}, "delete": forget},
        "/jobs/{job}/cancel": {"post": cancel | {"parameters": [job]}},
    }


def _label_sets() -> dict[str, Any]:
    name = _parameter("name", "path", {"type": "string", "pattern": NAME}, "its name")
    not_found: dict[str, type[ClipError]] = {"404": errors.NoSuchLabelSet}
    stored = _content("It stands there as it was given.", _ref("LabelSet"))
    put = {
        "operationId": "put_label_set",
        "summary": "Store candidates with their embeddings, for many requests to be ranked by.",
        "parameters": [name],
        **_body(_ref("LabelSetRequest")),
        "responses": {
            "200": stored,
            "201": stored | {"links": LABEL_SET_LINKS},
            **_problems(COMMON | ON_SUBMIT | {"409": errors.TooManyLabelSets}),
        },
    }
    look = _get("label_set", "A label set.", "LabelSet", not_found)
    forget = {
        "operationId": "forget_label_set",
        "summary": "Forget a label set; jobs that were sent with it are answered all the same.",
        "parameters": [name],
        "responses": {"204": {"description": "It is gone."}, **_problems(COMMON | not_found)},
    }
    return {
        "/label-sets": {"get": _get("label_sets", "The label sets.", "LabelSetList", COMMON)},
        "/label-sets/{name}": {
            "get": look | {"parameters": [name]},
            "put": put,
            "delete": forget,
        },
    }


def _submit(operation: str, summary: str, settings: ApiSettings) -> dict[str, Any]:
    string = {"type": "string"}
    return {
        "operationId": operation,
        "summary": summary,
        "parameters": [
            _parameter("Prefer", "header", string, "`respond-async` or `respond-async, wait=N`"),
            _parameter("wait", "query", SECONDS, "seconds; then 202"),
            _parameter("model", "query", string, "one of those that `GET /models` lists"),
            *([CALLBACK] if settings.webhook_secrets else []),
            _parameter(
                "Idempotency-Key",
                "header",
                {"type": "string", "minLength": 1, "maxLength": 255},
                "the same key with the same body is the same job; with a key there always is one",
            ),
        ],
    }


def _answers(
    good: dict[str, tuple[str, dict[str, Any]]], bad: dict[str, type[ClipError]]
) -> dict[str, Any]:
    done = {
        status: _content(words, schema) | _headers(JOB_ID_OR_NONE)
        for status, (words, schema) in good.items()
    }
    accepted = _content("The job goes on.", _ref("Accepted")) | _headers(JOB_ID)
    return {
        "responses": {**done, "202": accepted | {"links": JOB_LINKS}, **_problems(COMMON | bad)}
    }


def _get(
    operation: str, summary: str, model: str, bad: dict[str, type[ClipError]]
) -> dict[str, Any]:
    return {
        "operationId": operation,
        "summary": summary,
        "responses": {
            "200": _content(summary, _ref(model)),
            **(_problems(COMMON | bad) if bad else {}),
        },
    }


def _readyz() -> dict[str, Any]:
    operation = _get("readyz", "A request would be served now.", "Readiness", {})
    told = _content("A request would not be served now.", _ref("Readiness"))
    operation["responses"]["503"] = told
    return operation


def _metrics() -> dict[str, Any]:
    summary = "What there is to measure, for Prometheus."
    told = {"description": summary, "content": {"text/plain": {"schema": {"type": "string"}}}}
    answers = {"200": told, **_problems(COMMON)}
    return {"operationId": "metrics", "summary": summary, "responses": answers}


def _openapi() -> dict[str, Any]:
    summary = "This document."
    return {
        "operationId": "openapi",
        "summary": summary,
        "responses": {"200": _content(summary, {"type": "object"})},
    }


def _ref(model: str) -> dict[str, Any]:
    return {"$ref": REF.format(model=model)}


def _parameter(name: str, where: str, schema: dict[str, Any], words: str) -> dict[str, Any]:
    required = where == "path"
    return {
        "name": name,
        "in": where,
        "required": required,
        "schema": schema,
        "description": words,
    }


def _body(schema: dict[str, Any], form: dict[str, Any] | None = None) -> dict[str, Any]:
    content: dict[str, Any] = {"application/json": {"schema": schema}}
    if form:
        content[MULTIPART] = {"schema": form}
    return {"requestBody": {"required": True, "content": content}}


def _content(description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _problems(told: dict[str, type[ClipError]]) -> dict[str, Any]:
    content = {"application/problem+json": {"schema": _ref("Problem")}}
    return {
        status: {
            "description": error.title,
            "content": content,
            **_headers(HEADERS.get(status, {})),
        }
        for status, error in sorted(told.items())
    }


def _headers(told: dict[str, str]) -> dict[str, Any]:
    string = {"type": "string"}
    headers = {name: {"description": words, "schema": string} for name, words in told.items()}
    return {"headers": headers} if headers else {}
