"""A label set, for clients."""

from collections.abc import Iterable, Sequence

from pydantic import BaseModel, Field

from api.answer.jobs import JobModel, Timestamp
from common.label_sets import label_content
from common.ledger.records import timestamp
from common.protocol.messages import ModelInfo


class LabelSetSummary(BaseModel):
    """A label set in a list; the version is a hash of its content."""

    name: str
    version: str
    count: int = Field(description="candidates")
    created_at: Timestamp


class LabelSet(LabelSetSummary):
    """A label set."""

    labels: list[str | None] = Field(
        description="the name of each candidate: its text, in the first of its templates, or its "
        "URL; `null` for an image that was sent in base64"
    )
    models: list[JobModel] = Field(description="models whose embeddings of it are stored")


class LabelSetList(BaseModel):
    """All label sets, by name."""

    label_sets: list[LabelSetSummary]


def summary(found: label_content.LabelSet) -> LabelSetSummary:
    """A label set in a list."""
    return LabelSetSummary(
        name=found.name,
        version=found.version,
        count=found.count,
        created_at=timestamp(found.created),
    )


def label_set(
    found: label_content.LabelSet, names: Sequence[str | None], models: Iterable[ModelInfo]
) -> LabelSet:
    """A label set in full, with the models it is encoded for."""
    encoded = [JobModel(name=model.name, revision=model.revision) for model in models]
    return LabelSet(**dict(summary(found)), labels=names, models=encoded)
