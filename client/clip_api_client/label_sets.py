"""Operations on label sets."""

from collections.abc import Iterable
from dataclasses import replace
from urllib.parse import quote

from clip_api_client import jobs
from clip_api_client.answers import LabelSet, read
from clip_api_client.candidates import Alpha, CandidateLike, RankOptions, wish_of
from clip_api_client.errors import RequestError
from clip_api_client.queries import Item
from clip_api_client.retries import Patience, send
from clip_api_client.steps import Request, Steps

NOT_TOLD = "the service does not tell what is in label set {name!r}; put the whole set"
NOT_GIVEN_BACK = "label set {name!r} has uploaded images; put the whole set"


def put(
    name: str,
    candidates: Iterable[CandidateLike],
    templates: Iterable[str],
    alpha: Alpha | None,
    patience: Patience,
) -> Steps[LabelSet]:
    options = RankOptions()
    if listed := list(templates):
        options["templates"] = listed
    if alpha:
        options["alpha"] = alpha
    return _put(name, wish_of(candidates, options).body, patience)


def fetch(name: str, patience: Patience) -> Steps[LabelSet]:
    return jobs.get(_path(name), LabelSet, patience)


def edit(
    name: str, add: Iterable[str], remove: Iterable[str], patience: Patience
) -> Steps[LabelSet]:
    """Put a set again without some labels, and with others at its end.

    Raises:
        RequestError: a label to remove is not in the set, nothing would be left of it, or it has
            uploaded images.
    """
    stored = yield from fetch(name, patience)
    items = _items_of(stored)
    removed = set(remove)
    for label in sorted(removed - set(stored.labels)):
        raise RequestError(f"{label!r} is not in label set {name!r}")
    pairs = zip(items, stored.labels, strict=True)
    kept = [item for item, label in pairs if label not in removed]
    kept += [{"text": text} for text in dict.fromkeys(add) if text not in stored.labels]
    if not kept:
        raise RequestError(f"label set {name!r} would be empty; delete it")
    body: dict[str, object] = {"candidates": kept}
    if stored.templates:
        body["templates"] = stored.templates
    if stored.alpha:
        body["alpha"] = stored.alpha
    return (yield from _put(name, body, patience))


def _items_of(stored: LabelSet) -> list[Item]:
    """The candidates of a set as they were put. Raises RequestError if some are not known."""
    candidates = stored.candidates or []
    items = [
        {key: value for key, value in each.items() if value is not None} for each in candidates
    ]
    if len(items) != stored.count:
        raise RequestError(NOT_TOLD.format(name=stored.name))
    if not all(items):
        raise RequestError(NOT_GIVEN_BACK.format(name=stored.name))
    return items


def delete(name: str, patience: Patience) -> Steps[None]:
    yield from send(Request("DELETE", _path(name)), patience)


def _put(name: str, body: object, patience: Patience) -> Steps[LabelSet]:
    request = replace(jobs.post(_path(name), body), method="PUT")
    response = yield from send(request, patience)
    return read(response, LabelSet)


def _path(name: str) -> str:
    return f"/label-sets/{quote(name, safe='')}"
