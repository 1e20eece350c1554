"""The candidates and options of a call."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, TypedDict

from clip_api_client.answers import LabelSet
from clip_api_client.progress import ProgressOption
from clip_api_client.queries import Alpha, ImageSource, Query

Activation: TypeAlias = Literal["softmax", "sigmoid", "none"]
CandidateLike: TypeAlias = ImageSource
"""A text as `str`, or an image, whose path or URL must not be a `str`."""


class RankOptions(TypedDict, total=False):
    """How to rank.

    texts: queries that are texts; they come after the images.
    label_set: a stored set, instead of `candidates`: its name, or what `label_set(name)` returns,
        which has the names of its candidates.
    labels: other names for a label set's candidates.
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
    label_set: str | LabelSet
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
    *("template", "temperature", "activation"),
    *("model", "alpha", "allow_partial"),
)


@dataclass(frozen=True, slots=True)
class Wish:
    """A request to rank, without its queries.

    `version` is the one of the label set that the labels are from; empty for other labels.
    """

    body: dict[str, Any]
    labels: tuple[str, ...]
    top_k: int | None
    allow_partial: bool
    version: str = ""


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
    names, version = options.get("labels", ()), ""
    label_set = options.get("label_set")
    if isinstance(label_set, LabelSet):
        if "labels" not in options:
            names, version = label_set.labels, label_set.version
        label_set = label_set.name
    if label_set is not None:
        body["label_set"] = label_set
    if candidates is not None:
        listed = [Query(each, is_text=isinstance(each, str)) for each in candidates]
        body["candidates"] = [each.item() for each in listed]
        names = [each.name for each in listed]
    allow_partial = options.get("allow_partial", False)
    return Wish(body, named(names), options.get("top_k"), allow_partial, version)


def named(labels: Iterable[str | None]) -> tuple[str, ...]:
    """The labels, with a number for one that has no name."""
    return tuple(label or f"#{place}" for place, label in enumerate(labels))
