"""Operations on label sets."""

from collections.abc import Iterable
from dataclasses import replace
from urllib.parse import quote

from clip_api_client import jobs
from clip_api_client.answers import LabelSet, read
from clip_api_client.candidates import Alpha, CandidateLike, RankOptions, wish_of
from clip_api_client.errors import RequestError, UnexpectedAnswer
from clip_api_client.retries import Patience, send
from clip_api_client.steps import Request, Steps

NOT_TOLD = "this service does not tell the templates of its label sets; put the whole set"
NOT_GIVEN_BACK = "has uploaded images, which the service does not give back; put the whole set"


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
        RequestError: a label to remove is not in the set, or the set has uploaded images.
    """
    stored = yield from fetch(name, patience)
    if stored.candidates is None:
        raise UnexpectedAnswer(NOT_TOLD)
    if any("img_blob" in item for item in stored.candidates):
        raise RequestError(f"label set {name!r} {NOT_GIVEN_BACK}")
    removed = set(remove)
    for label in sorted(removed - set(stored.labels)):
        raise RequestError(f"{label!r} is not in label set {name!r}")
    pairs = zip(stored.candidates, stored.labels, strict=True)
    items = [item for item, label in pairs if label not in removed]
    items += [{"text": text} for text in dict.fromkeys(add) if text not in stored.labels]
    body = {"candidates": items, "templates": stored.templates, "alpha": stored.alpha}
    given = {key: value for key, value in body.items() if value or key == "candidates"}
    return (yield from _put(name, given, patience))


def delete(name: str, patience: Patience) -> Steps[None]:
    yield from send(Request("DELETE", _path(name)), patience)


def _put(name: str, body: object, patience: Patience) -> Steps[LabelSet]:
    request = replace(jobs.post(_path(name), body), method="PUT")
    response = yield from send(request, patience)
    return read(response, LabelSet)


def _path(name: str) -> str:
    return f"/label-sets/{quote(name, safe='')}"
