"""The JSON of requests."""

from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    model_validator,
)
from pydantic_core import PydanticCustomError, PydanticKnownError

from api.request.metadata import Metadata
from api.request.patterns import BASE64, DATA_URIS, TEMPLATE, WEB_ADDRESSES, documented
from common.label_sets.store import NAME
from common.ledger.records import Activation
from common.protocol.messages import HOLE, Alpha

KINDS = ("text", "img_uri", "img_blob")
MAX_KEYS = 16
MAX_TEMPLATES = 100
MAX_TOP = 1_000_000


def _exactly_one(schema: dict[str, Any]) -> None:
    """State in JSON Schema what the validator checks: one kind present, `null` counts as absent."""
    schema["oneOf"] = [
        {"required": [kind], "properties": {kind: {"type": "string"}}} for kind in KINDS
    ]


def _base64_or_bytes(given: object) -> object:
    """The files of a form are bytes, which JSON does not have."""
    if not isinstance(given, str | bytes):
        raise PydanticKnownError("string_type")
    return given


ImageUri = Annotated[str, documented(anyOf=[WEB_ADDRESSES, *DATA_URIS])]
Blob = Annotated[
    str | bytes,
    PlainValidator(_base64_or_bytes),
    documented(anyOf=[{"pattern": BASE64}, *DATA_URIS]),
]


class Closed(BaseModel):
    """An object of a request: only known keys, and no value is converted."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    @model_validator(mode="before")
    @classmethod
    def few_keys(cls, given: object) -> object:
        """Report one fault instead of a thousand if an object is something else entirely."""
        if isinstance(given, dict) and len(given) > MAX_KEYS:
            raise PydanticCustomError(
                "unknown_key",
                "has {count} keys; only {known} are known",
                {"count": len(given), "known": ", ".join(cls.model_fields)},
            )
        return given


class Item(Closed):
    """A text or an image: exactly one of the three keys, `null` counts as absent."""

    model_config = ConfigDict(json_schema_extra=_exactly_one)

    text: str | None = Field(default=None, description="a text", examples=["a t-shirt"])
    img_uri: ImageUri | None = Field(
        default=None, description="the http or https URL of an image, or a data: URI"
    )
    img_blob: Blob | None = Field(
        default=None,
        description="an image in base64, with or without line breaks and padding; or a data: URI",
    )

    @model_validator(mode="after")
    def exactly_one(self) -> "Item":
        given = [kind for kind in KINDS if getattr(self, kind) is not None]
        if not given:
            raise PydanticCustomError("empty_item", "needs one of text, img_uri and img_blob")
        if len(given) > 1:
            raise PydanticCustomError(
                "ambiguous_item", "has {given}; only one is allowed", {"given": " and ".join(given)}
            )
        return self


def _one_hole(text: str) -> str:
    if text.count(HOLE) != 1:
        raise PydanticCustomError("invalid_template", "needs {hole} exactly once", {"hole": HOLE})
    return text


Template = Annotated[str, AfterValidator(_one_hole), documented(pattern=TEMPLATE)]
Templates = Annotated[list[Template], Field(max_length=MAX_TEMPLATES)]


def _not_both(schema: dict[str, Any]) -> None:
    schema["not"] = {
        "required": ["template", "templates"],
        "properties": {"template": {"type": "string"}, "templates": {"type": "array"}},
    }


class Alphas(Closed):
    """What transparent images are put on."""

    alpha: Alpha | None = Field(
        default=None,
        description="what transparent images are put on: a background, or nothing with `drop`, as "
        "in the models' own preprocessors; the deployment's default if absent",
    )


class FormOptions(Alphas):
    """What a form for POST /encode has besides its items."""

    metadata: Metadata | None = None


class Prompts(Closed):
    """Templates for the texts among the candidates; images are left as they are."""

    model_config = ConfigDict(json_schema_extra=_not_both)

    template: Template | None = Field(
        default=None,
        description="`{}` is replaced by each text among the candidates",
        examples=["a photo of a {}"],
    )
    templates: Templates | None = Field(
        default=None,
        description="several templates; the embeddings of a candidate in each are averaged",
    )

    @model_validator(mode="after")
    def not_both(self) -> Self:
        if self.template is not None and self.templates is not None:
            raise PydanticCustomError(
                "ambiguous_template", "has template and templates; only one is allowed"
            )
        return self

    @property
    def given(self) -> tuple[str, ...]:
        """The templates that were given."""
        if self.templates is not None:
            return tuple(self.templates)
        return () if self.template is None else (self.template,)

    @property
    def prompts(self) -> tuple[str, ...]:
        """All templates; if none was given, one that changes nothing."""
        return self.given or (HOLE,)


def _whole(number: object) -> object:
    """JSON has one number type: 3.0 is an integer too."""
    return int(number) if isinstance(number, float) and number.is_integer() else number


Candidates = Annotated[list[Item], Field(min_length=1)]


class LabelSetRequest(Alphas, Prompts):
    """Candidates that many requests share."""

    candidates: Annotated[Candidates, Field(description="what is ranked")]


def _candidates_or_label_set(schema: dict[str, Any]) -> None:
    _not_both(schema)
    absent = {"type": "null"}
    schema["oneOf"] = [
        {
            "required": ["candidates"],
            "properties": {"candidates": {"type": "array"}, "label_set": absent},
        },
        {
            "required": ["label_set"],
            "properties": {
                "label_set": {"type": "string"},
                **dict.fromkeys(("candidates", "template", "templates"), absent),
            },
        },
    ]


class RankRequest(Alphas, Prompts):
    """Rank the candidates, or those of a label set, for each query."""

    model_config = ConfigDict(json_schema_extra=_candidates_or_label_set)

    queries: Annotated[list[Item], Field(min_length=1, description="what is ranked against")]
    candidates: Candidates | None = Field(default=None, description="what is ranked")
    label_set: Annotated[str, Field(pattern=NAME)] | None = Field(
        default=None,
        description="the name of a label set, instead of candidates and templates",
    )
    allow_partial: bool = Field(
        default=False,
        description="answer a query that fails with a null row and an entry in `errors`",
    )
    model: str | None = Field(
        default=None, description="one of those that `GET /models` lists; the default if absent"
    )
    temperature: Annotated[float, Field(gt=0, allow_inf_nan=False)] = Field(
        default=1.0, description="the logits are divided by it"
    )
    top_k: Annotated[int, Field(ge=1, le=MAX_TOP), BeforeValidator(_whole)] | None = Field(
        default=None, description="list this many of the best candidates in `ranking`"
    )
    activation: Activation | None = Field(
        default=None,
        description="turns logits into `probabilities`, instead of the model's own; "
        "`none`: they are the logits themselves, scale · cosine + bias, divided by the temperature",
    )
    callback_url: Annotated[str, documented(**WEB_ADDRESSES)] | None = Field(
        default=None,
        description="only for asynchronous requests: the webhook, sent once the job has ended",
    )
    metadata: Metadata | None = Field(
        default=None, description="strings that the job gives back, in webhooks too"
    )

    @model_validator(mode="after")
    def candidates_or_label_set(self) -> Self:
        if self.label_set is None:
            return self
        given = [
            name
            for name in ("candidates", "template", "templates")
            if getattr(self, name) is not None
        ]
        if given:
            raise PydanticCustomError(
                "ambiguous_candidates",
                "has label_set and {given}; only one is allowed",
                {"given": given[0]},
            )
        return self
