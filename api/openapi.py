"""The OpenAPI 3.1 document, made from the pydantic schemas."""

from typing import Any

from pydantic import BaseModel, TypeAdapter
from pydantic.json_schema import models_json_schema

from api import schemas
from api.settings import ApiSettings
from common import errors

VERSION = "0.1.0"
MODELS: tuple[type[BaseModel], ...] = (
    schemas.Item,
    schemas.RankRequest,
    schemas.RankResponse,
    schemas.Problem,
    schemas.Health,
    schemas.Readiness,
)
REF = "#/components/schemas/{model}"

RANK_EXAMPLE = {
    "queries": [{"img_uri": "https://example.org/shirt.png"}],
    "candidates": [{"text": "t-shirt"}, {"text": "jeans"}],
}


def document(settings: ApiSettings) -> dict[str, Any]:
    """The document of this deployment: its limits are in it."""
    _, definitions = models_json_schema(
        [(model, "validation") for model in MODELS], ref_template=REF
    )
    components: dict[str, Any] = definitions["$defs"]
    request_schema = components["RankRequest"]["properties"]
    request_schema["queries"]["maxItems"] = settings.max_queries
    request_schema["candidates"]["maxItems"] = settings.max_candidates
    encode_schema = TypeAdapter(list[schemas.Item]).json_schema(ref_template=REF)
    encode_schema.pop("$defs", None)
    encode_schema |= {"minItems": 1, "maxItems": settings.max_queries}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "CLIP API",
            "version": VERSION,
            "summary": "Rank texts against pictures on your own hardware.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "paths": {
            "/rank": {"post": _rank()},
            "/encode": {"post": _encode(encode_schema)},
            "/healthz": {"get": _get("healthz", "The process lives.", "Health")},
            "/readyz": {"get": _readyz()},
            "/openapi.json": {"get": _openapi()},
        },
        "components": {"schemas": components},
    }


def _rank() -> dict[str, Any]:
    return {
        "operationId": "rank",
        "summary": "Rank the candidates for each query.",
        "requestBody": _body({"$ref": REF.format(model="RankRequest")}, RANK_EXAMPLE),
        "responses": {
            "200": _content("One row for each query.", {"$ref": REF.format(model="RankResponse")}),
            **_problems(),
        },
    }


def _encode(schema: dict[str, Any]) -> dict[str, Any]:
    vectors = {"type": "array", "items": {"type": "array", "items": {"type": "number"}}}
    return {
        "operationId": "encode",
        "summary": "The embeddings of texts and pictures, not normalised.",
        "requestBody": _body(schema, [{"text": "a t-shirt"}]),
        "responses": {"200": _content("One vector for each item.", vectors), **_problems()},
    }


def _get(operation: str, summary: str, model: str) -> dict[str, Any]:
    return {
        "operationId": operation,
        "summary": summary,
        "responses": {"200": _content(summary, {"$ref": REF.format(model=model)})},
    }


def _readyz() -> dict[str, Any]:
    operation = _get("readyz", "A request would be served now.", "Readiness")
    schema = {"$ref": REF.format(model="Readiness")}
    operation["responses"]["503"] = _content("A request would not be served now.", schema)
    return operation


def _openapi() -> dict[str, Any]:
    summary = "This document."
    return {
        "operationId": "openapi",
        "summary": summary,
        "responses": {"200": _content(summary, {"type": "object"})},
    }


def _body(schema: dict[str, Any], example: object) -> dict[str, Any]:
    content = {"application/json": {"schema": schema, "example": example}}
    return {"required": True, "content": content}


def _content(description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _problems() -> dict[str, Any]:
    schema = {"$ref": REF.format(model="Problem")}
    told = {
        "400": errors.NotJson.title,
        "413": errors.BodyTooLarge.title,
        "415": errors.UnsupportedMediaType.title,
        "422": errors.InvalidRequest.title,
        "500": errors.InternalError.title,
        "503": errors.Unavailable.title,
        "504": errors.DeadlineExceeded.title,
    }
    return {
        status: {
            "description": title,
            "content": {"application/problem+json": {"schema": schema}},
        }
        for status, title in told.items()
    }
