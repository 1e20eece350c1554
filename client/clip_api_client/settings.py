"""The environment variables of the command line, and those that it passes to the service."""

import os
from dataclasses import dataclass
from pathlib import Path

from clip_api_client.client import DEFAULT_URL

PATHS = ("CLIP_DATA", "CLIP_API_KEYS_FILE", "CLIP_WEBHOOK_SECRET_FILE", "CLIP_FETCH_CA_FILE")
MODELS = ("CLIP_MODEL", "CLIP_MODELS")


@dataclass(frozen=True, slots=True)
class Settings:
    """CLIP_API_URL and CLIP_API_KEY, the defaults of options."""

    url: str
    api_key: str | None


def read() -> Settings:
    return Settings(
        os.environ.get("CLIP_API_URL") or DEFAULT_URL, os.environ.get("CLIP_API_KEY") or None
    )


def with_absolute_paths() -> dict[str, str]:
    """The environment for a service that runs in another folder."""
    environment = dict(os.environ)
    for name in PATHS:
        if value := environment.get(name):
            environment[name] = _absolute(value)
    for name in MODELS:
        if value := environment.get(name):
            environment[name] = ",".join(_model(model.strip()) for model in value.split(","))
    return environment


def _model(name: str) -> str:
    """A model's folder as an absolute path; a name on the hub stays."""
    return _absolute(name) if name and Path(name).expanduser().is_dir() else name


def _absolute(path: str) -> str:
    return str(Path(path).expanduser().absolute())
