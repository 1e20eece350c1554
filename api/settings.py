"""The settings of the API process."""

import re
from functools import cached_property
from ipaddress import ip_address
from typing import Annotated, TypeAlias

from limits import parse_many
from pydantic import AfterValidator, Field, SecretStr

from common.api_keys import ApiKeys, ApiKeysFile
from common.listening import ListenHost
from common.protocol.messages import MAX_PART_IMAGES, MAX_TEXT_CHARS, Alpha, Priority
from common.settings import Several, SharedSettings

MAX_WINDOW_S = 31_104_000
LABELS_LEEWAY_S = 300
# No other wildcards: flask-cors would take them for regular expressions.
ORIGIN = re.compile(r"\*|https?://[a-z0-9.-]+(:\d+)?", re.IGNORECASE)


def _rate_limit(text: str) -> str:
    if text and not all(
        limit.amount > 0 and limit.get_expiry() <= MAX_WINDOW_S for limit in parse_many(text)
    ):
        raise ValueError("a limit must allow at least one request, and last at most a year")
    return text


def _origins(origins: tuple[str, ...]) -> tuple[str, ...]:
    if odd := [origin for origin in origins if not ORIGIN.fullmatch(origin)]:
        raise ValueError(f"{odd[0]!r} is not an origin such as https://example.org")
    return origins


def _web_address(url: str) -> str:
    if url and not re.match(r"https?://[^/\s]", url):
        raise ValueError("a web address begins with http:// or https://")
    return url


def _aliases(pairs: tuple[str, ...]) -> tuple[str, ...]:
    names = [pair.partition("=")[0] for pair in pairs]
    for pair in pairs:
        alias, _, model = pair.partition("=")
        if not alias or not model:
            raise ValueError(f"{pair!r} is not an alias and a model, such as clip=my/model")
    if repeated := [name for name in names if names.count(name) > 1]:
        raise ValueError(f"{repeated[0]!r} is an alias twice")
    return pairs


Aliases: TypeAlias = Annotated[Several, AfterValidator(_aliases)]
Origins: TypeAlias = Annotated[Several, AfterValidator(_origins)]


class ApiSettings(SharedSettings):
    """Limits on requests, and how the server listens."""

    host: ListenHost = Field(
        default="0.0.0.0",  # noqa: S104
        description="address the API listens on, such as `::` for IPv6 and IPv4",
    )
    port: Annotated[int, Field(ge=1, le=65535)] = Field(
        default=3000, description="port the API listens on"
    )
    sync_timeout_s: Annotated[float, Field(gt=0, le=3600)] = Field(
        default=60, description="maximum wait of a synchronous request; after that 504"
    )
    job_timeout_s: Annotated[int, Field(ge=1, le=604_800)] = Field(
        default=3600, description="a job that is not finished after this long expires"
    )
    result_ttl_s: Annotated[int, Field(ge=1, le=2_592_000)] = Field(
        default=86_400, description="how long a finished job is kept"
    )
    sync_result_ttl_s: Annotated[int, Field(ge=1, le=2_592_000)] = Field(
        default=60, description="how long a synchronous request's job is kept after its end"
    )
    max_queries: Annotated[int, Field(ge=1, le=100_000)] = Field(
        default=1000, description="maximum queries of a request, and maximum items of `/encode`"
    )
    max_async_queries: Annotated[int, Field(ge=1, le=1_000_000)] = Field(
        default=10_000, description="the same for an asynchronous request"
    )
    max_candidates: Annotated[int, Field(ge=1, le=100_000)] = Field(
        default=1000, description="maximum candidates of a request"
    )
    max_prompts: Annotated[int, Field(ge=1, le=1_000_000)] = Field(
        default=10_000,
        description="maximum texts that candidates and `templates` make together; templates may "
        "add 100 characters for each of them",
    )
    max_label_sets: Annotated[int, Field(ge=0, le=1_000_000)] = Field(
        default=1000, description="maximum label sets of an API key"
    )
    max_label_set_bytes: Annotated[int, Field(ge=0, le=2**40)] = Field(
        default=250_000_000,
        description="maximum bytes that the label sets of an API key take in Redis, including "
        "replaced and deleted ones that jobs may need",
    )
    alpha: Alpha = Field(
        default="drop",
        description="what transparent images are put on if a request does not say: a background, or"
        " nothing with `drop`, as in the models' own preprocessors",
    )
    max_body_bytes: Annotated[int, Field(ge=1, le=2**31)] = Field(
        default=100_000_000, description="largest request body, in bytes"
    )
    max_text_chars: Annotated[int, Field(ge=1, le=MAX_TEXT_CHARS)] = Field(
        default=20_000, description="longest text, in characters"
    )
    max_open_items: Annotated[int, Field(ge=1, le=10_000_000)] = Field(
        default=50_000, description="maximum items accepted and unfinished; beyond it 503"
    )
    part_queries: Annotated[int, Field(ge=1, le=MAX_PART_IMAGES)] = Field(
        default=32, description="images in one part of a job"
    )
    api_processes: Annotated[int, Field(ge=1, le=64)] = Field(
        default=2, description="API processes"
    )
    api_threads: Annotated[int, Field(ge=1, le=1024)] = Field(
        default=64,
        description="requests that one API process serves at once; 7 of 8 may wait for a job",
    )
    api_keys: ApiKeys = Field(
        default=(),
        description="accepted API keys, of at least 16 characters; none: requests need no key",
    )
    api_keys_file: ApiKeysFile = Field(
        default=(), description="a file with more keys, one per line; `#` begins a comment line"
    )
    rate_limit: Annotated[str, AfterValidator(_rate_limit)] = Field(
        default="", description="rate limit of a key or address: `100 per minute; 5000 per day`"
    )
    trusted_proxies: Annotated[int, Field(ge=0, le=16)] = Field(
        default=0,
        description="number of proxies in front whose `X-Forwarded-For`, `-Proto`, `-Host` and"
        " `-Prefix` are trusted",
    )
    cors_origins: Origins = Field(
        default=(),
        description="origins whose pages may call, such as `https://example.org`; or `*`",
    )
    model_aliases: Aliases = Field(
        default=(),
        description="other names of models for clients of other services' interfaces, such as "
        "`jina-clip-v2=openai/clip-vit-base-patch16`",
    )
    matryoshka_models: Several = Field(
        default=(),
        description="models whose embeddings are trained to be shortened, which `dimensions` of "
        "other services' interfaces may do",
    )
    flower_url: Annotated[str, AfterValidator(_web_address)] = Field(
        default="",
        description="the address of Flower for browsers, which the playground links to",
    )

    @property
    def accepted_keys(self) -> tuple[SecretStr, ...]:
        return self.api_keys + self.api_keys_file

    @cached_property
    def aliased_models(self) -> dict[str, str]:
        """The models by their aliases."""
        return dict(pair.split("=", 1) for pair in self.model_aliases)

    @cached_property
    def shortened_models(self) -> set[str]:
        """The names of `matryoshka_models`, which may be aliases there."""
        return {self.aliased_models.get(name, name) for name in self.matryoshka_models}

    @property
    def waiting_requests(self) -> int:
        """How many requests of a process may wait for a job; the rest serve quick requests."""
        return max(1, self.api_threads * 7 // 8)

    def labels_ttl_s(self, priority: Priority) -> int:
        """How long a job may need the version of a label set that it was sent with."""
        return self.job_timeout_s + self.ttl_s(priority) + LABELS_LEEWAY_S

    def ttl_s(self, priority: Priority) -> int:
        """How long a job is kept after its end."""
        return self.result_ttl_s if priority is Priority.BULK else self.sync_result_ttl_s

    @property
    def is_open_to_others(self) -> bool:
        """Whether other machines may call without a key."""
        return not self.accepted_keys and not _is_loopback(self.host)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
