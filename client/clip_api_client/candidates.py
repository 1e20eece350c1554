"""The candidates and options of a call."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, TypedDict

from clip_api_client.progress import ProgressOption
from clip_api_client.queries import ImageSource, Query

Activation: TypeAlias = Literal["softmax", "sigmoid", "none"]
Alpha: TypeAlias = Literal["drop", "white", "black"]
CandidateLike: TypeAlias = ImageSource
"""A text as `str`, or an image, whose path or URL must not be a `str`."""


class RankOptions(TypedDict, total=False):
    """How to rank.

    texts: queries that are texts; they come after the images.
    label_set: the name of a stored set of candidates, instead of `candidates`.
    labels: the names of a label set's candidates: `label_set(name).labels`.
    template, templates: `{}` is replaced by each text candidate; several are averaged.
    top_k: the number of candidates to list for each query.
    temperature: divides the logits.
    activation: turns logits into probabilities, instead of the model's own.
    model: one of those that `models()` lists.
    alpha: what transparent images are put on; the service's default if it is not given.
    allow_partial: a query that fails has an `error` in its row, and the others continue.
    metadata: texts by name, which the job keeps and gives back.
    """

    texts: Iterable[str]
    label_set: str
    labels: Sequence[str | None]
    template: str
    templates: Sequence[str]
    top_k: int
    temperature: float
    activation: Activation
    model: str
    alpha: Alpha
    allow_partial: bool
    metadata: Mapping[str, str]


class CallOptions(RankOptions, total=False):
    """How to rank, and how to report progress.

    progress: True for a bar on standard error, or a function that is called with a Progress.
    """

    progress: ProgressOption


AS_GIVEN = (
    *("label_set", "template", "temperature", "activation"),
    *("model", "alpha", "allow_partial"),
)


@dataclass(frozen=True, slots=True)
class Wish:
    """A request to rank, without its queries."""

    body: dict[str, Any]
    labels: tuple[str, ...]
    top_k: int | None
    allow_partial: bool


def wish_of(candidates: Iterable[CandidateLike] | None, options: RankOptions) -> Wish:
    """Read the candidates and options of a call.

    Raises:
        TypeError: there are neither candidates nor a label set, or both; or labels without a set.
        UnreadableImage: an image among the candidates cannot be read.
    """
    if (candidates is None) == (options.get("label_set") is None):
        raise TypeError("rank needs candidates, or a label_set, and not both")
    if candidates is not None and "labels" in options:
        raise TypeError("labels are for a label_set; candidates are called what they are")
    if isinstance(candidates, str):
        raise TypeError(f"candidates are several: write [{candidates!r}]")
    body: dict[str, Any] = {
        name: value for name in AS_GIVEN if (value := options.get(name)) is not None
    }
    if templates := options.get("templates"):
        body["templates"] = list(templates)
    if metadata := options.get("metadata"):
        body["metadata"] = dict(metadata)
    names = options.get("labels", ())
    if candidates is not None:
        listed = [Query(each, is_text=isinstance(each, str)) for each in candidates]
        body["candidates"] = [each.item() for each in listed]
        names = [each.name for each in listed]
    labels = tuple(name or f"#{place}" for place, name in enumerate(names))
    top_k = options.get("top_k")
    return Wish(body, labels, top_k, allow_partial=options.get("allow_partial", False))
