"""The results of a call."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar, overload

from clip_api_client.errors import ItemError

Row = TypeVar("Row", bound="QueryResult")


@dataclass(frozen=True, slots=True)
class QueryResult:
    """The result of one query: `index` is its index in the call, `source` the given object.

    `name` is its path, URL or text, if it has one. With `allow_partial` a query may have an
    `error` instead of a result.
    """

    index: int
    source: object
    name: str
    error: ItemError | None

    def check(self) -> None:
        """Raise the query's error, if there is one."""
        if self.error is not None:
            raise self.error


@dataclass(frozen=True, slots=True)
class Candidate:
    """A candidate in the result of a query; `index` is its index among the candidates of the call.

    `label` is its text or file name; its number if the client does not know it.
    """

    index: int
    label: str
    probability: float
    cosine_similarity: float


@dataclass(frozen=True, slots=True)
class Ranked(QueryResult):
    """A ranked query; `probabilities` and `cosine_similarities` are in the candidates' order."""

    labels: Sequence[str]
    probabilities: list[float] | None
    cosine_similarities: list[float] | None
    top_k: int | None

    @property
    def candidates(self) -> list[Candidate]:
        """The candidates, most similar first, ties in order; at most `top_k`.

        Raises:
            ItemError: the query failed.
        """
        self.check()
        cosines, probabilities = self.cosine_similarities or [], self.probabilities or []
        best = sorted(range(len(cosines)), key=lambda place: -cosines[place])[: self.top_k]
        return [
            Candidate(place, self._label(place), probabilities[place], cosines[place])
            for place in best
        ]

    @property
    def best(self) -> Candidate:
        """The most similar candidate. Raises ItemError if the query failed."""
        return self.candidates[0]

    def _label(self, place: int) -> str:
        return self.labels[place] if place < len(self.labels) else f"#{place}"


@dataclass(frozen=True, slots=True)
class Encoded(QueryResult):
    """One query's embedding, not normalised; None if it failed."""

    vector: list[float] | None


@dataclass(frozen=True, slots=True)
class Part(Generic[Row]):
    """The results of a piece; `job` is empty if there was none."""

    rows: list[Row]
    job: str = ""
    truncated_texts: int = 0
    transparent_images: int = 0

    @property
    def failed(self) -> int:
        return sum(row.error is not None for row in self.rows)


class Results(Sequence[Row]):
    """The results of all queries of a call, in order.

    `jobs` are the ids of its jobs; answers from the cache have none. `truncated_texts` is the
    number of texts that the model truncated, the maximum over several requests;
    `transparent_images` that of images that are not opaque, the sum over several requests.
    """

    def __init__(self, parts: Iterable[Part[Row]]) -> None:
        known = list(parts)
        self._rows = [row for part in known for row in part.rows]
        self.jobs = [part.job for part in known if part.job]
        self.truncated_texts = max((part.truncated_texts for part in known), default=0)
        self.transparent_images = sum(part.transparent_images for part in known)

    @property
    def errors(self) -> list[ItemError]:
        """The rows of the queries that failed."""
        return [row.error for row in self._rows if row.error is not None]

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[Row]:
        return iter(self._rows)

    @overload
    def __getitem__(self, place: int) -> Row: ...
    @overload
    def __getitem__(self, place: slice) -> list[Row]: ...
    def __getitem__(self, place: int | slice) -> Row | list[Row]:
        return self._rows[place]

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {len(self)} queries, {len(self.errors)} failed>"


class Ranking(Results[Ranked]):
    """A row for each query, and the two matrices; a failed query has None instead of a row."""

    @property
    def probabilities(self) -> list[list[float] | None]:
        return [row.probabilities for row in self]

    @property
    def cosine_similarities(self) -> list[list[float] | None]:
        return [row.cosine_similarities for row in self]


class Embeddings(Results[Encoded]):
    """A row for each query."""

    @property
    def vectors(self) -> list[list[float] | None]:
        return [row.vector for row in self]
