"""The JSON Schemas of requests and answers, with the limits of this deployment."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, TypeAdapter

from api.openapi.forms import encode_form, immich_form, rank_form
from api.openapi.operation import Schema, parameter
from api.settings import ApiSettings

REF = "#/components/schemas/{model}"
Schemas = Mapping[Any, Schema]


def schemas_of(
    types: Mapping[Any, TypeAdapter[Any]], settings: ApiSettings
) -> tuple[Schemas, dict[str, Schema]]:
    """The schemas by type, and the named ones by name."""
    mode: Literal["validation"] = "validation"
    inputs = [(key, mode, adapter) for key, adapter in types.items()]
    found, definitions = TypeAdapter.json_schemas(inputs, ref_template=REF)
    schemas = {key: schema for (key, _), schema in found.items()}
    named: dict[str, Schema] = definitions["$defs"]
    (items,) = (each for each in schemas.values() if each.get("items") == ref("Item"))
    items["maxItems"] = settings.max_async_queries
    _limit(named, settings)
    named["RankForm"] = rank_form(named["RankRequest"], ref("Item"), settings)
    named["EncodeForm"] = encode_form(items, named["RankRequest"]["properties"], settings)
    named["ImmichForm"] = immich_form(settings)
    return schemas, named


def _limit(named: dict[str, Schema], settings: ApiSettings) -> None:
    rank = named["RankRequest"]["properties"]
    rank["queries"]["maxItems"] = settings.max_async_queries
    rank["candidates"]["anyOf"][0]["maxItems"] = settings.max_candidates
    if not settings.webhook_secrets:
        del rank["callback_url"]
    label_set = named["LabelSetRequest"]["properties"]
    label_set["candidates"]["maxItems"] = settings.max_candidates
    named["Item"]["properties"]["text"]["anyOf"][0]["maxLength"] = settings.max_text_chars


def ref(model: str) -> Schema:
    return {"$ref": REF.format(model=model)}


def query_parameters(model: type[BaseModel]) -> list[Schema]:
    """A model's fields as parameters; optional ones are never null."""
    return [
        parameter(name, "query", schema.get("anyOf", [schema])[0], schema.pop("description"))
        for name, schema in model.model_json_schema()["properties"].items()
    ]
