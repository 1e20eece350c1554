"""The settings that every process shares, and how any settings are read."""

import re
import sys
from typing import Annotated, Literal, TypeVar

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

PREFIX = "CLIP_"
SECRET = ("_URL", "_KEYS", "_KEYS_FILE")  # a URL may hold a password


class SharedSettings(BaseSettings):
    """Settings that the API and the workers both obey; frozen once read."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="ignore")

    redis_url: Annotated[str, Field(pattern=r"^(redis|rediss|unix)://")] = Field(
        default="redis://127.0.0.1:6379/0",
        description="Redis or Valkey: broker, ledger of jobs, pictures and results",
    )
    max_image_bytes: Annotated[int, Field(ge=1, le=2**30)] = Field(
        default=20_000_000, description="largest picture file, in bytes"
    )
    fetch_urls: bool = Field(
        default=True, description="`false` refuses every `img_uri`: nothing is fetched for callers"
    )
    worker_ttl_s: Annotated[float, Field(ge=1, le=300)] = Field(
        default=5, description="a worker silent for this long counts as dead"
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="least severe log line that is written"
    )
    log_format: Literal["auto", "json", "text"] = Field(
        default="auto", description="`auto` is text on a terminal and JSON elsewhere"
    )


def words(text: str) -> tuple[str, ...]:
    """The words of a setting that holds several, separated by commas or white space."""
    return tuple(re.findall(r"[^\s,]+", text))


Settings = TypeVar("Settings", bound=SharedSettings)


def read(kind: type[Settings]) -> Settings:
    """Read settings from the environment, or end the process with a message naming the variable."""
    try:
        return kind()
    except ValidationError as error:
        for problem in error.errors(include_url=False):
            name = PREFIX + "_".join(str(part) for part in problem["loc"]).upper()
            given = "" if name.endswith(SECRET) else f" (got {problem['input']!r})"
            told = problem["msg"].removeprefix("Value error, ")
            print(f"{name}: {told}{given}", file=sys.stderr)  # noqa: T201
        sys.exit(2)
