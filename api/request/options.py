"""Options that several routes share: preference, model, idempotency key, limits on items."""

import hashlib
from collections.abc import Sequence
from typing import cast, get_args

import orjson
from flask import Request

from api.errors import InvalidRequest, ItemFault
from api.request import callbacks, metadata
from api.request.body import JsonBody, check_prompts
from api.request.items import ItemCollector
from api.request.preference import Preference, preference
from api.request.request import NamedModel
from api.request.schemas import Item, Prompts
from api.settings import ApiSettings
from common.ledger.records import Idempotency
from common.protocol.messages import Alpha

MAX_KEY_LENGTH = 255
OTHER_PARAMETERS = (callbacks.PARAMETER, "alpha", metadata.PARAMETER)
"""Parameters besides the model that make requests different."""


def preference_of(request: Request, settings: ApiSettings) -> Preference:
    headers = request.headers.getlist("Prefer")
    return preference(headers, request.args.get("wait"), settings.sync_timeout_s)


def collector(settings: ApiSettings, alpha: Alpha | None) -> ItemCollector:
    """An item collector with the limits of this deployment, and its `alpha` if None is given."""
    return ItemCollector(
        settings.max_image_bytes,
        settings.max_text_chars,
        settings.fetch_urls,
        alpha or settings.alpha,
    )


def add_candidates(
    items: ItemCollector,
    candidates: Sequence[Item],
    prompts: Prompts,
    settings: ApiSettings,
    *,
    are_queries: bool,
) -> None:
    """Add candidates, each in all templates. Raises InvalidRequest for too many texts."""
    check_prompts(candidates, prompts, settings.max_prompts)
    items.templates = prompts.given
    items.add(
        candidates,
        "/candidates",
        are_queries=are_queries,
        required=True,
        templates=prompts.prompts,
    )


def named_model(request: Request, in_body: str | None = None) -> NamedModel | None:
    """The model that a request names, in its body or as a parameter; None if it names none.

    Raises:
        InvalidRequest: it names two models.
    """
    names = set(request.args.getlist("model"))
    pointer = "" if in_body is None else "/model"
    if in_body is not None:
        names.add(in_body)
    if len(names) > 1:
        detail = "parameter model: differs from the model in the rest of the request"
        raise InvalidRequest([ItemFault(pointer, "ambiguous_model", detail)], detail)
    return NamedModel(names.pop(), pointer) if names else None


def named_alpha(request: Request, in_body: Alpha | None = None) -> Alpha | None:
    """What a request puts transparent images on, in its body or as a parameter; None by default.

    Raises:
        InvalidRequest: it names two backgrounds, or an unknown one.
    """
    names = set(request.args.getlist("alpha"))
    if in_body is not None:
        names.add(in_body)
    known = get_args(Alpha)
    if names.difference(known):
        detail = f"parameter alpha: must be one of {', '.join(known)}"
        raise InvalidRequest([ItemFault("", "unknown_value", detail)], detail)
    if len(names) > 1:
        detail = "parameter alpha: differs from the alpha in the rest of the request"
        raise InvalidRequest([ItemFault("", "ambiguous_alpha", detail)], detail)
    return cast("Alpha", names.pop()) if names else None


def idempotency_of(request: Request, body: JsonBody, owner: str) -> Idempotency | None:
    """The request's idempotency key, bound to owner and path, and a fingerprint of the request.

    Raises:
        InvalidRequest: the key is empty or too long.
    """
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return None
    if not 0 < len(key) <= MAX_KEY_LENGTH:
        fault = ItemFault("", "invalid_idempotency_key", "has an empty or too long idempotency key")
        raise InvalidRequest([fault])
    bound = hashlib.sha256(f"{owner}\n{request.path}\n{key}".encode()).hexdigest()
    others = [{name: value} for name in OTHER_PARAMETERS for value in request.args.getlist(name)]
    parameters = [*request.args.getlist("model"), *others]
    content = orjson.dumps([body.sha256, *parameters])
    fingerprint = hashlib.sha256(content).hexdigest() if parameters else body.sha256
    return Idempotency(bound, fingerprint)
