"""The settings that all processes share, and how settings are read."""

import os
import re
import sys
from collections import Counter
from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from typing import Annotated, Literal, TypeAlias, TypeVar
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict
from redis import ConnectionPool

from common.cache.embeddings import CacheBounds
from common.protocol.messages import MAX_MODEL_CHARS, MODEL_NAME
from common.redis import keys
from common.redis.keys import DEFAULT_PREFIX, Keys
from common.setting_names import PREFIX, nearest, service_of, unknown_names
from common.webhooks.secrets import WebhookSecrets, WebhookSecretsFile

VERSION = "0.1.0"
TRACING_PACKAGES = ("opentelemetry.sdk", "opentelemetry.exporter.otlp.proto.http")
HUB_NAME = re.compile(r"[^\s/.~][^\s/]*(/[^\s/]+)?")
HUB_PREFIX = "hf-hub:"
REDIS_SCHEMES = ("redis://", "rediss://", "unix://")
# A URL may hold a password.
SECRET = ("_URL", "_KEYS", "_KEYS_FILE", "_SECRET", "_SECRET_FILE")


def words(text: str) -> tuple[str, ...]:
    """The values of a setting that holds several, separated by commas or white space."""
    return tuple(re.findall(r"[^\s,]+", text))


def _split(value: object) -> object:
    return words(value) if isinstance(value, str) else value


def model_name(name: str) -> str:
    """The name, if it can be that of a model and of its queues."""
    if not MODEL_NAME.fullmatch(name):
        raise ValueError(f"a model's name has at most {MAX_MODEL_CHARS} characters, all visible")
    return name


def without_prefix(model: str) -> str:
    """A model without the prefix by which open_clip tells names on the hub from others."""
    name = model.removeprefix(HUB_PREFIX)
    if not name:
        raise ValueError(f"names no model after {HUB_PREFIX}")
    return name


def public_name(model: str, *, is_folder: bool = False) -> str:
    """What clients call a model: its name on the hub, or the last part of a path."""
    if HUB_NAME.fullmatch(model) and not is_folder:
        return model
    return os.path.basename(os.path.abspath(model)) or model  # noqa: PTH100, PTH119 - no links


def _model_names(given: tuple[str, ...]) -> tuple[str, ...]:
    names = tuple(map(without_prefix, given))
    [*map(model_name, names)]
    if len(set(names)) < len(names):
        raise ValueError("a model is named twice")
    for name, count in Counter(map(public_name, names)).items():
        if count > 1:
            raise ValueError(f"two models have the name {name}")
    return names


def _redis_url(url: str) -> str:
    if not url.startswith(REDIS_SCHEMES):
        raise ValueError(f"must begin with {', '.join(REDIS_SCHEMES[:-1])} or {REDIS_SCHEMES[-1]}")
    try:
        ConnectionPool.from_url(url)
        is_ambiguous = not url.startswith("unix://") and "@" in urlsplit(url).path
    except ValueError:
        is_ambiguous = True
    if is_ambiguous:
        # Not the reason of the parser, which may quote the password.
        raise ValueError("is not a valid URL; percent-encode special characters in the password")
    return url


def _key_prefix(text: str) -> str:
    if not keys.PREFIX.fullmatch(text):
        raise ValueError("must be 1 to 64 letters, digits, or characters of . _ : / -")
    return text


def _has_packages(tracing: bool) -> bool:
    if tracing and not all(map(_is_installed, TRACING_PACKAGES)):
        raise ValueError("needs the packages of requirements/tracing.txt")
    return tracing


def _is_installed(package: str) -> bool:
    try:
        return find_spec(package) is not None
    except ModuleNotFoundError:  # its parent package is missing
        return False


Several = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]
ModelNames: TypeAlias = Annotated[Several, AfterValidator(_model_names)]


class SharedSettings(BaseSettings):
    """Settings of both the API and the workers; frozen once read."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="ignore")

    redis_url: Annotated[str, AfterValidator(_redis_url)] = Field(
        default="redis://127.0.0.1:6379/0",
        description="Redis or Valkey: broker, ledger of jobs, images and results",
    )
    redis_prefix: Annotated[str, AfterValidator(_key_prefix)] = Field(
        default=DEFAULT_PREFIX,
        description="how the names of all keys, channels and queues in Redis begin: the same for "
        "the API and the workers, another one for each service that shares the Redis",
    )
    models: ModelNames = Field(
        default=(),
        description="the models that requests may choose from, the default first; none: the model "
        "that the workers serve. A folder is chosen by the last part of its path",
    )
    max_image_bytes: Annotated[int, Field(ge=1, le=2**30)] = Field(
        default=20_000_000, description="largest image file, in bytes"
    )
    fetch_urls: bool = Field(
        default=True, description="`false` refuses every `img_uri`: the service fetches nothing"
    )
    worker_ttl_s: Annotated[float, Field(ge=1, le=300)] = Field(
        default=5, description="a worker without a heartbeat for this long counts as dead"
    )
    cached_embeddings: Annotated[int, Field(ge=0, le=100_000_000)] = Field(
        default=100_000,
        description="maximum number of embeddings per model in the cache in Redis, 2.2 KB each at"
        " 512 dimensions; 0 for no cache",
    )
    cache_ttl_s: Annotated[int, Field(ge=1, le=2_592_000)] = Field(
        default=86_400,
        description="a model's cached embeddings are dropped when unused for this long",
    )
    webhook_secret: WebhookSecrets = Field(
        default=(),
        description="secret that signs webhooks, `whsec_…`; several during a rotation; none: "
        "requests with a `callback_url` are refused",
    )
    webhook_secret_file: WebhookSecretsFile = Field(
        default=(), description="a file with such secrets; `#` begins a comment line"
    )
    task_events: bool = Field(
        default=False,
        description="`true` sends Celery's task events, for Flower's Tasks page: `task-sent` from "
        "the API, the others from the workers, as `celery worker -E` does",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="lowest level of log lines that are written"
    )
    log_format: Literal["auto", "json", "text"] = Field(
        default="auto", description="`auto` is text on a terminal and JSON elsewhere"
    )
    tracing: Annotated[bool, AfterValidator(_has_packages)] = Field(
        default=False,
        description="`true` sends OpenTelemetry traces to `OTEL_EXPORTER_OTLP_ENDPOINT`",
    )

    @field_validator("*", mode="before")
    @classmethod
    def _stripped(cls, value: object) -> object:
        """Strip white space, such as the carriage returns of Windows files."""
        return value.strip() if isinstance(value, str) else value

    @property
    def keys(self) -> Keys:
        return Keys(self.redis_prefix)

    @property
    def model_names(self) -> tuple[str, ...]:
        """What clients call the models, the default first."""
        return tuple(map(public_name, self.models))

    @property
    def webhook_secrets(self) -> tuple[SecretStr, ...]:
        return self.webhook_secret + self.webhook_secret_file

    @property
    def cache_bounds(self) -> CacheBounds:
        return CacheBounds(self.cached_embeddings, self.cache_ttl_s)


@cache
def _warn(names: Sequence[str], kind: type[SharedSettings]) -> None:
    """Warn only once: gunicorn's processes read the same settings again after their master."""
    for name in names:
        meant = nearest(name, kind.model_fields)
        hint = f"did you mean {meant}?" if meant else "see docs/settings.md"
        print(f"warning: {name} is not a setting; {hint}", file=sys.stderr)  # noqa: T201


Settings = TypeVar("Settings", bound=SharedSettings)


def read(kind: type[Settings]) -> Settings:
    """Read settings from the environment, or exit with a message that names the variable.

    Warns about unknown variables that begin with `CLIP_`.
    """
    _warn(tuple(unknown_names(os.environ, kind.model_fields)), kind)
    try:
        return kind()
    except ValidationError as error:
        for problem in error.errors(include_url=False):
            name = PREFIX + "_".join(str(part) for part in problem["loc"]).upper()
            given = "" if name.endswith(SECRET) else f" (got {problem['input']!r})"
            reason = _reason(name, problem["input"], problem["msg"])
            print(f"{name}: {reason}{given}", file=sys.stderr)  # noqa: T201
        sys.exit(2)


def _reason(name: str, value: object, message: str) -> str:
    service = service_of(name, value)
    if service is None:
        return message.removeprefix("Value error, ")
    return (
        f"Kubernetes sets it for a Service named {service}; set `enableServiceLinks: false` in the "
        "spec of the pod, or give the Service another name"
    )
