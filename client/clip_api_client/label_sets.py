"""Operations on label sets."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from clip_api_client import jobs
from clip_api_client.answers import LabelSet, read
from clip_api_client.candidates import CandidateLike, RankOptions, wish_of
from clip_api_client.errors import RequestError
from clip_api_client.queries import Alpha, Item
from clip_api_client.retries import Patience, send
from clip_api_client.steps import Request, Steps

MAX_PUTS = 2
NOT_RETURNED = (
    "The service does not return the candidates of label set {name!r}. Store the whole set again."
)
HAS_IMAGES = (
    "Label set {name!r} has uploaded images, which the service does not return. Store the whole set"
    " again."
)
REPLACED = "Label set {name!r} was changed at the same time. Try again."


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
    name: str,
    patience: Patience,
    *,
    add: Iterable[str] = (),
    remove: Iterable[str] = (),
    templates: Iterable[str] | None = None,
) -> Steps[LabelSet]:
    """Put a set again without some labels, with others at its end, and with other templates.

    The service does not put under a condition. So the set is read once more, and if another client
    has replaced it in between, the edit is made again. An edit that is replaced after that is lost.

    Raises:
        RequestError: a label to remove is not in the set, nothing would be left of it, it has
            uploaded images, or it was replaced again.
    """
    change = Change(
        tuple(dict.fromkeys(add)), frozenset(remove), None if templates is None else [*templates]
    )
    stored = yield from fetch(name, patience)
    for label in sorted(change.remove - set(stored.labels)):
        raise RequestError(f"{label!r} is not in label set {name!r}")
    for _ in range(MAX_PUTS):
        body = change.made(stored)
        if body == UNCHANGED.made(stored):
            return stored
        put = yield from _put(name, body, patience)
        stored = yield from fetch(name, patience)
        if stored.version == put.version:
            return stored
    raise RequestError(REPLACED.format(name=name))


@dataclass(frozen=True, slots=True)
class Change:
    """What an edit adds and removes, and the new templates, if there are any."""

    add: tuple[str, ...] = ()
    remove: frozenset[str] = frozenset()
    templates: list[str] | None = None

    def made(self, stored: LabelSet) -> dict[str, object]:
        """The body of the changed set. Raises RequestError if there is none."""
        pairs = zip(_items_of(stored), stored.labels, strict=True)
        kept = [item for item, label in pairs if label not in self.remove]
        kept += [{"text": text} for text in self.add if text not in stored.labels]
        if not kept:
            raise RequestError(f"label set {stored.name!r} would be empty; delete it")
        body: dict[str, object] = {"candidates": kept}
        if templates := stored.templates if self.templates is None else self.templates:
            body["templates"] = templates
        if stored.alpha:
            body["alpha"] = stored.alpha
        return body


UNCHANGED = Change()


def _items_of(stored: LabelSet) -> list[Item]:
    """The candidates of a set as they were put. Raises RequestError if some are not known."""
    candidates = stored.candidates or []
    items = [
        {key: value for key, value in each.items() if value is not None} for each in candidates
    ]
    if len(items) != stored.count:
        raise RequestError(NOT_RETURNED.format(name=stored.name))
    if not all(items):
        raise RequestError(HAS_IMAGES.format(name=stored.name))
    return items


def delete(name: str, patience: Patience) -> Steps[None]:
    yield from send(Request("DELETE", _path(name)), patience)


def _put(name: str, body: object, patience: Patience) -> Steps[LabelSet]:
    request = replace(jobs.post(_path(name), body), method="PUT")
    response = yield from send(request, patience)
    return read(response, LabelSet)


def _path(name: str) -> str:
    return jobs.path_in("/label-sets", name)
