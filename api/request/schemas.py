"""What a request and an answer look like; the OpenAPI document is made from these."""

from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import PydanticCustomError, PydanticKnownError

from common.label_sets.store import NAME
from common.ledger.records import Activation, State
from common.protocol.messages import HOLE, MAX_URL_CHARS
from common.webhooks.outbox import DeliveryState

KINDS = ("text", "img_uri", "img_blob")
MOST_KEYS = 11
MOST_TEMPLATES = 100
MOST_TOP = 1_000_000
CURSOR = r"^[0-9]{1,12}(\.[0-9]{1,12})?$"
DIGIT = r"[A-Za-z0-9+/][ \t\r\n]*"
# What `items` reads, for the document alone: a regular expression is far slower at it.
BASE64 = (
    r"^(data:image/[A-Za-z0-9_.+-]+(;[A-Za-z0-9_.+-]+=[A-Za-z0-9_.+-]+)*;base64,)?[ \t\r\n]*"
    rf"(({DIGIT}){{4}})*({DIGIT}){{2,4}}[= \t\r\n]*$"
)
WEB_ADDRESS = (
    r"^[hH][tT][tT][pP][sS]?://[^\s\x00-\x1f\x7f-\x9f/?#]+([/?#][^\s\x00-\x1f\x7f-\x9f]*)?$"
)
# A string with one hole: on either side of it no brace is followed by its counterpart.
TEMPLATE = r"^([^{]|\{+[^{}])*\{*\{\}([^{]|\{+[^{}])*\{*$"


def _exactly_one(schema: dict[str, Any]) -> None:
    """State in JSON Schema what the validator checks: one kind present, `null` counts as absent."""
    schema["oneOf"] = [
        {"required": [kind], "properties": {kind: {"type": "string"}}} for kind in KINDS
    ]


def _documented(**keywords: object) -> WithJsonSchema:
    """A string, and what the document says of it; whether that holds is checked elsewhere."""
    return WithJsonSchema({"type": "string", **keywords})


def _base64_or_bytes(given: object) -> object:
    """A form's files come as bytes, which JSON has none of."""
    if not isinstance(given, str | bytes):
        raise PydanticKnownError("string_type")
    return given


WebAddress = Annotated[str, _documented(pattern=WEB_ADDRESS, maxLength=MAX_URL_CHARS)]
Blob = Annotated[str | bytes, PlainValidator(_base64_or_bytes), _documented(pattern=BASE64)]
Timestamp = Annotated[str, _documented(format="date-time")]


class Closed(BaseModel):
    """An object of a request: none but the known keys, and no value is converted."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    @model_validator(mode="before")
    @classmethod
    def few_keys(cls, given: object) -> object:
        """One fault in place of a thousand, where an object is nothing like what it should be."""
        if isinstance(given, dict) and len(given) > MOST_KEYS:
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
    img_uri: WebAddress | None = Field(
        default=None, description="the http or https URL of an image"
    )
    img_blob: Blob | None = Field(
        default=None,
        description="an image in base64, with or without line breaks, padding and a "
        "`data:image/…;base64,` prefix",
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


Template = Annotated[str, AfterValidator(_one_hole), _documented(pattern=TEMPLATE)]
Templates = Annotated[list[Template], Field(min_length=1, max_length=MOST_TEMPLATES)]


def _not_both(schema: dict[str, Any]) -> None:
    schema["not"] = {
        "required": ["template", "templates"],
        "properties": {"template": {"type": "string"}, "templates": {"type": "array"}},
    }


class Prompts(Closed):
    """Templates that texts among the candidates are put into; images are left as they are."""

    model_config = ConfigDict(json_schema_extra=_not_both)

    template: Template | None = Field(
        default=None,
        description="each text among the candidates takes the place of `{}` in it",
        examples=["a photo of a {}"],
    )
    templates: Templates | None = Field(
        default=None, description="several; the embeddings of a candidate in each are averaged"
    )

    @model_validator(mode="after")
    def not_both(self) -> Self:
        if self.template is not None and self.templates is not None:
            raise PydanticCustomError(
                "ambiguous_template", "has template and templates; only one is allowed"
            )
        return self

    @property
    def prompts(self) -> list[str]:
        """All templates; one that changes nothing where none was given."""
        return [self.template or HOLE] if self.templates is None else self.templates


def _whole(number: object) -> object:
    """JSON has one kind of numbers: 3.0 is a whole one too."""
    return int(number) if isinstance(number, float) and number.is_integer() else number


Candidates = Annotated[list[Item], Field(min_length=1)]


class LabelSetRequest(Prompts):
    """Candidates that many requests are to be ranked by."""

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


class RankRequest(Prompts):
    """Rank the candidates, or those of a label set, for each query."""

    model_config = ConfigDict(json_schema_extra=_candidates_or_label_set)

    queries: Annotated[list[Item], Field(min_length=1, description="what is ranked against")]
    candidates: Candidates | None = Field(default=None, description="what is ranked")
    label_set: Annotated[str, Field(pattern=NAME)] | None = Field(
        default=None,
        description="the name of a label set, in place of candidates and of templates",
    )
    allow_partial: bool = Field(
        default=False,
        description="answer a failing query with a null row and an entry in `errors`",
    )
    model: str | None = Field(
        default=None, description="one of those that `GET /models` lists; the default if absent"
    )
    temperature: Annotated[float, Field(gt=0, allow_inf_nan=False)] = Field(
        default=1.0, description="what the logits are divided by"
    )
    top_k: Annotated[int, Field(ge=1, le=MOST_TOP), BeforeValidator(_whole)] | None = Field(
        default=None, description="have the answer tell, in `ranking`, so many of the best"
    )
    activation: Activation | None = Field(
        default=None,
        description="what makes `probabilities` of the logits, in place of the model's own; "
        "`none`: they are the logits themselves, scale · cosine + bias, divided by the temperature",
    )

    callback_url: (
        Annotated[str, _documented(pattern=WEB_ADDRESS, maxLength=MAX_URL_CHARS)] | None
    ) = Field(
        default=None,
        description="only of an asynchronous request: what is told once the job has ended",
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


class FaultBody(BaseModel):
    """One thing wrong with a request."""

    pointer: str = Field(description="JSON Pointer into the request", examples=["/queries/3"])
    code: str = Field(description="stable, for programs", examples=["not_an_image"])
    detail: str = Field(description="in words, for people")


class Ranked(BaseModel):
    """A candidate's place in the ranking; `index` is its place in the request."""

    index: int
    probability: float
    cosine_similarity: float


class RankResponse(BaseModel):
    """Both matrices have a row for each query and a column for each candidate, as requested."""

    probabilities: list[list[float] | None]
    cosine_similarities: list[list[float] | None]
    ranking: list[list[Ranked] | None] | None = Field(
        default=None,
        description="only with `top_k`: for each query its best candidates, the most similar "
        "first, equals in the order of the request",
    )
    errors: list[FaultBody] | None = Field(
        default=None, description="only with `allow_partial`, and only where a query failed"
    )


class Problem(BaseModel):
    """The one shape of every error (RFC 9457)."""

    type: str = Field(examples=["about:blank"])
    title: str
    status: int
    detail: str
    code: str
    errors: list[FaultBody] | None = None


class Links(BaseModel):
    """Where to go from here."""

    self: str
    cancel: str


class Accepted(BaseModel):
    """The job goes on; ask at `links.self`, which is the header `Location` too."""

    id: str
    status: State
    links: Links


class Progress(BaseModel):
    """Counts queries (items, for `/encode`)."""

    total: int
    done: int
    failed: int


class JobSummary(BaseModel):
    """A job as it stands in a list. Times are ISO 8601 in UTC."""

    id: str
    kind: Literal["rank", "encode", "label_set"]
    status: State
    progress: Progress
    created_at: Timestamp
    started_at: Timestamp | None
    finished_at: Timestamp | None
    links: Links


class JobModel(BaseModel):
    """What made the embeddings; before there are any, what the request is for."""

    name: str
    revision: str | None


class LabelSetVersion(BaseModel):
    """The version of a label set that a job was sent with."""

    name: str
    version: str


class LabelSetSummary(BaseModel):
    """A label set as it stands in a list; the version is a hash of its content."""

    name: str
    version: str
    count: int = Field(description="candidates")
    created_at: Timestamp


class LabelSet(LabelSetSummary):
    """A label set."""

    labels: list[str | None] = Field(
        description="what to call each candidate: its text, in the first of its templates, or its "
        "URL; `null` for an image that was sent in base64"
    )
    models: list[JobModel] = Field(description="those whose embeddings of it are stored")


class LabelSetList(BaseModel):
    """All label sets, by name."""

    label_sets: list[LabelSetSummary]


class JobTimings(BaseModel):
    """Where the time went, in seconds, in the part that took longest."""

    queue_s: float
    fetch_s: float
    decode_s: float
    inference_s: float


class CallbackDelivery(BaseModel):
    """What became of telling the `callback_url`.

    The URL is shown to the owner of an API key; where there are none, no more than its host.
    """

    url: str
    state: DeliveryState
    attempts: int
    last_status: int | None = Field(description="that of the last answer, where there was one")
    last_error: str | None = Field(description="why there was none", examples=["fetch_timeout"])
    next_attempt_at: Timestamp | None


class JobEndedData(BaseModel):
    """A job that has ended, without its result and errors: those are at `links.self`."""

    id: str
    kind: Literal["rank", "encode"]
    status: Literal["done", "failed", "cancelled", "expired"]
    progress: Progress
    created_at: Timestamp
    started_at: Timestamp | None
    finished_at: Timestamp
    model: JobModel | None
    links: Links


class JobEnded(BaseModel):
    """What is sent to a `callback_url`."""

    type: Literal["job.done", "job.failed", "job.cancelled", "job.expired"]
    timestamp: Timestamp
    data: JobEndedData


class Job(JobSummary):
    """A job in full. `result` is there once it is done, and is what the request asked for."""

    label_set: LabelSetVersion | None = Field(
        default=None, description="only of a request that named a label set"
    )
    model: JobModel | None
    callback: CallbackDelivery | None = Field(
        default=None, description="only of a request that named a `callback_url`"
    )
    timings: JobTimings
    errors: list[FaultBody]
    truncated: list[str] = Field(description="JSON Pointers of texts that were cut")
    result: RankResponse | list[list[float]] | None = None


class JobList(BaseModel):
    """A page of jobs, newest first; `next` is the cursor of the next page, if there is one."""

    jobs: list[JobSummary]
    next: str | None


class Worker(BaseModel):
    """A live worker."""

    name: str
    model: str
    revision: str
    device: str
    dtype: str
    batch_size: int
    in_flight: int = Field(description="items handed to the model and not yet through")
    queues: list[str] = Field(
        description="the queues that it takes parts from now; synchronous work is in `interactive`"
    )
    since: Timestamp


class Workers(BaseModel):
    """All live workers, the oldest first."""

    workers: list[Worker]


class Resolution(BaseModel):
    """In pixels."""

    height: int
    width: int


class Model(BaseModel):
    """A model that requests may choose; null where no live worker says."""

    name: str
    is_default: bool = Field(description="whether it serves requests that name no model")
    revision: str | None
    family: str | None
    dimension: int | None = Field(description="numbers in an embedding")
    context_length: int | None = Field(description="most tokens of a text")
    resolution: Resolution | None = Field(
        description="what images are scaled to; null too where they keep their shape"
    )
    precision: str | None
    workers: int = Field(description="live workers that serve it")


class Models(BaseModel):
    """The models of `CLIP_MODELS` in its order, then what else live workers serve."""

    models: list[Model]


class Health(BaseModel):
    """The process lives."""

    status: Literal["ok"]


class Readiness(BaseModel):
    """Whether a request would be served now, and why not."""

    status: Literal["ready", "not_ready"] = Field(
        description="`ready` when a live worker of the default model takes synchronous requests"
    )
    redis: bool
    workers: int = Field(description="live workers with a loaded model")
    models: list[str] = Field(description="the models that live workers serve")
    models_without_worker: list[str] = Field(description="those of `CLIP_MODELS` that none serves")
    conflicting_models: list[str] = Field(
        description="models that answer the same requests in turns, because `CLIP_MODELS` does not"
        " name them"
    )
