"""A label set, for clients."""

from collections.abc import Iterable

from pydantic import BaseModel, Field

from api.answer.jobs import JobModel, Timestamp
from common.label_sets import label_content
from common.label_sets.label_content import LabelContent
from common.ledger.records import timestamp
from common.protocol.messages import Alpha, ItemKind, ModelInfo

KEYS: dict[ItemKind, str] = {"text": "text", "uri": "img_uri", "blob": "img_blob"}


class LabelSetSummary(BaseModel):
    """A label set in a list; the version is a hash of its content."""

    name: str
    version: str
    count: int = Field(description="candidates")
    created_at: Timestamp


class StoredItem(BaseModel):
    """A candidate as it was put: one of the three keys. Images in base64 are not given back."""

    text: str | None = None
    img_uri: str | None = None
    img_blob: None = None


class LabelSet(LabelSetSummary):
    """A label set."""

    labels: list[str | None] = Field(
        description="the label of each candidate: its text as it was put, without templates, or "
        "its URL; `null` for an image that was sent in base64"
    )
    templates: list[str] = Field(description="the templates as they were put")
    candidates: list[StoredItem] = Field(description="the candidates as they were put")
    alpha: Alpha = Field(description="what its transparent images are put on")
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
    found: label_content.LabelSet, content: LabelContent | None, models: Iterable[ModelInfo]
) -> LabelSet:
    """A label set in full, with the models it is encoded for; without `content` if that is lost."""
    content = content or LabelContent([], [], ())
    return LabelSet(
        **dict(summary(found)),
        labels=content.labels,
        templates=list(content.given_templates),
        candidates=[StoredItem(**{KEYS[kind]: label}) for kind, label in content.given],
        alpha=content.alpha,
        models=[JobModel(name=model.name, revision=model.revision) for model in models],
    )
