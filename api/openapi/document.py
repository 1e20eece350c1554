"""The OpenAPI 3.1 document, made from what the routes declare."""

import re
from collections.abc import Iterable
from typing import Any

from flask import Flask
from pydantic import TypeAdapter
from werkzeug.routing import Rule

from api.access.keys import OPEN
from api.errors import (
    BrokerAway,
    InternalError,
    InvalidRequest,
    QueueFull,
    RateLimited,
    Unauthorized,
)
from api.openapi.examples import illustrate
from api.openapi.operation import JSON, Answer, Operation, Schema, operation_of, parameter
from api.openapi.problems import headers, problems
from api.openapi.schemas import Schemas, query_parameters, ref, schemas_of
from api.openapi.webhooks import CALLBACK, JobEnded, webhooks
from api.problem_details import Problem
from api.request.multipart import MULTIPART
from api.request.parameters import LENIENT
from api.settings import ApiSettings
from common.errors import ClipError
from common.label_sets.store import NAME
from common.settings import VERSION

DIALECTS = "Interfaces of other services"
"""The tag of dialects, and of what other services' clients probe."""
TAGS = {
    **dict.fromkeys(("rank", "encode"), "Images and texts"),
    "jobs": "Jobs",
    "label_sets": "Label sets",
    "probes": DIALECTS,
}
"""The tags of operations, by blueprint."""
PATH_PARAMETERS = {
    "job": parameter("job", "path", {"type": "string", "pattern": "^[0-9a-f]{32}$"}, "its id"),
    "name": parameter("name", "path", {"type": "string", "pattern": NAME}, "its name"),
    "model": parameter("model", "path", {"type": "string"}, "its name, or an alias"),
}
SECURITY_SCHEMES = {
    "bearer": {"type": "http", "scheme": "bearer"},
    "header": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
}
OF_ANY_ROUTE: tuple[type[ClipError], ...] = (
    Unauthorized,
    RateLimited,
    InternalError,
    QueueFull,
    BrokerAway,
)


def document(app: Flask, settings: ApiSettings) -> dict[str, Any]:
    """The document of this deployment, with its limits.

    Raises:
        LookupError: a route declares nothing, or has an argument that is not described here.
    """
    declared = [
        (rule, operation)
        for rule in app.url_map.iter_rules()
        if (operation := operation_of(app.view_functions[rule.endpoint]))
    ]
    schemas, named = schemas_of(_types([each for _, each in declared], settings), settings)
    paths: dict[str, Any] = {}
    for rule, operation in declared:
        (method,) = (rule.methods or set()) - {"HEAD", "OPTIONS"}
        path = paths.setdefault(re.sub(r"<(?:path:)?(\w+)>", r"{\1}", rule.rule), {})
        path[method.lower()] = _operation(rule, operation, schemas, settings)
    illustrate(paths)
    ways: list[dict[str, list[str]]] = [{name: []} for name in SECURITY_SCHEMES]
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "CLIP API",
            "version": VERSION,
            "summary": "Rank texts against images on your own hardware.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "paths": paths,
        "components": {"schemas": named, "securitySchemes": SECURITY_SCHEMES},
        **({"webhooks": webhooks(schemas[JobEnded])} if settings.webhook_secrets else {}),
        **({"security": ways} if settings.accepted_keys else {}),
    }


def _types(declared: Iterable[Operation], settings: ApiSettings) -> dict[Any, TypeAdapter[Any]]:
    """All types that need a schema, by their users."""
    types: dict[Any, TypeAdapter[Any]] = {Problem: TypeAdapter(Problem)}
    for operation in declared:
        if operation.body:
            types[operation.body] = operation.body
        types |= {each.body: TypeAdapter(each.body) for each in operation.answers if each.body}
        if operation.dialect:
            model = operation.dialect.error_model
            types[model] = TypeAdapter(model)
    if settings.webhook_secrets:
        types[JobEnded] = TypeAdapter(JobEnded)
    return types


def _operation(rule: Rule, operation: Operation, schemas: Schemas, settings: ApiSettings) -> Schema:
    blueprint = rule.endpoint.partition(".")[0]
    is_open = blueprint in OPEN
    parameters = [dict(PATH_PARAMETERS[name]) for name in sorted(rule.arguments)]
    parameters += [
        each for each in operation.parameters if settings.webhook_secrets or each is not CALLBACK
    ]
    parameters += query_parameters(operation.query) if operation.query else []
    answers = {str(each.status): _answer(each, schemas) for each in operation.answers}
    kinds = () if is_open else OF_ANY_ROUTE
    if blueprint not in LENIENT:
        kinds += (InvalidRequest,)
    return {
        "operationId": operation.id,
        "summary": operation.summary,
        "description": operation.description,
        "tags": [DIALECTS if operation.dialect else TAGS.get(blueprint, "The service")],
        **({"parameters": parameters} if parameters else {}),
        **({"requestBody": body} if (body := _body(operation, schemas)) else {}),
        "responses": answers | problems(kinds + operation.errors, operation),
        **({"security": []} if is_open else {}),
    }


def _body(operation: Operation, schemas: Schemas) -> Schema:
    content = {}
    if operation.body:
        content[JSON] = {"schema": schemas[operation.body]}
    if operation.form:
        content[MULTIPART] = {"schema": ref(operation.form)}
    return {"required": True, "content": content} if content else {}


def _answer(answer: Answer[Any], schemas: Schemas) -> Schema:
    return {
        "description": answer.description,
        **(
            {"content": {answer.media_type: {"schema": schemas[answer.body]}}}
            if answer.body
            else {}
        ),
        **headers(answer.headers),
        **({"links": answer.links} if answer.links else {}),
    }
