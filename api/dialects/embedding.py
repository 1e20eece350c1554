"""The way of a dialect's request: its parts become a job of ours, and that becomes unit vectors."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, chain
from typing import TypeVar

import numpy as np
import orjson
from flask import Response, g, request
from pydantic import BaseModel, TypeAdapter

from api.answer.responses import describe
from api.answer.results import Outcome
from api.answer.scoring import Units, normalised
from api.dialects.dialect import JSON
from api.dialects.parts import Part, invalid
from api.dispatch.dispatcher import Dispatcher
from api.dispatch.models import ServedModel
from api.dispatch.respond import outcome_of
from api.errors import InvalidRequest, ItemFault
from api.request.body import parse_json, pieces, read_json
from api.request.multipart import Part as FormPart
from api.request.multipart import read_parts
from api.request.options import collector
from api.request.request import NamedModel, Request
from api.request.validation import validate
from api.settings import ApiSettings
from common.errors import TextTooLong
from common.protocol.messages import ModelInfo, Priority

Body = TypeVar("Body", bound=BaseModel)

UNNAMED = ("", "default/not-specified")
"""What clients send that must name a model, but were told none."""
VALUES_PER_ITEM = 3
"""Content parts are nested: they have more JSON values than our own items."""


@dataclass(frozen=True, slots=True)
class Options:
    """How vectors are made.

    They are of unit length unless not to `normalise`; that of several parts always is. Only the
    first `dimensions` are kept, unless it is None or 0; errors call them `dimensions_key`. Texts
    that are too long for the model are errors unless to `truncate`.
    """

    normalise: bool = True
    dimensions: int | None = None
    dimensions_key: str = "dimensions"
    truncate: bool = True


DEFAULTS = Options()


@dataclass(frozen=True, slots=True)
class EmbeddingRequest:
    """A request for vectors, each of as many parts as `sizes` says; `where` has their pointers."""

    request: Request
    sizes: tuple[int, ...]
    where: tuple[str, ...]
    options: Options


@dataclass(frozen=True, slots=True)
class Embeddings:
    """The answer: a row for each vector, and the number of tokens of its texts."""

    outcome: Outcome
    model: ModelInfo
    vectors: Units
    tokens: list[int]

    @property
    def images(self) -> int:
        """The number of images among the parts."""
        kinds = self.outcome.record.request.kinds
        return sum(kinds[index] != "t" for index in self.outcome.items_of(""))

    def response(self, body: object) -> Response:
        """A response with this body, and the headers of every answer of ours."""
        options = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_APPEND_NEWLINE
        return describe(
            Response(orjson.dumps(body, option=options), content_type=JSON), self.outcome
        )


class Embedder:
    """Makes vectors for the dialects."""

    def __init__(self, dispatcher: Dispatcher, settings: ApiSettings) -> None:
        self._dispatcher = dispatcher
        self._settings = settings

    @property
    def max_parts(self) -> int:
        """How many texts and images a request may have."""
        return self._settings.max_queries

    @property
    def max_text_chars(self) -> int:
        return self._settings.max_text_chars

    @property
    def max_values(self) -> int:
        """For how many items of ours a body may have JSON values."""
        return self._settings.max_queries * VALUES_PER_ITEM

    def read(self, body: TypeAdapter[Body]) -> Body:
        """The JSON of the current request; unknown keys are ignored, it needs no Content-Type.

        Raises:
            RequestError: it cannot be read, or is not valid.
        """
        max_bytes = self._settings.max_body_bytes
        read = read_json(request, max_bytes=max_bytes, max_items=self.max_values, is_lenient=True)
        return validate(read.value, body, has_items=False)

    def parse(self, raw: bytes, body: TypeAdapter[Body]) -> Body:
        """The same, of bytes that were read already. Raises RequestError if they are not valid."""
        return validate(parse_json(raw, self.max_values), body, has_items=False)

    def read_bytes(self) -> bytes:
        """The bytes of the current request. Raises RequestError if they cannot be read."""
        return b"".join(pieces(request, self._settings.max_body_bytes))

    def read_form(self, max_parts: int) -> list[FormPart]:
        """The fields of the current request's form. Raises RequestError if it has none."""
        return read_parts(request, max_bytes=self._settings.max_body_bytes, max_parts=max_parts)

    def request(
        self,
        vectors: Sequence[Sequence[Part]],
        model: str | None,
        *,
        pointer: str = "",
        model_pointer: str = "/model",
        options: Options = DEFAULTS,
    ) -> EmbeddingRequest:
        """What to encode for these vectors, each the mean of its parts.

        Raises:
            InvalidRequest: there are none or too many, or a part is at fault. `pointer` is the JSON
                Pointer to all of them, `model_pointer` that to the model.
        """
        parts = list(chain.from_iterable(vectors))
        limit = self._settings.max_queries
        if not parts or not all(vectors):
            raise invalid(pointer, "too_few", "needs at least one item")
        if len(parts) > limit:
            raise invalid(pointer, "too_many", f"has {len(parts)} items; the limit is {limit}")
        where = tuple(part.where for part in parts)
        items = collector(self._settings, None)
        items.add([part.item for part in parts], "", are_queries=True, required=True)
        if items.faults:
            raise _relocated(items.faults, where)
        wanted = Request(
            kind="encode",
            spec=items.spec(),
            priority=Priority.INTERACTIVE,
            deadline=g.started + self._settings.sync_timeout_s,
            owner=g.owner,
            request_id=g.request_id,
            model=self._named(model, model_pointer),
        )
        return EmbeddingRequest(wanted, tuple(map(len, vectors)), where, options)

    def embed(self, wanted: EmbeddingRequest) -> Embeddings:
        """Wait for the vectors. Raises ClipError if there are none, or an item is at fault."""
        outcome = outcome_of(wanted.request, self._dispatcher, self._settings)
        outcome.hold()
        try:
            outcome.check_done()
        except InvalidRequest as error:
            raise _relocated(error.faults, wanted.where) from None
        model = outcome.model
        assert model is not None, "a job that is done has a model"  # noqa: S101
        options = wanted.options
        self._check(options, model)
        if not options.truncate:
            _check_lengths(outcome, wanted.where)
        indices = outcome.items_of("")
        rows = np.concatenate([rows for _, rows in outcome.vectors(indices)]).astype(np.float64)
        starts = [0, *accumulate(wanted.sizes)][:-1]
        vectors = _means(rows, starts, normalise=options.normalise)
        if options.dimensions:
            vectors = vectors[:, : options.dimensions]
            vectors = normalised(vectors) if options.normalise else vectors
        tokens = [outcome.tokens.get(index, 0) for index in indices]
        summed = np.add.reduceat(tokens, starts).tolist()
        return Embeddings(outcome, model, vectors, summed)

    def models(self) -> list[ServedModel]:
        """The models by name, then by alias, as far as they are served."""
        found = self._dispatcher.models()
        by_name = {each.name: each for each in found}
        aliases = self._settings.aliased_models.items()
        known = [(alias, by_name[name]) for alias, name in aliases if name in by_name]
        return found + [replace(each, name=alias) for alias, each in known]

    def _named(self, model: str | None, pointer: str) -> NamedModel | None:
        if model is None or model in UNNAMED:
            return None
        aliased = self._settings.aliased_models.get(model)
        return NamedModel(aliased, pointer, model) if aliased else NamedModel(model, pointer)

    def _check(self, options: Options, model: ModelInfo) -> None:
        dimensions, where = options.dimensions, f"/{options.dimensions_key}"
        if not dimensions or dimensions == model.dimension:
            return
        if model.name not in self._settings.shortened_models:
            detail = (
                f"must be {model.dimension}: the embeddings of {model.name} cannot be shortened"
            )
            raise invalid(where, "unsupported", detail)
        if not 0 < dimensions < model.dimension:
            raise invalid(where, "too_large", f"must be 1 to {model.dimension}")


def _means(rows: Units, starts: Sequence[int], *, normalise: bool) -> Units:
    """The vectors of runs of rows: a single row itself, else the normalised mean of unit rows."""
    if len(starts) == len(rows):
        return normalised(rows) if normalise else rows
    means = normalised(np.add.reduceat(normalised(rows), starts))
    if not normalise:
        single = np.diff([*starts, len(rows)]) == 1
        means[single] = rows[np.array(starts)[single]]
    return means


def _check_lengths(outcome: Outcome, where: Sequence[str]) -> None:
    detail = "is longer than the model's context"
    faults = [
        ItemFault(pointer, TextTooLong.code, detail) for pointer in outcome.truncated_pointers()
    ]
    if faults:
        raise _relocated(faults, where)


def _relocated(faults: Sequence[ItemFault], where: Sequence[str]) -> InvalidRequest:
    """The same faults, with pointers into the client's body instead of our list of items."""
    return InvalidRequest(
        [
            ItemFault(where[int(fault.pointer.split("/")[1])], fault.code, fault.detail)
            for fault in faults
        ]
    )
