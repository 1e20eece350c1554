"""What the OpenAPI document says of forms: each stands for a JSON body."""

from typing import Any

from api.settings import ApiSettings

PLAIN = (
    *("template", "label_set", "model", "alpha"),
    *("top_k", "temperature", "activation", "callback_url"),
)
REPEATED = "any number of times"


def rank_form(rank: dict[str, Any], item: dict[str, Any], settings: ApiSettings) -> dict[str, Any]:
    """The form of POST /rank, of the schemas of its JSON body and of an item."""
    known = rank["properties"]
    fields = {
        "image": _images(settings, "images, which become queries"),
        "queries": _json(known["queries"], "queries, which come before those of `image`"),
        "candidate": _texts(settings, settings.max_candidates, "texts, which become candidates"),
        "candidates": _json(
            {**_given(known["candidates"]), "items": {"anyOf": [item, {"type": "string"}]}},
            "candidates, which come before those of `candidate`; strings are texts",
        ),
        "templates": _json(
            _given(known["templates"]), f"{known['templates']['description']}; or one, {REPEATED}"
        ),
        **{
            name: _given(known[name]) | {"description": known[name]["description"]}
            for name in PLAIN
            if name in known
        },
        "allow_partial": known["allow_partial"],
        "metadata": _json(_given(known["metadata"]), known["metadata"]["description"]),
    }
    of_labels = ("candidate", "candidates")
    return _form(fields) | {
        "allOf": [
            _any_of("image", "queries"),
            {
                "oneOf": [
                    _any_of(*of_labels) | {"not": {"required": ["label_set"]}},
                    {
                        "required": ["label_set"],
                        "not": _any_of(*of_labels, "template", "templates"),
                    },
                ]
            },
        ],
        "not": {"required": ["template", "templates"]},
    }


def encode_form(
    items: dict[str, Any], known: dict[str, Any], settings: ApiSettings
) -> dict[str, Any]:
    """The form of POST /encode, of the schemas of its JSON body and of the options of /rank."""
    fields = {
        "items": _json(items, "items, which come first"),
        "image": _images(settings, "images, which come second"),
        "text": _texts(settings, settings.max_async_queries, "texts, which come last"),
    }
    alpha, metadata = known["alpha"], known["metadata"]
    options = {
        "alpha": _given(alpha) | {"description": alpha["description"]},
        "metadata": _json(_given(metadata), metadata["description"]),
    }
    return _form(fields | options) | _any_of(*fields)


def _form(fields: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": fields, "additionalProperties": False}


def _any_of(*names: str) -> dict[str, Any]:
    return {"anyOf": [{"required": [name]} for name in names]}


def _images(settings: ApiSettings, words: str) -> dict[str, Any]:
    return {
        "type": "array",
        "minItems": 1,
        "maxItems": settings.max_async_queries,
        "items": {"type": "string", "contentMediaType": "application/octet-stream"},
        "description": f"files, {REPEATED}: {words}",
    }


def _texts(settings: ApiSettings, max_items: int, words: str) -> dict[str, Any]:
    return {
        "type": "array",
        "minItems": 1,
        "maxItems": max_items,
        "items": {"type": "string", "maxLength": settings.max_text_chars},
        "description": f"{REPEATED}: {words}",
    }


def _json(schema: dict[str, Any], words: str) -> dict[str, Any]:
    return {
        "type": "string",
        "contentMediaType": "application/json",
        "contentSchema": {key: value for key, value in schema.items() if key != "description"},
        "description": f"as JSON: {words}",
    }


def _given(schema: dict[str, Any]) -> dict[str, Any]:
    """What a key is if it is not null: a form leaves a field out."""
    known = [each for each in schema.get("anyOf", ()) if each.get("type") != "null"]
    return dict(known[0]) if known else dict(schema)


def immich_form(settings: ApiSettings) -> dict[str, Any]:
    """The form of POST /predict."""
    text = {"type": "string", "maxLength": settings.max_text_chars}
    fields = {
        # Not as a JSON document: the viewer would ask for a file.
        "entries": {
            "type": "string",
            "description": "what is wanted, in JSON: `visual` or `textual`, with `modelName`",
            "examples": ['{"clip": {"textual": {}}}'],
        },
        "image": {"type": "string", "format": "binary", "description": "for `visual`"},
        "text": {**text, "description": "for `textual`", "examples": ["a cat"]},
    }
    return {"type": "object", "required": ["entries"], "properties": fields}
